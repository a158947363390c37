/* MOTChallenge's text tables: read, built row by row, written. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "track/mot_file.h"

#define FILE_LIMIT ((size_t)1 << 30)
#define LEAST_EXTENT 1e-6 /* pixels; areas stay numbers */
#define MOST_SCORE 1e9
enum { MOST_ROWS = 10000000, LEAST_FIELDS = 6, READ_FIELDS = 7 };

struct stance_mot {
    struct stance_mot_row *rows;
    size_t count, capacity;
};

static int append(struct stance_mot *mot, const struct stance_mot_row *row)
{
    if (mot->count == MOST_ROWS)
        return base_error(STANCE_ELIMIT, "a MOT table has at most %d rows", MOST_ROWS);
    if (mot->count == mot->capacity) {
        size_t wish = mot->capacity ? mot->capacity * 2 : 256;
        void *grown = base_realloc(mot->rows, mot->count * sizeof *row, wish * sizeof *row);
        if (!grown)
            return base_error_memory(wish * sizeof *row, "a MOT table");
        mot->rows = grown;
        mot->capacity = wish;
    }
    mot->rows[mot->count++] = *row;
    return 0;
}

static int take_field(const char **at, const char *end, double *out)
{
    const char *comma = memchr(*at, ',', (size_t)(end - *at));
    const char *first = *at, *last = comma ? comma : end;
    while (first < last && (*first == ' ' || *first == '\t'))
        first++;
    while (first < last && (last[-1] == ' ' || last[-1] == '\t'))
        last--;
    *at = comma ? comma + 1 : NULL;
    return base_number_double(first, (size_t)(last - first), out);
}

/* Whole numbers may be written as 7.0, as numpy does. */
static int check_whole(const char *what, double value, double least)
{
    if (value >= least && value <= 9007199254740992.0 && value == floor(value))
        return 0;
    return base_error(STANCE_EFORMAT, "%g is not a%s whole number for the %s", value,
                      least < 0 ? "" : " positive", what);
}

static int parse_row(const char *line, const char *end, struct stance_mot_row *row)
{
    double fields[READ_FIELDS] = {[6] = 1};
    int count = 0;
    for (const char *at = line; at && count < READ_FIELDS; count++)
        BASE_TRY(take_field(&at, end, &fields[count]));
    if (count < LEAST_FIELDS)
        return base_error(STANCE_EFORMAT,
                          "there are %d fields where frame, id, left, top, width and height are "
                          "needed",
                          count);
    BASE_TRY(check_whole("frame", fields[0], 0));
    BASE_TRY(check_whole("id", fields[1], -9007199254740992.0));
    for (int i = 2; i < LEAST_FIELDS; i++)
        if (!(fabs(fields[i]) <= 1e7))
            return base_error(STANCE_EFORMAT, "%g is no coordinate of a picture", fields[i]);
    if (!(fabs(fields[LEAST_FIELDS]) <= MOST_SCORE))
        return base_error(STANCE_EFORMAT, "%g is no score", fields[LEAST_FIELDS]);
    if (!(fields[4] >= LEAST_EXTENT) || !(fields[5] >= LEAST_EXTENT))
        return base_error(STANCE_EFORMAT, "a box of %g × %g has no extent", fields[4], fields[5]);
    *row = (struct stance_mot_row){.frame = (int64_t)fields[0],
                                   .id = (int64_t)fields[1],
                                   .left = fields[2],
                                   .top = fields[3],
                                   .width = fields[4],
                                   .height = fields[5],
                                   .score = fields[6]};
    return 0;
}

static int parse(struct stance_mot *mot, const char *data, size_t size, const char *name)
{
    const char *at = data, *end = data + size;
    for (long number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end, *last = stop;
        struct stance_mot_row row;
        while (last > at && (last[-1] == '\r' || last[-1] == ' ' || last[-1] == '\t'))
            last--;
        if (last > at) {
            int code = parse_row(at, last, &row);
            if (code == 0)
                code = append(mot, &row);
            if (code == STANCE_EARGUMENT)
                code = STANCE_EFORMAT; /* a field that is no number */
            if (code < 0)
                return base_error_context(code, "%s, line %ld", name, number);
        }
        at = newline ? newline + 1 : end;
    }
    return 0;
}

