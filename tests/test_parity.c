/* Parity with the reference runtime: structure models within 1e-3, real models within 1e-4 of
 * max|a - b| / max(1, max|ref|), on every kernel tier and with one and two threads.
 *
 * `test_parity quick`, `long` or `cross` chooses a share of the work; `all` or nothing is quick and
 * long together. A network's name as argument runs that one only. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/json_read.h"
#include "support/support.h"
#include "support/trial.h"

/* Which tiers of a network belong to which share: the plain tier of large ones takes long. */
enum { QUICK, SLOW_REFERENCE, LONG };

struct network {
    const char *name;
    int size;
    bool cross; /* small enough for an emulated processor */
};

static const struct network structures[] = {
    {"rtmpose-t", QUICK, false},
    {"rtmpose-s", SLOW_REFERENCE, false},
    {"rtmpose-m", LONG, false},
    {"rtmpose-l", LONG, false},
    {"rtmpose-m-wb133", SLOW_REFERENCE, false},
    {"mobilenetv2-heatmap", SLOW_REFERENCE, false},
    {"rtmdet-nano-320-raw", QUICK, false},
    {"rtmdet-nano-320", QUICK, false},
    {"rtmdet-m-640", LONG, false},
    {"rtmo-s-nonms", LONG, false},
    {"rtmo-s", LONG, false},
    {"stgcn", SLOW_REFERENCE, false},
    {"stgcnpp", SLOW_REFERENCE, false},
};

static const struct network fixtures[] = {
    {"rtmdet320_785", QUICK, false},
    {"yolox_nano_785", QUICK, false},
    {"simplepose_785", QUICK, true},
    {"stgcnpp", QUICK, true},
};

struct parity {
    char name[64];
    const struct network *network;
    bool real;
    int tier, threads;
};

static struct base_json_doc *open_index(const char *relative)
{
    char path[4096];
    struct base_json_doc *doc;
    if (!support_shared_path(path, sizeof path, relative))
        skip();
    assert_int_equal(base_json_open(&doc, path, 1 << 20), 0);
    return doc;
}

static int read_dims(const base_json_value *list, int64_t *dims)
{
    int rank = (int)base_json_count(list);
    assert_in_range(rank, 1, STANCE_MAX_RANK);
    for (int i = 0; i < rank; i++)
        assert_int_equal(
            base_json_as_int(base_json_at(list, (size_t)i), "dim", 1, 1 << 20, &dims[i]), 0);
    return rank;
}

/* The expected tensor of an output of a structure model. */
static void read_expected(struct stance_tensor *out, const char *network, const char *output)
{
    char path[4096], relative[256];
    snprintf(relative, sizeof relative, "models-structure/expected/%s.%s.npy", network, output);
    assert_true(support_shared_path(path, sizeof path, relative));
    assert_int_equal(stance_tensor_read_npy(out, path), 0);
}

/* Distance of one candidate (box and keypoints) from an expected one, relative to the largest. */
static double candidate_distance(const struct stance_tensor *found, int64_t i,
                                 const struct stance_tensor *expected, int64_t k)
{
    double worst = 0;
    for (int output = 0; output < 2; output++) {
        size_t values = (size_t)(stance_tensor_count(&expected[output]) / expected[output].dims[1]);
        const float *a = (const float *)found[output].data + (size_t)i * values;
        const float *b = (const float *)expected[output].data + (size_t)k * values;
        worst = fmax(worst, support_distance(a, b, values));
    }
    return worst;
}

/* Every expected candidate is there once, at any rank: equal scores are in no order. */
static void compare_candidates(const struct trial *trial, const struct stance_tensor *expected)
{
    bool used[1024] = {false};
    int64_t count = trial->outputs[0].dims[1];
    assert_int_equal(count, expected[0].dims[1]);
    assert_in_range(count, 1, 1024);
    for (int64_t k = 0; k < count; k++) {
        int64_t best = -1;
        double least = INFINITY;
        for (int64_t i = 0; i < count; i++) {
            double distance =
                used[i] ? INFINITY : candidate_distance(trial->outputs, i, expected, k);
            if (distance < least) {
                least = distance;
                best = i;
            }
        }
        if (least > 1e-3)
            fail_msg("candidate %lld: the nearest is %g away", (long long)k, least);
        used[best] = true;
    }
}

static void compare_structure(const struct parity *parity, const struct trial *trial)
{
    struct stance_tensor expected[TRIAL_OUTPUTS] = {{0}};
    for (int i = 0; i < trial->output_count; i++)
        read_expected(&expected[i], parity->network->name,
                      stance_model_output_name(trial->model, i));
    if (strcmp(parity->network->name, "rtmo-s-nonms") == 0)
        compare_candidates(trial, expected);
    else
        for (int i = 0; i < trial->output_count; i++)
            assert_tensors_close(&trial->outputs[i], &expected[i], 1e-3);
    for (int i = 0; i < trial->output_count; i++)
        stance_tensor_free(&expected[i]);
}

