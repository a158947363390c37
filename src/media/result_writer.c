/* Results to files, whatever their format: appended and flushed, collected under a temporary name,
 * or one file each. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/result_format.h"

enum { ITEM_LIMIT = 64 << 20 };

const struct media_result_format *const media_result_formats[] = {
    &media_result_json,     &media_result_coco, &media_result_mmpose,
    &media_result_openpose, &media_result_csv,  NULL,
};

struct stance_result_writer {
    const struct media_result_format *format;
    struct media_result_state state;
    char *path;
    char part[BASE_PATH_BYTES]; /* "": written to its own name */
    FILE *file;                 /* NULL: a folder */
    bool broken;                /* an entry is lost, and its writer knows */
    struct base_buffer text;
};

const struct stance_result_format *stance_result_format(int i)
{
    int count = 0;
    while (media_result_formats[count])
        count++;
    return i >= 0 && i < count ? &media_result_formats[i]->face : NULL;
}

void stance_result_item_default(struct stance_result_item *item)
{
    *item = (struct stance_result_item){.struct_size = sizeof *item, .frame = -1, .image_id = -1};
}

static int find_format(const struct media_result_format **out, const char *path, const char *name)
{
    const char *dot = strrchr(path, '.');
    if (!name)
        name = dot && strcasecmp(dot, ".csv") == 0 ? "csv" : "json";
    for (int i = 0; (*out = media_result_formats[i]); i++)
        if (strcmp((*out)->face.name, name) == 0)
            return 0;
    return base_error(STANCE_EARGUMENT,
                      "there is no result format '%s': json, coco, mmpose, openpose, csv", name);
}

static int write_failed(const struct stance_result_writer *writer)
{
    int reason = errno;
    return base_error(STANCE_EIO, "cannot write '%s': %s%s%s", writer->path, strerror(reason),
                      writer->part[0] ? "; what was written before is in " : "", writer->part);
}

static int open_file(struct stance_result_writer *writer)
{
    bool standard = strcmp(writer->path, "-") == 0;
    if (writer->format->shape == MEDIA_RESULT_FOLDER)
        return standard ? base_error(STANCE_EARGUMENT, "the format %s needs a folder to write into",
                                     writer->format->face.name)
                        : base_file_make_folder(writer->path);
    bool array = writer->format->shape == MEDIA_RESULT_ARRAY;
    if (array && !standard) {
        int length = snprintf(writer->part, sizeof writer->part, "%s.part-%ld", writer->path,
                              (long)getpid());
        if (length < 0 || (size_t)length >= sizeof writer->part)
            return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", writer->path);
    }
    const char *path = writer->part[0] ? writer->part : writer->path;
    writer->file = standard ? stdout : fopen(path, "wb");
    if (!writer->file) {
        writer->part[0] = 0;
        return write_failed(writer);
    }
    return array && (fputs("[", writer->file) < 0 || fflush(writer->file) != 0)
               ? write_failed(writer)
               : 0;
}

/* Closes what is half built, too; without a last word in the file. */
static void free_writer(struct stance_result_writer *writer)
{
    if (writer->file && writer->file != stdout)
        fclose(writer->file);
    base_buffer_free(&writer->text);
    base_free(writer->path);
    base_free(writer);
}

int stance_result_writer_open(struct stance_result_writer **out, const char *path,
                              const char *format)
{
    *out = NULL;
    const struct media_result_format *found;
    BASE_TRY(find_format(&found, path, format));
    struct stance_result_writer *writer = base_alloc_zero(1, sizeof *writer);
    if (!writer)
        return base_error_memory(sizeof *writer, "a result writer");
    base_buffer_init(&writer->text, ITEM_LIMIT);
    writer->format = found;
    writer->path = base_strdup(path);
    int code = writer->path ? open_file(writer) : base_error_memory(strlen(path), "a path");
    if (code < 0)
        free_writer(writer);
    else
        *out = writer;
    return code;
}

/* As OpenPose names them: NAME_keypoints.json, for frames NAME_000000000012_keypoints.json. */
static int write_single(const struct stance_result_writer *writer,
                        const struct stance_result_item *item)
{
    char path[BASE_PATH_BYTES], stem[256], number[24] = "";
    media_result_stem(item->file, stem, sizeof stem);
    if (item->frame >= 0)
        snprintf(number, sizeof number, "_%012lld", (long long)item->frame);
    int length = snprintf(path, sizeof path, "%s/%s%s_keypoints.json", writer->path, stem, number);
    if (length < 0 || (size_t)length >= sizeof path)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", writer->path);
    return base_file_write(path, writer->text.data, writer->text.size);
}

