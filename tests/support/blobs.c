/* Blobs: drawing, networks, comparing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/network.h"
#include "model/family.h"
#include "onnx/onnx_write.h"
#include "support/blobs.h"
#include "support/trial.h"

/* Corners of the colour cube: for each there is a sum of channels that only it makes positive. */
static const struct dot {
    double x, y;
    uint8_t color[3];
    float sum[3], offset;
} dots[BLOB_POINTS] = {
    {-15, -27, {255, 0, 0}, {1, -1, -1}, 0},  {15, -27, {0, 255, 0}, {-1, 1, -1}, 0},
    {-15, 0, {0, 0, 255}, {-1, -1, 1}, 0},    {15, 0, {255, 255, 0}, {1, 1, -1}, -1},
    {-15, 27, {0, 255, 255}, {-1, 1, 1}, -1}, {15, 27, {255, 0, 255}, {1, -1, 1}, -1},
};
static const double radius = 3.5;

enum { CLASSES = 80 };

/* ---- Networks ---------------------------------------------------------------------------------- */

static void floats(struct onnx_writer *writer, const char *name, int64_t rows, int64_t columns,
                   const float *values)
{
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32,
                                   .rank = columns ? 4 : 1,
                                   .dims = {rows, columns, 1, 1},
                                   .data = (void *)(uintptr_t)values};
    onnx_writer_initializer(writer, name, &tensor);
}

static void pool(struct onnx_writer *writer, const char *input, const char *output,
                 const int64_t kernel[2], int64_t stride, const int64_t pads[4])
{
    onnx_writer_node(writer, "AveragePool", "", input, output);
    onnx_writer_ints(writer, "kernel_shape", kernel, 2);
    onnx_writer_ints(writer, "strides", (const int64_t[]){stride, stride}, 2);
    onnx_writer_ints(writer, "pads", pads, 4);
    onnx_writer_int(writer, "count_include_pad", 1);
}

/* A map of the classes' scores, of which only BLOB_CLASS or the only one is not low everywhere, and
 * four distances out of one channel. */
static void head(struct onnx_writer *writer, const char *input, const char *output, int classes,
                 float slope, float offset)
{
    const float sides[4] = {BLOB_WIDTH / 2, BLOB_HEIGHT / 2, BLOB_WIDTH / 2, BLOB_HEIGHT / 2};
    float weights[CLASSES + 4] = {0}, bias[CLASSES + 4];
    for (int i = 0; i < classes; i++)
        bias[i] = -10;
    weights[classes > 1 ? BLOB_CLASS : 0] = slope;
    bias[classes > 1 ? BLOB_CLASS : 0] = offset;
    memcpy(bias + classes, sides, sizeof sides);
    char inputs[64], names[2][16];
    for (int i = 0; i < 2; i++)
        snprintf(names[i], sizeof names[i], "%s_%d", output, i);
    snprintf(inputs, sizeof inputs, "%s,%s,%s", input, names[0], names[1]);
    floats(writer, names[0], classes + 4, 1, weights);
    floats(writer, names[1], classes + 4, 0, bias);
    onnx_writer_node(writer, "Conv", "", inputs, output);
}

static struct base_buffer finish(struct onnx_writer *writer)
{
    struct base_buffer model;
    base_buffer_init(&model, 1 << 20);
    trial_check(onnx_writer_finish(writer, &model));
    onnx_writer_free(writer);
    return model;
}

/* A body in the middle of a cell has a brightness of 0.975, one between four cells 0.845; cells a step
 * further from it than the nearest have less than 0.75. */
static struct base_buffer detector_model(int classes)
{
    struct onnx_writer writer;
    float weights[3], bias = 0;
    onnx_writer_init(&writer, 1 << 20);
    onnx_writer_opset(&writer, "", 13);
    const int64_t in[] = {1, 3, BLOBS_HEIGHT, BLOBS_WIDTH};
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    for (int i = 0; i < 3; i++) {
        const int64_t map[] = {1, classes + 4, BLOBS_HEIGHT / 8 >> i, BLOBS_WIDTH / 8 >> i};
        const char *const names[] = {"near", "middle", "far"};
        onnx_writer_output(&writer, names[i], STANCE_FLOAT32, 4, map);
        weights[i] = model_std_rgb[2 - i] / (3 * 255);
        bias += model_mean_rgb[2 - i] / (3 * 255);
    }
    floats(&writer, "weights", 1, 3, weights);
    floats(&writer, "bias", 1, 0, &bias);
    onnx_writer_node(&writer, "Conv", "", "x,weights,bias", "brightness");
    const int64_t body[] = {BLOB_HEIGHT, BLOB_WIDTH}, two[] = {2, 2}, none[4] = {0};
    pool(&writer, "brightness", "cells", body, 8,
         (const int64_t[]){BLOB_HEIGHT / 2, BLOB_WIDTH / 2, BLOB_HEIGHT / 2 - 8,
                           BLOB_WIDTH / 2 - 8});
    pool(&writer, "cells", "cells2", two, 2, none);
    pool(&writer, "cells2", "cells4", two, 2, none);
    head(&writer, "cells", "near", classes, 40, -40 * 0.79f);
    head(&writer, "cells2", "middle", classes, 0, -10);
    head(&writer, "cells4", "far", classes, 0, -10);
    return finish(&writer);
}

