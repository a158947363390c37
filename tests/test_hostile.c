/* Models that are cut off or have flipped bits.
 *
 * `test_hostile full` takes every KB and 1000 seeds of real models, anything else a sample. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "onnx/onnx_model.h"
#include "support/hostile.h"
#include "support/tiny_model.h"
#include "support/trial.h"

static struct base_buffer read_model(const char *name)
{
    char path[4096];
    struct base_buffer bytes;
    if (!trial_path(name, path, sizeof path))
        skip();
    base_buffer_init(&bytes, 64 << 20);
    assert_int_equal(base_file_read(&bytes, path), 0);
    return bytes;
}

/* ---- Truncation -------------------------------------------------------------------------------- */

static void test_truncated_at_every_byte(void **state)
{
    struct base_buffer models[] = {tiny_network(1, 8, 8), tiny_suppression()};
    for (int i = 0; i < 2; i++) {
        for (size_t size = 0; size < models[i].size; size++)
            if (hostile_try(models[i].data, size) == STANCE_ENOMEMORY)
                fail_msg("out of memory at byte %zu", size);
        assert_int_equal(hostile_try(models[i].data, models[i].size), 0);
        base_buffer_free(&models[i]);
    }
}

static void test_truncated_real_model(void **state)
{
    struct base_buffer model = read_model("rtmdet_nano_person_320_rawhead.onnx");
    size_t step = hostile_full ? 1024 : 1024 * 37;
    for (size_t size = 0; size < model.size; size += step)
        assert_true(hostile_try(model.data, size) < 0);
    base_buffer_free(&model);
}

/* ---- Flipped bits ------------------------------------------------------------------------------ */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223; /* Numerical Recipes, section 7.1 */
    return *state >> 8;
}

/* Marks the bytes of weights: flips there change numbers only. */
static unsigned char *find_weights(const struct base_buffer *bytes)
{
    struct onnx_model *model;
    unsigned char *weights = calloc(bytes->size, 1);
    assert_non_null(weights);
    assert_int_equal(onnx_model_parse(&model, bytes->data, bytes->size, NULL), 0);
    for (size_t i = 0; i < model->graph->initializer_count; i++) {
        const struct onnx_tensor *t = &model->graph->initializers[i];
        if (t->storage == ONNX_RAW && t->size > 64)
            memset(weights + ((const char *)t->data - bytes->data), 1, t->size);
    }
    onnx_model_close(&model);
    return weights;
}

/* Two of three flips hit the structure. */
static void flip(struct base_buffer *bytes, const unsigned char *weights, uint32_t *random)
{
    size_t at = (next_random(random) | next_random(random) << 16) % bytes->size;
    if (next_random(random) % 3)
        while (weights[at])
            at = (at + 1) % bytes->size;
    bytes->data[at] ^= (char)(1 << next_random(random) % 8);
}

static void flip_often(const char *name, int seeds)
{
    struct base_buffer model = read_model(name), damaged;
    unsigned char *weights = find_weights(&model);
    int errors = 0;
    base_buffer_init(&damaged, 64 << 20);
    for (int seed = 1; seed <= seeds; seed++) {
        uint32_t random = (uint32_t)seed * 2654435761u;
        damaged.size = 0;
        assert_int_equal(base_buffer_append(&damaged, model.data, model.size), 0);
        for (uint32_t flips = 1 + next_random(&random) % 8; flips; flips--)
            flip(&damaged, weights, &random);
        errors += hostile_try(damaged.data, damaged.size) < 0;
    }
    assert_in_range(errors, 1, seeds);
    free(weights);
    base_buffer_free(&damaged);
    base_buffer_free(&model);
}

static void test_flipped_bits_in_a_detector(void **state)
{
    flip_often("rtmdet_nano_person_320_rawhead.onnx", hostile_full ? 1000 : 30);
}

static void test_flipped_bits_in_a_pose_network(void **state)
{
    flip_often("simplepose_opset9.onnx", hostile_full ? 1000 : 30);
}

static void test_flipped_bits_in_a_network_with_suppression(void **state)
{
    flip_often("rtmdet-nano-320", hostile_full ? 1000 : 30);
}

static void test_flipped_bits_in_an_action_network(void **state)
{
    flip_often("stgcnpp_hagrid_gesture40.onnx", hostile_full ? 1000 : 60);
}

static void test_flipped_bits_in_small_models(void **state)
{
    struct base_buffer models[] = {tiny_network(1, 8, 8), tiny_network(-1, -1, -1),
                                   tiny_suppression(), tiny_fixed_batch()};
    for (int i = 0; i < 4; i++) {
        char *saved = malloc(models[i].size);
        assert_non_null(saved);
        memcpy(saved, models[i].data, models[i].size);
        for (int seed = 1; seed <= (hostile_full ? 20000 : 1000); seed++) {
            uint32_t random = (uint32_t)seed * 2654435761u;
            for (uint32_t flips = 1 + next_random(&random) % 4; flips; flips--)
                models[i].data[next_random(&random) % models[i].size] ^=
                    (char)(1 << next_random(&random) % 8);
            hostile_try(models[i].data, models[i].size);
            memcpy(models[i].data, saved, models[i].size);
        }
        free(saved);
        base_buffer_free(&models[i]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated_at_every_byte),
        cmocka_unit_test(test_truncated_real_model),
        cmocka_unit_test(test_flipped_bits_in_a_detector),
        cmocka_unit_test(test_flipped_bits_in_a_pose_network),
        cmocka_unit_test(test_flipped_bits_in_a_network_with_suppression),
        cmocka_unit_test(test_flipped_bits_in_an_action_network),
        cmocka_unit_test(test_flipped_bits_in_small_models),
        cmocka_unit_test(test_the_peak_of_memory_is_bounded),
    };
    hostile_full = argc > 1 && strcmp(argv[1], "full") == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