int stance_result_writer_add(struct stance_result_writer *writer,
                             const struct stance_result_item *given)
{
    struct stance_result_item item;
    stance_result_item_default(&item);
    memcpy(&item, given, given->struct_size < sizeof item ? given->struct_size : sizeof item);
    if (!item.file || (!item.result && !item.error))
        return base_error(STANCE_EARGUMENT, "a result without %s", item.file ? "content" : "file");
    char file[BASE_PATH_BYTES];
    snprintf(file, sizeof file, "%s", item.file);
    stance_hide_passwords(file);
    item.file = file;
    writer->text.size = 0;
    struct media_result_state before = writer->state;
    int code = writer->format->write(&writer->text, &writer->state, &item);
    if (code < 0) {
        writer->state = before;
        return code;
    }
    writer->state.items++;
    if (!writer->file)
        return write_single(writer, &item);
    if (fwrite(writer->text.data, 1, writer->text.size, writer->file) != writer->text.size ||
        fflush(writer->file) != 0) {
        writer->broken = true;
        return write_failed(writer);
    }
    return 0;
}

/* After a failed add lines have nothing more to say; an array is not whole and keeps its temporary
 * name. */
static int finish_broken(const struct stance_result_writer *writer)
{
    if (!writer->part[0])
        return 0;
    return base_error(STANCE_EIO, "'%s' is not whole; what was written is in %s", writer->path,
                      writer->part);
}

static int finish(struct stance_result_writer *writer)
{
    bool failed = false;
    if (writer->broken)
        return finish_broken(writer);
    if (writer->format->shape == MEDIA_RESULT_ARRAY)
        failed |= fputs("\n]\n", writer->file) < 0;
    failed |= fflush(writer->file) != 0;
    if (writer->file == stdout)
        return failed ? write_failed(writer) : 0;
    if (writer->part[0] && !failed)
        failed = fsync(fileno(writer->file)) != 0 && errno != EINVAL && errno != EROFS;
    int reason = errno, closing = fclose(writer->file);
    writer->file = NULL;
    errno = failed ? reason : errno;
    if (failed || closing != 0 || (writer->part[0] && rename(writer->part, writer->path) != 0))
        return write_failed(writer);
    return 0;
}

int stance_result_writer_close(struct stance_result_writer **handle)
{
    struct stance_result_writer *writer = *handle;
    *handle = NULL;
    if (!writer)
        return 0;
    int code = writer->file ? finish(writer) : 0;
    free_writer(writer);
    return code;
}

/* ---- What formats share ---- */

int media_result_entry(struct base_buffer *out, struct media_result_state *state)
{
    bool first = !state->any;
    state->any = true;
    return base_buffer_append(out, first ? "\n" : ",\n", first ? 1 : 2);
}

void media_result_stem(const char *file, char *stem, size_t size)
{
    size_t length = strstr(file, "://") ? strcspn(file, "?#") : strlen(file);
    const char *start = file + length;
    while (start > file && start[-1] != '/')
        start--;
    length -= (size_t)(start - file);
    for (size_t i = length; i-- > 1;)
        if (start[i] == '.') {
            length = i;
            break;
        }
    if (strcmp(file, "-") == 0)
        snprintf(stem, size, "stdin");
    else
        snprintf(stem, size, "%.*s", length ? (int)length : 7, length ? start : "picture");
}

int media_result_people(const struct stance_result_item *item)
{
    return item->result ? item->result->person_count : 0;
}

int media_result_keypoints(const struct stance_result_item *item)
{
    return item->result && item->result->keypoint_set ? item->result->keypoint_set->count : 0;
}

void media_result_floats(struct base_json *json, const float *values, int count, int decimals)
{
    base_json_array(json);
    for (int i = 0; i < count; i++)
        base_json_float(json, (double)values[i], decimals);
    base_json_close(json);
}

void media_result_number(struct base_json *json, float value, int decimals)
{
    base_json_float(json, isfinite(value) ? (double)value : 0, decimals);
}
