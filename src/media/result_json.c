/* Results as JSON lines: one object per picture. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "base/memory.h"
#include "stance/result.h"

enum { LINE_LIMIT = 64 << 20 };

struct stance_result_writer {
    FILE *file;
    char *path;
    struct base_buffer line;
};

int stance_result_writer_open(struct stance_result_writer **out, const char *path)
{
    *out = NULL;
    struct stance_result_writer *writer = base_alloc_zero(1, sizeof *writer);
    if (!writer)
        return base_error_memory(sizeof *writer, "a result writer");
    base_buffer_init(&writer->line, LINE_LIMIT);
    writer->path = base_strdup(path);
    int code = writer->path ? 0 : base_error_memory(strlen(path), "a path");
    if (code == 0) {
        writer->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
        if (!writer->file)
            code = base_error(STANCE_EIO, "cannot write '%s': %s", path, strerror(errno));
    }
    if (code < 0)
        stance_result_writer_close(&writer);
    *out = writer;
    return code;
}

static void write_floats(struct base_json *json, const float *values, int count, int decimals)
{
    base_json_array(json);
    for (int i = 0; i < count; i++)
        base_json_float(json, (double)values[i], decimals);
    base_json_close(json);
}

static void write_person(struct base_json *json, const struct stance_person *person, int keypoints)
{
    base_json_object(json);
    base_json_key(json, "box");
    write_floats(json, person->box, 4, 2);
    base_json_key(json, "box_score");
    base_json_float(json, (double)person->box_score, 4);
    base_json_key(json, "score");
    base_json_float(json, (double)person->score, 4);
    base_json_key(json, "keypoints");
    base_json_array(json);
    for (int k = 0; k < keypoints; k++) {
        const struct stance_keypoint *point = &person->keypoints[k];
        base_json_array(json);
        base_json_float(json, (double)point->x, 2);
        base_json_float(json, (double)point->y, 2);
        base_json_float(json, (double)point->score, 4);
        base_json_close(json);
    }
    base_json_close(json);
    base_json_close(json);
}

static int write_line(struct base_buffer *line, const char *file,
                      const struct stance_pose_result *result)
{
    struct base_json json;
    base_json_begin(&json, line, false);
    base_json_object(&json);
    base_json_key(&json, "file");
    base_json_string(&json, file);
    base_json_key(&json, "width");
    base_json_int(&json, result->width);
    base_json_key(&json, "height");
    base_json_int(&json, result->height);
    base_json_key(&json, "keypoint_set");
    base_json_string(&json, result->keypoint_set->name);
    base_json_key(&json, "people");
    base_json_array(&json);
    for (int i = 0; i < result->person_count; i++)
        write_person(&json, &result->people[i], result->keypoint_set->count);
    base_json_close(&json);
    base_json_close(&json);
    BASE_TRY(base_json_end(&json));
    return base_buffer_append(line, "\n", 1);
}

static int write_failed(const struct stance_result_writer *writer)
{
    return base_error(STANCE_EIO, "cannot write '%s': %s", writer->path, strerror(errno));
}

int stance_result_writer_add(struct stance_result_writer *writer, const char *file,
                             const struct stance_pose_result *result)
{
    writer->line.size = 0;
    BASE_TRY(write_line(&writer->line, file, result));
    if (fwrite(writer->line.data, 1, writer->line.size, writer->file) != writer->line.size ||
        fflush(writer->file) != 0)
        return write_failed(writer);
    return 0;
}

int stance_result_writer_close(struct stance_result_writer **handle)
{
    struct stance_result_writer *writer = *handle;
    *handle = NULL;
    if (!writer)
        return 0;
    int code = 0;
    if (writer->file && writer->file != stdout && fclose(writer->file) != 0)
        code = write_failed(writer);
    base_buffer_free(&writer->line);
    base_free(writer->path);
    base_free(writer);
    return code;
}
