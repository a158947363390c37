/* Pictures that do not fill a network's input: the part that is shown, and networks that take no other
 * size than their own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/network.h"
#include "onnx/onnx_write.h"
#include "pipeline/people.h"
#include "support/blobs.h"
#include "support/tiny_model.h"
#include "support/trial.h"

static void test_the_part_is_what_the_picture_fills_in_whole_steps(void **state)
{
    static const struct {
        int input[2], picture[2], part[2];
    } cases[] = {
        {{320, 320}, {1280, 720}, {320, 192}}, {{320, 320}, {720, 1280}, {192, 320}},
        {{416, 416}, {640, 480}, {416, 320}},  {{320, 320}, {64, 64}, {320, 320}},
        {{320, 320}, {640, 1}, {320, 32}},     {{320, 192}, {100, 100}, {192, 192}},
        {{320, 200}, {320, 199}, {320, 200}},  {{320, 320}, {320, 192}, {320, 192}},
        {{320, 320}, {320, 193}, {320, 224}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct vision_input input = {
            .width = cases[i].input[0], .height = cases[i].input[1], .scale = 1, .std = {1, 1, 1}};
        struct stance_image *image;
        int32_t width, height;
        trial_check(
            stance_image_open(&image, STANCE_RGB24, cases[i].picture[0], cases[i].picture[1]));
        trial_check(vision_letterbox_part(&input, image, MODEL_PART, &width, &height));
        if (width != cases[i].part[0] || height != cases[i].part[1])
            fail_msg("%dx%d: %dx%d", cases[i].picture[0], cases[i].picture[1], width, height);
        stance_image_close(&image);
    }
}

/* A strip of the blobs' picture with two bodies. */
static struct stance_image *open_strip(int width, int height)
{
    static const struct blob blobs[] = {{.x = 60, .y = 48}, {.x = 240, .y = 48}};
    struct stance_image *whole = blobs_picture(), *strip;
    blobs_draw(whole, blobs, 2, 0);
    trial_check(stance_image_open(&strip, STANCE_RGB24, width, height));
    for (int y = 0; y < height; y++)
        memcpy(strip->plane[0] + y * strip->stride[0], whole->plane[0] + y * whole->stride[0],
               (size_t)width * 3);
    stance_image_close(&whole);
    return strip;
}

static struct stance_pose *open_pose(int threads, int full_input)
{
    struct stance_pose_options options;
    stance_pose_options_default(&options);
    options.threads = threads;
    options.full_input = full_input;
    return blobs_open_with(&options, true, true);
}

static void expect_input(const struct stance_pose *pose, int width, int height)
{
    assert_int_equal(pose->detector.traits.input.width, width);
    assert_int_equal(pose->detector.traits.input.height, height);
}

static void test_people_are_the_same_without_padding(void **state)
{
    struct stance_pose *full = open_pose(1, 1), *part = open_pose(1, 0);
    struct stance_image *strip = open_strip(BLOBS_WIDTH, 100);
    const struct stance_pose_result *expected, *result;
    trial_check(stance_pose_image(full, strip, NULL, 0, &expected));
    trial_check(stance_pose_image(part, strip, NULL, 0, &result));
    expect_input(full, BLOBS_WIDTH, BLOBS_HEIGHT);
    expect_input(part, BLOBS_WIDTH, 128);
    assert_int_equal(expected->person_count, 2);
    assert_int_equal(result->person_count, 2);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 4; k++)
            assert_float_equal(result->people[i].box[k], expected->people[i].box[k], 1e-3f);
    stance_image_close(&strip);
    stance_pose_close(&full);
    stance_pose_close(&part);
}

static uint64_t digest(const struct stance_pose_result *result)
{
    uint64_t sum = (uint64_t)result->person_count;
    for (int i = 0; i < result->person_count; i++) {
        const unsigned char *bytes = (const unsigned char *)result->people[i].box;
        for (size_t k = 0; k < sizeof result->people[i].box; k++)
            sum = sum * 1099511628211u + bytes[k];
    }
    return sum;
}

/* More sizes than plans are kept. */
static void test_sizes_may_change_from_picture_to_picture(void **state)
{
    static const int heights[] = {192, 90, 160, 100, 128, 192, 90};
    struct stance_pose *kept = open_pose(1, 0), *threads = open_pose(3, 0);
    for (size_t i = 0; i < sizeof heights / sizeof heights[0]; i++) {
        struct stance_pose *fresh = open_pose(1, 0);
        struct stance_image *strip = open_strip(BLOBS_WIDTH - 32 * (i & 1), heights[i]);
        const struct stance_pose_result *result;
        trial_check(stance_pose_image(fresh, strip, NULL, 0, &result));
        uint64_t expected = digest(result);
        assert_int_equal(result->person_count, 2);
        trial_check(stance_pose_image(kept, strip, NULL, 0, &result));
        assert_true(digest(result) == expected);
        trial_check(stance_pose_image(threads, strip, NULL, 0, &result));
        assert_true(digest(result) == expected);
        stance_image_close(&strip);
        stance_pose_close(&fresh);
    }
    stance_pose_close(&kept);
    stance_pose_close(&threads);
}

