/* Small models for tests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "onnx/onnx_write.h"
#include "support/support.h"
#include "support/tiny_model.h"

static void begin(struct onnx_writer *writer)
{
    onnx_writer_init(writer, 1 << 20);
    onnx_writer_opset(writer, "", 13);
}

static struct base_buffer finish(struct onnx_writer *writer)
{
    struct base_buffer model;
    base_buffer_init(&model, 1 << 20);
    assert_int_equal(onnx_writer_finish(writer, &model), 0);
    onnx_writer_free(writer);
    return model;
}

static void weights(struct onnx_writer *writer, const char *name, int rank, const int64_t *dims)
{
    float values[2048];
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = rank, .data = values};
    for (int i = 0; i < rank; i++)
        tensor.dims[i] = dims[i];
    assert_in_range(stance_tensor_count(&tensor), 1, 2048);
    support_synth_input(name, dims, rank, 0.3, values);
    onnx_writer_initializer(writer, name, &tensor);
}

static void ints(struct onnx_writer *writer, const char *name, int64_t count, const int64_t *values)
{
    struct stance_tensor tensor = {
        .dtype = STANCE_INT64, .rank = 1, .dims = {count}, .data = (void *)(uintptr_t)values};
    onnx_writer_initializer(writer, name, &tensor);
}

static void number(struct onnx_writer *writer, const char *name, int dtype, const void *value)
{
    struct stance_tensor tensor = {.dtype = dtype, .rank = 0, .data = (void *)(uintptr_t)value};
    onnx_writer_initializer(writer, name, &tensor);
}

/* A convolution that keeps height and width, or halves them. */
static void conv(struct onnx_writer *writer, const char *inputs, const char *output, int64_t groups,
                 int64_t stride)
{
    const int64_t pads[] = {1, 1, 1, 1}, strides[] = {stride, stride};
    onnx_writer_node(writer, "Conv", output, inputs, output);
    onnx_writer_ints(writer, "pads", pads, 4);
    onnx_writer_ints(writer, "strides", strides, 2);
    onnx_writer_int(writer, "group", groups);
}

struct base_buffer tiny_network(int64_t batch, int64_t height, int64_t width)
{
    struct onnx_writer writer;
    const int64_t in[] = {batch, 3, height, width}, out[] = {batch, 5};
    begin(&writer);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, 2, out);
    weights(&writer, "w1", 4, (const int64_t[]){20, 3, 3, 3});
    weights(&writer, "w2", 4, (const int64_t[]){20, 1, 3, 3});
    weights(&writer, "w3", 4, (const int64_t[]){20, 10, 3, 3});
    weights(&writer, "w4", 2, (const int64_t[]){20, 5});
    weights(&writer, "b1", 1, (const int64_t[]){20});
    conv(&writer, "x,w1,b1", "c1", 1, 2);
    onnx_writer_node(&writer, "Relu", "", "c1", "r1");
    conv(&writer, "r1,w2", "c2", 20, 1);
    onnx_writer_node(&writer, "Sigmoid", "", "c2", "s2");
    onnx_writer_node(&writer, "Mul", "", "c2,s2", "m2");
    conv(&writer, "m2,w3", "c3", 2, 1);
    onnx_writer_node(&writer, "Add", "", "c3,r1", "a3");
    onnx_writer_node(&writer, "MaxPool", "", "a3", "p3");
    onnx_writer_ints(&writer, "kernel_shape", (const int64_t[]){2, 2}, 2);
    onnx_writer_node(&writer, "GlobalAveragePool", "", "p3", "g");
    onnx_writer_node(&writer, "Flatten", "", "g", "f");
    onnx_writer_node(&writer, "MatMul", "", "f,w4", "m");
    onnx_writer_node(&writer, "Softmax", "", "m", "y");
    return finish(&writer);
}

struct base_buffer tiny_fixed_batch(void)
{
    struct onnx_writer writer;
    const int64_t in[] = {1, 4}, out[] = {1, 2};
    begin(&writer);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 2, in);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, 2, out);
    weights(&writer, "w", 2, (const int64_t[]){4, 2});
    ints(&writer, "shape", 2, in);
    onnx_writer_node(&writer, "Reshape", "fixed", "x,shape", "r");
    onnx_writer_node(&writer, "MatMul", "", "r,w", "y");
    return finish(&writer);
}