/* By frame; those of one frame stay in their order. */
static int sort(struct stance_mot *mot)
{
    size_t count = mot->count, i = 1;
    while (i < count && mot->rows[i - 1].frame <= mot->rows[i].frame)
        i++;
    if (i >= count)
        return 0;
    struct stance_mot_row *from = mot->rows, *to = base_alloc(count * sizeof *to);
    if (!to)
        return base_error_memory(count * sizeof *to, "a MOT table");
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t middle = start + width < count ? start + width : count;
            size_t end = middle + width < count ? middle + width : count;
            size_t a = start, b = middle;
            for (size_t out = start; out < end; out++)
                to[out] = a < middle && (b == end || from[a].frame <= from[b].frame) ? from[a++]
                                                                                     : from[b++];
        }
        struct stance_mot_row *other = from;
        from = to;
        to = other;
    }
    base_free(to);
    mot->rows = from;
    mot->capacity = count;
    return 0;
}

int track_mot_open_bytes(struct stance_mot **out, const char *data, size_t size, const char *name)
{
    *out = NULL;
    struct stance_mot *mot = base_alloc_zero(1, sizeof *mot);
    if (!mot)
        return base_error_memory(sizeof *mot, "a MOT table");
    int code = parse(mot, data, size, name);
    if (code == 0)
        code = sort(mot);
    if (code < 0)
        stance_mot_close(&mot);
    *out = mot;
    return code;
}

int stance_mot_open(struct stance_mot **out, const char *path)
{
    struct base_buffer text;
    bool pipe = strcmp(path, "-") == 0;
    *out = NULL;
    base_buffer_init(&text, FILE_LIMIT);
    int code = base_file_read(&text, pipe ? "/dev/stdin" : path);
    if (code == 0)
        code = track_mot_open_bytes(out, text.data, text.size, pipe ? "standard input" : path);
    base_buffer_free(&text);
    return code;
}

void stance_mot_close(struct stance_mot **mot)
{
    if (*mot)
        base_free((*mot)->rows);
    base_free(*mot);
    *mot = NULL;
}

const struct stance_mot_row *stance_mot_rows(const struct stance_mot *mot, int *count)
{
    *count = mot ? (int)mot->count : 0;
    return mot ? mot->rows : NULL;
}

int stance_mot_add(struct stance_mot **mot, const struct stance_mot_row *row)
{
    const double values[] = {row->left, row->top, row->width, row->height, row->score};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (!(fabs(values[i]) <= MOST_SCORE))
            return base_error(STANCE_EARGUMENT, "a MOT row cannot hold %g", values[i]);
    if (row->frame < 0)
        return base_error(STANCE_EARGUMENT, "there is no frame %lld", (long long)row->frame);
    if (*mot && (*mot)->count && (*mot)->rows[(*mot)->count - 1].frame > row->frame)
        return base_error(STANCE_EARGUMENT, "frame %lld comes after frame %lld",
                          (long long)row->frame, (long long)(*mot)->rows[(*mot)->count - 1].frame);
    if (!*mot && !(*mot = base_alloc_zero(1, sizeof **mot)))
        return base_error_memory(sizeof **mot, "a MOT table");
    return append(*mot, row);
}

/* Fixed decimals whatever the locale. */
static int put_number(struct base_buffer *out, double value, long long unit, int digits)
{
    long long whole = llround(fabs(value) * (double)unit);
    return base_buffer_format(out, ",%s%lld.%0*lld", value < 0 && whole ? "-" : "", whole / unit,
                              digits, whole % unit);
}

static int put_row(struct base_buffer *out, const struct stance_mot_row *row)
{
    const double box[] = {row->left, row->top, row->width, row->height};
    BASE_TRY(base_buffer_format(out, "%lld,%lld", (long long)row->frame, (long long)row->id));
    for (int i = 0; i < 4; i++)
        BASE_TRY(put_number(out, box[i], 100, 2));
    BASE_TRY(put_number(out, row->score, 10000, 4));
    return base_buffer_format(out, ",-1,-1,-1\n");
}

int stance_mot_save(const struct stance_mot *mot, const char *path)
{
    struct base_buffer text;
    int code = 0;
    base_buffer_init(&text, FILE_LIMIT);
    for (size_t i = 0; mot && i < mot->count && code == 0; i++)
        code = put_row(&text, &mot->rows[i]);
    if (code == 0 && strcmp(path, "-") != 0)
        code = base_file_write(path, text.data ? text.data : "", text.size);
    else if (code == 0 && text.size &&
             (fwrite(text.data, 1, text.size, stdout) != text.size || fflush(stdout) != 0))
        code = base_error(STANCE_EIO, "cannot write to standard output");
    base_buffer_free(&text);
    return code;
}