/* Two pools make a map with one peak. */
static struct base_buffer network_model(void)
{
    struct onnx_writer writer;
    float weights[BLOB_POINTS * 3], bias[BLOB_POINTS];
    onnx_writer_init(&writer, 1 << 20);
    onnx_writer_opset(&writer, "", 13);
    const int64_t in[] = {-1, 3, 96, 72}, out[] = {-1, BLOB_POINTS, 48, 36};
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, 4, out);
    for (int k = 0; k < BLOB_POINTS; k++) {
        bias[k] = dots[k].offset;
        for (int i = 0; i < 3; i++) {
            weights[3 * k + i] = dots[k].sum[i] * model_std_rgb[i] / 255;
            bias[k] += dots[k].sum[i] * model_mean_rgb[i] / 255;
        }
    }
    floats(&writer, "weights", BLOB_POINTS, 3, weights);
    floats(&writer, "bias", BLOB_POINTS, 0, bias);
    onnx_writer_node(&writer, "Conv", "", "x,weights,bias", "colors");
    onnx_writer_node(&writer, "Relu", "", "colors", "spots");
    const int64_t five[] = {5, 5}, around[] = {2, 2, 2, 2};
    pool(&writer, "spots", "hills", five, 1, around);
    pool(&writer, "hills", "y", five, 2, around);
    return finish(&writer);
}

static struct stance_model *parse(const struct base_buffer *model)
{
    struct stance_model *parsed;
    trial_check(engine_model_parse(&parsed, model->data, model->size, "blobs.onnx"));
    return parsed;
}

struct stance_pose *blobs_open_with(struct stance_pose_options *options, bool detector,
                                    bool network)
{
    static struct base_buffer models[3]; /* for all pipelines of the program */
    struct stance_pose *pose;
    if (!models[0].data) {
        models[0] = detector_model(1);
        models[1] = network_model();
        models[2] = detector_model(CLASSES);
    }
    bool classes = options->detector_classes[1] > 0;
    options->detector = detector ? parse(&models[classes ? 2 : 0]) : NULL;
    options->pose = network ? parse(&models[1]) : NULL;
    options->nms_threshold = 0.4f; /* the same body in two cells, one step apart both ways: 0.6 */
    trial_check(stance_pose_open(&pose, options));
    stance_model_close(&options->detector);
    stance_model_close(&options->pose);
    return pose;
}

struct stance_pose *blobs_open_one_stage(const struct base_buffer *model)
{
    struct stance_pose_options options;
    struct stance_pose *pose;
    stance_pose_options_default(&options);
    options.pose = parse(model);
    trial_check(stance_pose_open(&pose, &options));
    stance_model_close(&options.pose);
    return pose;
}

struct stance_pose *blobs_open(int threads, bool detector, bool network)
{
    struct stance_pose_options options;
    stance_pose_options_default(&options);
    options.threads = threads;
    return blobs_open_with(&options, detector, network);
}

/* ---- Pictures ---------------------------------------------------------------------------------- */

struct stance_image *blobs_picture(void)
{
    struct stance_image *image;
    trial_check(stance_image_open(&image, STANCE_RGB24, BLOBS_WIDTH, BLOBS_HEIGHT));
    for (int y = 0; y < BLOBS_HEIGHT; y++)
        memset(image->plane[0] + y * image->stride[0], 0, (size_t)BLOBS_WIDTH * 3);
    return image;
}

bool blob_is_there(const struct blob *blob, double seconds)
{
    return seconds >= blob->from && (blob->until <= 0 || seconds < blob->until);
}

void blob_point(const struct blob *blob, double seconds, int k, double *x, double *y)
{
    const double turn = 2 * 3.14159265358979323846;
    *x = blob->x + blob->vx * seconds + dots[k].x + 3 * sin(turn * (seconds + k / 6.0));
    *y = blob->y + blob->vy * seconds + dots[k].y;
}

/* How much of a pixel lies within `half` of the middle. */
static double share(double pixel, double middle, double half)
{
    return fmin(fmax(half + 0.5 - fabs(pixel - middle), 0), 1);
}