static void test_any_size_is_asked_for(void **state)
{
    struct stance_session_options options;
    struct base_buffer bytes = tiny_network(1, 32, 32);
    struct stance_model *model;
    struct stance_session *fixed, *any;
    static float pixels[3 * 64 * 48];
    struct stance_tensor input = {STANCE_FLOAT32, 4, {1, 3, 64, 48}, pixels}, output;
    stance_session_options_default(&options);
    trial_check(engine_model_parse(&model, bytes.data, bytes.size, "tiny.onnx"));
    trial_check(stance_session_open(&fixed, model, &options));
    options.any_size = 1;
    trial_check(stance_session_open(&any, model, &options));
    assert_int_equal(stance_session_run(fixed, &input, 1, &output, 1), STANCE_ESHAPE);
    trial_check(stance_session_run(any, &input, 1, &output, 1));
    assert_int_equal(output.dims[1], 5);
    input.dims[1] = 4; /* channels are no size */
    assert_int_equal(stance_session_run(any, &input, 1, &output, 1), STANCE_ESHAPE);
    stance_session_close(&fixed);
    stance_session_close(&any);
    stance_model_close(&model);
    base_buffer_free(&bytes);
}

/* RTMDet's three maps of a picture of 128×128, with or without a constant as large as the first. */
static struct base_buffer three_maps(bool constant)
{
    static const float weights[5 * 3], places[16 * 16];
    const int64_t in[] = {1, 3, 128, 128};
    struct onnx_writer writer;
    struct base_buffer bytes;
    onnx_writer_init(&writer, 1 << 20);
    onnx_writer_opset(&writer, "", 13);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, in);
    onnx_writer_initializer(
        &writer, "w",
        &(struct stance_tensor){STANCE_FLOAT32, 4, {5, 3, 1, 1}, (void *)(uintptr_t)weights});
    onnx_writer_initializer(
        &writer, "places",
        &(struct stance_tensor){STANCE_FLOAT32, 4, {1, 1, 16, 16}, (void *)(uintptr_t)places});
    for (int i = 0; i < 3; i++) {
        const int64_t map[] = {1, 5, 16 >> i, 16 >> i}, cell[] = {8 << i, 8 << i};
        char names[4][32];
        snprintf(names[0], sizeof names[0], "cells%d", i);
        snprintf(names[1], sizeof names[1], "cells%d,w", i);
        snprintf(names[2], sizeof names[2], "maps%d", i);
        snprintf(names[3], sizeof names[3], "y%d", i);
        onnx_writer_output(&writer, names[3], STANCE_FLOAT32, 4, map);
        onnx_writer_node(&writer, "AveragePool", "", "x", names[0]);
        onnx_writer_ints(&writer, "kernel_shape", cell, 2);
        onnx_writer_ints(&writer, "strides", cell, 2);
        bool placed = constant && i == 0;
        onnx_writer_node(&writer, "Conv", "", names[1], placed ? "maps0" : names[3]);
        if (placed)
            onnx_writer_node(&writer, "Add", "", "maps0,places", names[3]);
    }
    base_buffer_init(&bytes, 1 << 20);
    trial_check(onnx_writer_finish(&writer, &bytes));
    onnx_writer_free(&writer);
    return bytes;
}

static void test_a_network_made_for_one_size_sees_all_of_its_input(void **state)
{
    for (int constant = 0; constant < 2; constant++) {
        struct stance_pose_options options;
        struct base_buffer bytes = three_maps(constant);
        struct stance_image *image;
        struct stance_pose *pose;
        const struct stance_pose_result *result;
        stance_pose_options_default(&options);
        trial_check(engine_model_parse(&options.detector, bytes.data, bytes.size, "maps.onnx"));
        trial_check(stance_pose_open(&pose, &options));
        trial_check(stance_image_open(&image, STANCE_RGB24, 64, 32));
        memset(image->plane[0], 0, (size_t)image->stride[0] * 32);
        trial_check(stance_pose_image(pose, image, NULL, 0, &result));
        expect_input(pose, 128, constant ? 128 : 64);
        stance_image_close(&image);
        stance_pose_close(&pose);
        stance_model_close(&options.detector);
        base_buffer_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_part_is_what_the_picture_fills_in_whole_steps),
        cmocka_unit_test(test_people_are_the_same_without_padding),
        cmocka_unit_test(test_sizes_may_change_from_picture_to_picture),
        cmocka_unit_test(test_any_size_is_asked_for),
        cmocka_unit_test(test_a_network_made_for_one_size_sees_all_of_its_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