struct base_buffer tiny_suppression(void)
{
    struct onnx_writer writer;
    const int64_t in[] = {1, 20}, out[] = {-1, 3}, most = 10;
    const float overlap = 0.5f, score = -10;
    begin(&writer);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 2, in);
    onnx_writer_output(&writer, "boxes", STANCE_INT64, 2, out);
    ints(&writer, "box_shape", 3, (const int64_t[]){1, 5, 4});
    number(&writer, "most", STANCE_INT64, &most);
    number(&writer, "overlap", STANCE_FLOAT32, &overlap);
    number(&writer, "score", STANCE_FLOAT32, &score);
    onnx_writer_node(&writer, "Reshape", "to_boxes", "x,box_shape", "b");
    onnx_writer_node(&writer, "ReduceMean", "means", "b", "s");
    onnx_writer_ints(&writer, "axes", (const int64_t[]){2}, 1);
    onnx_writer_int(&writer, "keepdims", 0);
    onnx_writer_node(&writer, "Unsqueeze", "scores", "s,first", "u");
    ints(&writer, "first", 1, (const int64_t[]){1});
    onnx_writer_node(&writer, "NonMaxSuppression", "suppress", "b,u,most,overlap,score", "n");
    onnx_writer_node(&writer, "Identity", "", "n", "boxes");
    return finish(&writer);
}

static void answers(struct onnx_writer *writer, const char *name, int rank, const int64_t *dims,
                    const float *values)
{
    struct stance_tensor tensor = {
        .dtype = STANCE_FLOAT32, .rank = rank, .data = (void *)(uintptr_t)values};
    for (int i = 0; i < rank; i++)
        tensor.dims[i] = dims[i];
    onnx_writer_initializer(writer, name, &tensor);
}

/* "none": 0 times the picture's mean, so that outputs depend on the input. */
static void nothing(struct onnx_writer *writer, const char *input)
{
    const float zero = 0;
    number(writer, "zero", STANCE_FLOAT32, &zero);
    onnx_writer_node(writer, "ReduceMean", "", input, "mean");
    onnx_writer_int(writer, "keepdims", 0);
    onnx_writer_node(writer, "Mul", "", "mean,zero", "none");
}

struct base_buffer tiny_one_stage(int64_t side, int64_t count, const float *dets, int64_t points,
                                  const float *keypoints)
{
    struct onnx_writer writer;
    const int64_t in[] = {1, 3, side, side}, boxes[] = {1, count, 5},
                  joints[] = {1, count, points, 3};
    begin(&writer);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    onnx_writer_output(&writer, "dets", STANCE_FLOAT32, 3, boxes);
    onnx_writer_output(&writer, "keypoints", STANCE_FLOAT32, 4, joints);
    answers(&writer, "people", 3, boxes, dets);
    answers(&writer, "joints", 4, joints, keypoints);
    nothing(&writer, "x");
    onnx_writer_node(&writer, "Add", "", "people,none", "dets");
    onnx_writer_node(&writer, "Add", "", "joints,none", "keypoints");
    return finish(&writer);
}

struct base_buffer tiny_detector(int64_t count, const float *dets, int64_t stem)
{
    struct onnx_writer writer;
    const int64_t in[] = {1, 3, 64, 64}, boxes[] = {1, count, 5}, labels[] = {1, count};
    int64_t people[64] = {0};
    begin(&writer);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    onnx_writer_output(&writer, "dets", STANCE_FLOAT32, 3, boxes);
    onnx_writer_output(&writer, "labels", STANCE_INT64, 2, labels);
    struct stance_tensor classes = {STANCE_INT64, 2, {1, count}, people};
    onnx_writer_initializer(&writer, "classes", &classes);
    weights(&writer, "w", 4, (const int64_t[]){4, stem, 3, 3});
    answers(&writer, "people", 3, boxes, dets);
    onnx_writer_node(&writer, "Concat", "", "x,x,x,x", "focus");
    onnx_writer_int(&writer, "axis", 1);
    conv(&writer, stem == 3 ? "x,w" : "focus,w", "c", 1, 2);
    nothing(&writer, "c");
    onnx_writer_node(&writer, "Add", "", "people,none", "dets");
    onnx_writer_node(&writer, "Identity", "", "classes", "labels");
    return finish(&writer);
}

struct base_buffer tiny_yolox(int64_t classes)
{
    static const float zeros[84 * 85] = {0};
    struct onnx_writer writer;
    const int64_t in[] = {1, 3, 64, 64}, out[] = {1, 84, 5 + classes};
    begin(&writer);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, 3, out);
    answers(&writer, "cells", 3, out, zeros);
    nothing(&writer, "x");
    onnx_writer_node(&writer, "Add", "", "cells,none", "y");
    return finish(&writer);
}

struct base_buffer tiny_heatmap(int64_t height, int64_t width, int64_t points)
{
    struct onnx_writer writer;
    const int64_t in[] = {-1, 3, height, width};
    const int64_t out[] = {-1, points, height < 0 ? -1 : height / 4, width < 0 ? -1 : width / 4};
    begin(&writer);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, 4, out);
    weights(&writer, "w", 4, (const int64_t[]){points, 3, 1, 1});
    onnx_writer_node(&writer, "AveragePool", "", "x", "p");
    onnx_writer_ints(&writer, "kernel_shape", (const int64_t[]){4, 4}, 2);
    onnx_writer_ints(&writer, "strides", (const int64_t[]){4, 4}, 2);
    onnx_writer_node(&writer, "Conv", "", "p,w", "y");
    return finish(&writer);
}