static void check_structure(const struct parity *parity)
{
    struct base_json_doc *doc = open_index("models-structure/expected/index.json");
    struct trial trial;
    int64_t dims[STANCE_MAX_RANK];
    const base_json_value *entry = base_json_get(base_json_root(doc), parity->network->name);
    int rank = read_dims(base_json_get(entry, "shape"), dims);
    trial_open(&trial, parity->network->name, 1);
    trial_shape(&trial, 0, rank, dims);
    support_synth_input(parity->network->name, dims, rank, 0.8, trial.inputs[0].data);
    trial_session(&trial, parity->tier, parity->threads);
    trial_run(&trial);
    compare_structure(parity, &trial);
    trial_close(&trial);
    base_json_doc_close(&doc);
}

/* Raw floats of a fixture; `count` of them. */
static float *read_raw(const base_json_value *entry, size_t count)
{
    char path[4096], relative[256];
    const char *file;
    struct base_buffer bytes;
    assert_int_equal(base_json_get_string(entry, "file", &file), 0);
    snprintf(relative, sizeof relative, "data/fixtures/parity/%s", file);
    assert_true(support_shared_path(path, sizeof path, relative));
    base_buffer_init(&bytes, 64 << 20);
    assert_int_equal(base_file_read(&bytes, path), 0);
    assert_int_equal(bytes.size, count * sizeof(float));
    float *values = malloc(bytes.size);
    assert_non_null(values);
    memcpy(values, bytes.data, bytes.size);
    base_buffer_free(&bytes);
    return values;
}

static void compare_fixture(const struct trial *trial, const base_json_value *outputs)
{
    assert_int_equal(base_json_count(outputs), trial->output_count);
    for (int i = 0; i < trial->output_count; i++) {
        const base_json_value *entry =
            base_json_get(outputs, stance_model_output_name(trial->model, i));
        struct stance_tensor expected = {.dtype = STANCE_FLOAT32};
        expected.rank = read_dims(base_json_get(entry, "dims"), expected.dims);
        expected.data = read_raw(entry, (size_t)stance_tensor_count(&expected));
        assert_tensors_close(&trial->outputs[i], &expected, 1e-4);
        free(expected.data);
    }
}

static void check_fixture(const struct parity *parity)
{
    struct base_json_doc *doc = open_index("data/fixtures/parity/index.json");
    const base_json_value *entry = base_json_get(base_json_root(doc), parity->network->name);
    struct trial trial;
    int64_t dims[STANCE_MAX_RANK];
    const char *model;
    assert_int_equal(base_json_get_string(entry, "model", &model), 0);
    trial_open(&trial, model, 1);
    const base_json_value *input =
        base_json_get(base_json_get(entry, "inputs"), stance_model_input_name(trial.model, 0));
    int rank = read_dims(base_json_get(input, "dims"), dims);
    trial_shape(&trial, 0, rank, dims);
    free(trial.inputs[0].data);
    trial.inputs[0].data = read_raw(input, (size_t)stance_tensor_count(&trial.inputs[0]));
    trial_session(&trial, parity->tier, parity->threads);
    trial_run(&trial);
    compare_fixture(&trial, base_json_get(entry, "outputs"));
    trial_close(&trial);
    base_json_doc_close(&doc);
}

static void test_parity(void **state)
{
    const struct parity *parity = *state;
    if (parity->real)
        check_fixture(parity);
    else
        check_structure(parity);
}

static bool belongs(const struct network *network, int tier, const char *share)
{
    bool slow = network->size == LONG || (network->size == SLOW_REFERENCE && tier == BASE_CPU_REF);
    if (strcmp(share, "cross") == 0)
        return network->cross;
    if (strcmp(share, "quick") == 0)
        return !slow;
    if (strcmp(share, "long") == 0)
        return slow;
    return strcmp(share, "all") == 0 || strcmp(share, network->name) == 0;
}

static struct parity parities[256];
static struct CMUnitTest tests[256];
static size_t test_count;

static void add_network(const struct network *network, bool real, const char *share)
{
    int most_threads = strcmp(share, "cross") == 0 ? 1 : 2; /* emulation is slow */
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int threads = 1; threads <= most_threads && belongs(network, tier, share); threads++) {
            struct parity *parity = &parities[test_count];
            *parity =
                (struct parity){.network = network, .real = real, .tier = tier, .threads = threads};
            snprintf(parity->name, sizeof parity->name, "%s%s, %s, %d thread%s", network->name,
                     real ? " (real)" : "", base_cpu_name((enum base_cpu_tier)tier), threads,
                     threads == 1 ? "" : "s");
            tests[test_count++] = (struct CMUnitTest){
                .name = parity->name, .test_func = test_parity, .initial_state = parity};
        }
}

int main(int argc, char **argv)
{
    const char *share = argc > 1 ? argv[1] : "all";
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++)
        add_network(&fixtures[i], true, share);
    for (size_t i = 0; i < sizeof structures / sizeof structures[0]; i++)
        add_network(&structures[i], false, share);
    return _cmocka_run_group_tests(share, tests, test_count, NULL, NULL);
}