static void paint(uint8_t *pixel, const uint8_t color[3], double amount)
{
    for (int i = 0; i < 3; i++)
        pixel[i] = (uint8_t)lround(pixel[i] + amount * (color[i] - pixel[i]));
}

/* Paints a rectangle, or with the same half sides a disc. */
static void paint_shape(struct stance_image *image, double x, double y, const double half[2],
                        bool disc, const uint8_t color[3])
{
    int left = (int)fmax(x - half[0] - 1, 0), top = (int)fmax(y - half[1] - 1, 0);
    int right = (int)fmin(x + half[0] + 2, image->width);
    int bottom = (int)fmin(y + half[1] + 2, image->height);
    for (int v = top; v < bottom; v++)
        for (int u = left; u < right; u++)
            paint(image->plane[0] + v * image->stride[0] + (ptrdiff_t)u * 3, color,
                  disc ? share(hypot(u - x, v - y), 0, half[0])
                       : share(u, x, half[0]) * share(v, y, half[1]));
}

void blobs_draw(struct stance_image *image, const struct blob *blobs, int count, double seconds)
{
    static const uint8_t black[3] = {0}, white[3] = {255, 255, 255};
    const double all[] = {BLOBS_WIDTH, BLOBS_HEIGHT}, spot[] = {radius, radius};
    const double body[] = {BLOB_WIDTH / 2.0, BLOB_HEIGHT / 2.0};
    paint_shape(image, 0, 0, all, false, black);
    for (int i = 0; i < count; i++) {
        const struct blob *b = &blobs[i];
        if (!blob_is_there(b, seconds))
            continue;
        if (!b->hollow)
            paint_shape(image, b->x + b->vx * seconds, b->y + b->vy * seconds, body, false, white);
        for (int k = 0; k < BLOB_POINTS; k++) {
            double x, y;
            blob_point(b, seconds, k, &x, &y);
            paint_shape(image, x, y, spot, true, dots[k].color);
        }
    }
}

/* ---- Comparing --------------------------------------------------------------------------------- */

static double farthest(const struct stance_keypoint *points, const struct blob *blob,
                       double seconds)
{
    double most = 0, x, y;
    for (int k = 0; k < BLOB_POINTS; k++) {
        blob_point(blob, seconds, k, &x, &y);
        most = fmax(most, hypot((double)points[k].x - x, (double)points[k].y - y));
    }
    return most;
}

static int nearest(const struct stance_stream_result *result, const struct blob *blob,
                   double seconds, double *distance)
{
    int best = -1;
    for (int i = 0; i < result->pose.person_count; i++) {
        double d = farthest(result->pose.people[i].keypoints, blob, seconds);
        if (best < 0 || d < *distance) {
            best = i;
            *distance = d;
        }
    }
    return best;
}

void blobs_expect(const struct stance_stream_result *result, const struct blob *blobs, int count,
                  double seconds, double tolerance, int64_t *ids)
{
    int present = 0;
    for (int i = 0; i < count; i++) {
        double distance = 0;
        if (!blob_is_there(&blobs[i], seconds))
            continue;
        present++;
        int at = nearest(result, &blobs[i], seconds, &distance);
        if (at < 0 || distance > tolerance)
            fail_msg("%.3f s: nobody of %d is where %d is, %g pixels off", seconds,
                     result->pose.person_count, i, distance);
        if (!ids[i])
            ids[i] = result->ids[at];
        if (result->ids[at] != ids[i] || ids[i] == 0)
            fail_msg("%.3f s: %d is now %lld, was %lld", seconds, i, (long long)result->ids[at],
                     (long long)ids[i]);
        for (int j = 0; j < i; j++)
            assert_true(!ids[j] || ids[j] != ids[i]);
    }
    if (result->pose.person_count != present)
        fail_msg("%.3f s: %d people, should be %d", seconds, result->pose.person_count, present);
}

void blobs_copy(const struct stance_stream_result *result, struct blobs_copy *copy)
{
    const struct stance_pose_result *pose = &result->pose;
    assert_in_range(pose->person_count, 0, BLOBS_MOST);
    memset(copy, 0, sizeof *copy);
    copy->count = pose->person_count;
    copy->width = pose->width;
    copy->height = pose->height;
    copy->measured = result->measured;
    copy->detected = result->detected;
    copy->time_us = result->time_us;
    for (int i = 0; i < copy->count; i++) {
        const struct stance_person *person = &pose->people[i];
        copy->ids[i] = result->ids[i];
        copy->scores[i] = person->score;
        copy->box_scores[i] = person->box_score;
        memcpy(copy->boxes[i], person->box, sizeof copy->boxes[i]);
        memcpy(copy->points[i], person->keypoints,
               (size_t)pose->keypoint_set->count * sizeof copy->points[i][0]);
    }
}
