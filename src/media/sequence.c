/* Folders, patterns and numbered names as a stream of pictures, one file a frame. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/source.h"

enum { MOST_FILES = 10 * 1000 * 1000, DEFAULT_RATE = 25 };

struct sequence {
    struct media_source base;
    glob_t found;
    size_t next;
    double interval_us;
    struct stance_image *first; /* read when opening, to know the size */
};

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

/* The one "%d" or "%04d" of a numbered name; NULL for none. `*length`: of the directive. */
static const char *find_number(const char *input, size_t *length)
{
    const char *found = NULL;
    for (const char *at = strchr(input, '%'); at; at = strchr(at + 1, '%')) {
        size_t digits = strspn(at + 1, "0123456789");
        if (found || at[1 + digits] != 'd' || digits > 2)
            return NULL;
        found = at;
        *length = digits + 2;
    }
    return found;
}

static bool is_sequence(const char *input)
{
    size_t length;
    if (is_folder(input))
        return true;
    return !exists(input) && (strpbrk(input, "*?[") || find_number(input, &length));
}

/* Natural order: runs of digits compare as numbers, "2" before "10". */
static int compare(const void *left, const void *right)
{
    const unsigned char *a = *(const unsigned char *const *)left;
    const unsigned char *b = *(const unsigned char *const *)right;
    const unsigned char *start = a, *other = b;
    while (*a && *b) {
        size_t m = strspn((const char *)a, "0123456789"), n = strspn((const char *)b, "0123456789");
        if (m && n) {
            size_t zeros = strspn((const char *)a, "0"), naughts = strspn((const char *)b, "0");
            zeros -= zeros == m;
            naughts -= naughts == n;
            if (m - zeros != n - naughts)
                return m - zeros < n - naughts ? -1 : 1;
            int order = memcmp(a + zeros, b + naughts, m - zeros);
            if (order)
                return order;
            a += m;
            b += n;
        } else if (*a != *b) {
            return *a < *b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a || *b ? (*a ? 1 : -1) : strcmp((const char *)start, (const char *)other);
}

/* Letters that glob() would take for more than themselves. */
static int append_plain(char *pattern, size_t size, const char *text, size_t length)
{
    size_t at = strlen(pattern);
    for (size_t i = 0; i < length; i++) {
        bool special = strchr("*?[\\", text[i]) != NULL;
        if (at + 3 > size)
            return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", text);
        if (special)
            pattern[at++] = '\\';
        pattern[at++] = text[i];
    }
    pattern[at] = 0;
    return 0;
}

/* What glob() shall look for. */
static int make_pattern(char *pattern, size_t size, const char *input)
{
    size_t length = 0;
    const char *number = is_folder(input) ? NULL : find_number(input, &length);
    pattern[0] = 0;
    if (is_folder(input)) {
        BASE_TRY(append_plain(pattern, size - 2, input, strlen(input)));
        memcpy(pattern + strlen(pattern), "/*", 3);
        return 0;
    }
    if (!number || strpbrk(input, "*?[")) {
        if ((size_t)snprintf(pattern, size, "%s", input) >= size)
            return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", input);
        return 0;
    }
    BASE_TRY(append_plain(pattern, size - 6, input, (size_t)(number - input)));
    memcpy(pattern + strlen(pattern), "[0-9]*", 7);
    return append_plain(pattern, size, number + length, strlen(number + length));
}

/* Whether a file that the pattern found is a number between the two ends, as wide as was asked. */
static bool is_numbered(const char *path, const char *input)
{
    size_t length = 0;
    const char *number = find_number(input, &length);
    if (is_folder(input) || !number || strpbrk(input, "*?["))
        return true;
    size_t digits = strspn(path + (number - input), "0123456789");
    size_t width = number[1] == '0' ? (size_t)strtol(number + 1, NULL, 10) : 1;
    return digits >= width && strcmp(path + (number - input) + digits, number + length) == 0;
}

/* In folders everything that is not a picture by its name is passed. */
static bool has_picture_name(const char *path)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png",  ".webp",
                                          ".bmp", ".tif",  ".tiff", ".gif"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

static void drop_others(struct sequence *sequence, const char *input)
{
    bool folder = is_folder(input);
    size_t kept = 0;
    for (size_t i = 0; i < sequence->found.gl_pathc; i++) {
        char *path = sequence->found.gl_pathv[i];
        if (is_numbered(path, input) && (!folder || has_picture_name(path)) && !is_folder(path)) {
            sequence->found.gl_pathv[i] = sequence->found.gl_pathv[kept];
            sequence->found.gl_pathv[kept++] = path;
        }
    }
    sequence->next = kept; /* for now: how many */
}

static int find_files(struct sequence *sequence, const char *input)
{
    char pattern[BASE_PATH_BYTES];
    BASE_TRY(make_pattern(pattern, sizeof pattern, input));
    int failed = glob(pattern, GLOB_NOSORT, NULL, &sequence->found);
    if (failed == GLOB_NOSPACE)
        return base_error_memory(0, "a list of files");
    if (failed == GLOB_ABORTED)
        return base_error(STANCE_EIO, "cannot list '%s': %s", input, strerror(errno));
    if (failed == 0)
        drop_others(sequence, input);
    if (sequence->next == 0)
        return base_error(STANCE_ENOTFOUND,
                          is_folder(input) ? "there are no pictures in '%s'"
                                           : "no file is called like '%s'",
                          input);
    if (sequence->next > MOST_FILES)
        return base_error(STANCE_ELIMIT, "'%s': more than %d files", input, MOST_FILES);
    qsort(sequence->found.gl_pathv, sequence->next, sizeof(char *), compare);
    sequence->base.info.frame_count = (int64_t)sequence->next;
    sequence->next = 0;
    return 0;
}

static void close_sequence(struct media_source *base)
{
    struct sequence *sequence = (struct sequence *)base;
    stance_image_close(&sequence->first);
    globfree(&sequence->found);
    base_free(sequence);
}

/* A first picture that cannot be read is reported when its turn comes. */
static void fill_info(struct sequence *sequence, const struct media_request *request)
{
    struct stance_video_info *info = &sequence->base.info;
    double rate = request->options->frame_rate > 0 ? request->options->frame_rate : DEFAULT_RATE;
    sequence->interval_us = 1e6 / rate;
    info->frame_rate = rate;
    info->duration_us = (int64_t)((double)info->frame_count * sequence->interval_us + 0.5);
    snprintf(info->container, sizeof info->container, "pictures");
    if (stance_image_read(&sequence->first, sequence->found.gl_pathv[0]) == 0) {
        info->width = sequence->first->width;
        info->height = sequence->first->height;
    }
    sequence->base.base_num = sequence->base.aspect_num = sequence->base.aspect_den = 1;
    sequence->base.base_den = 90000;
}

static int open_sequence(struct media_source **out, const struct media_request *request)
{
    *out = NULL;
    struct sequence *sequence = base_alloc_zero(1, sizeof *sequence);
    if (!sequence)
        return base_error_memory(sizeof *sequence, "a picture sequence");
    sequence->base.kind = &media_sequence_source;
    int code = find_files(sequence, request->input);
    if (code == 0)
        fill_info(sequence, request);
    if (code < 0)
        close_sequence(&sequence->base);
    else
        *out = &sequence->base;
    return code;
}

static int64_t time_of(const struct sequence *sequence, size_t index)
{
    return (int64_t)((double)index * sequence->interval_us + 0.5);
}

static int next_picture(struct media_source *base, struct stance_video_frame *frame)
{
    struct sequence *sequence = (struct sequence *)base;
    if (sequence->next >= (size_t)base->info.frame_count)
        return STANCE_VIDEO_END;
    size_t index = sequence->next++;
    frame->time_us = time_of(sequence, index);
    frame->duration_us = time_of(sequence, index + 1) - frame->time_us;
    frame->image = sequence->first;
    sequence->first = NULL;
    if (frame->image)
        return STANCE_VIDEO_FRAME;
    int code = stance_image_read(&frame->image, sequence->found.gl_pathv[index]);
    if (code == STANCE_ENOMEMORY)
        return code;
    if (code < 0) {
        snprintf(base->cause, sizeof base->cause, "frame %zu: %s", index, stance_error_text());
        frame->code = code;
        frame->cause = base->cause;
    }
    return STANCE_VIDEO_FRAME;
}

const struct media_source_kind media_sequence_source = {"sequence", is_sequence, open_sequence,
                                                        next_picture, close_sequence};
