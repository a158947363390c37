/* Every operator that stance claims, against the ONNX project's own cases (onnx 1.12).
 *
 * Run alone: `test_conformance [-v] [NAME…]` runs the cases whose names contain one of the words;
 * -v names each case. Every case runs on every kernel tier of this machine, with one thread and
 * with three: results must agree with the expected ones, and be the same bits for any number of
 * threads. Node by node, and as a whole session with all passes, planned memory and fast kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/network.h"
#include "engine/op_memory.h"
#include "stance/session.h"
#include "support/interpreter.h"
#include "support/onnx_case.h"
#include "support/support.h"

#define ARCHIVE "data/fixtures/onnx_node/onnx_node_tests_onnx1.12.tar.gz"

enum { MEMORY_LIMIT = 256 << 20, THREADS = 3 };

/* Operators that stance does not claim; cases that use one are left out. */
static const struct {
    const char *type, *reason;
} unclaimed[] = {
    {"Adagrad", "training"},
    {"Adam", "training"},
    {"Bernoulli", "random"},
    {"BlackmanWindow", "signal processing"},
    {"DFT", "signal processing"},
    {"Gradient", "training"},
    {"HammingWindow", "signal processing"},
    {"HannWindow", "signal processing"},
    {"If", "control flow"},
    {"Loop", "control flow"},
    {"MelWeightMatrix", "signal processing"},
    {"Momentum", "training"},
    {"NegativeLogLikelihoodLoss", "training"},
    {"OptionalGetElement", "optional values"},
    {"OptionalHasElement", "optional values"},
    {"RandomUniformLike", "random"},
    {"STFT", "signal processing"},
    {"Scan", "control flow"},
    {"SequenceEmpty", "sequences"},
    {"SequenceInsert", "sequences"},
    {"SequenceLength", "sequences"},
    {"SequenceMap", "sequences"},
    {"SoftmaxCrossEntropyLoss", "training"},
    {"StringNormalizer", "strings"},
    {"TfIdfVectorizer", "strings"},
};

/* Cases of claimed operators in a use that stance does not claim. */
static const struct {
    const char *name, *reason;
} unclaimed_cases[] = {
    {"cast_FLOAT_to_STRING", "strings"},
    {"cast_STRING_to_FLOAT", "strings"},
    {"castlike_FLOAT_to_STRING", "strings"},
    {"castlike_FLOAT_to_STRING_expanded", "strings"},
    {"castlike_STRING_to_FLOAT", "strings"},
    {"castlike_STRING_to_FLOAT_expanded", "strings"},
    {"equal_string", "strings"},
    {"equal_string_broadcast", "strings"},
    {"identity_opt", "optional values"},
    {"identity_sequence", "sequences"},
    {"training_dropout", "random"},
    {"training_dropout_default", "random"},
    {"training_dropout_default_mask", "random"},
    {"training_dropout_mask", "random"},
};

static struct onnx_cases cases;
static char **words;
static int word_count;
static bool verbose;

static const char *skip_reason(const struct onnx_case *entry, const struct onnx_model *model)
{
    for (size_t i = 0; i < sizeof unclaimed_cases / sizeof unclaimed_cases[0]; i++)
        if (strcmp(unclaimed_cases[i].name, entry->name) == 0)
            return unclaimed_cases[i].reason;
    for (size_t n = 0; n < model->graph->node_count; n++)
        for (size_t i = 0; i < sizeof unclaimed / sizeof unclaimed[0]; i++)
            if (onnx_string_equal(model->graph->nodes[n].type, unclaimed[i].type))
                return unclaimed[i].reason;
    return NULL;
}

static bool chosen(const char *name)
{
    for (int i = 0; i < word_count; i++)
        if (strstr(name, words[i]))
            return true;
    return word_count == 0;
}

struct tensors {
    struct tensor *at[ONNX_CASE_TENSORS];
};

static void close_tensors(struct tensors *tensors)
{
    for (int i = 0; i < ONNX_CASE_TENSORS; i++)
        tensor_close(&tensors->at[i]);
}

/* The archive stores bfloat16 as uint16. */
static int load_tensors(struct tensors *tensors, const struct onnx_case_bytes *bytes,
                        const struct graph *graph, const int *values, int count)
{
    for (int i = 0; i < count; i++) {
        if (!bytes[i].data)
            return base_error(STANCE_EFORMAT, "the case has no tensor %d", i);
        BASE_TRY(onnx_case_tensor(&tensors->at[i], &bytes[i]));
        struct stance_tensor *view = &tensors->at[i]->view;
        if (view->dtype == STANCE_UINT16 && graph->values[values[i]].dtype == STANCE_BFLOAT16)
            view->dtype = STANCE_BFLOAT16;
    }
    return 0;
}

/* Operators of these cases are the same in opset 7, the first that stance reads. */
static bool lift_old_opset(struct onnx_model *model)
{
    static const struct onnx_opset lifted = {.domain = {"", 0}, .version = 7};
    if (onnx_model_opset(model, "") >= lifted.version)
        return false;
    model->opsets = &lifted;
    model->opset_count = 1;
    return true;
}

static int run_graph(const struct graph *graph, const struct tensors *inputs,
                     enum base_cpu_tier tier, int threads, struct tensors *outputs)
{
    struct engine_context context = {.opset = graph->opset, .kernels = kernel_table(tier)};
    BASE_TRY(base_pool_open(&context.pool, threads));
    int code = engine_memory_open(&context.memory, MEMORY_LIMIT);
    if (code == 0)
        code = interpreter_run(graph, &context, inputs->at, outputs->at);
    engine_memory_close(&context.memory);
    base_pool_close(&context.pool);
    return code;
}

static int compare(const struct graph *graph, const struct tensors *outputs,
                   const struct tensors *expected, const struct tensors *threaded)
{
    for (int i = 0; i < graph->output_count; i++) {
        const struct stance_tensor *a = &outputs->at[i]->view, *b = &threaded->at[i]->view;
        if (!onnx_case_agrees(a, &expected->at[i]->view))
            return base_error_context(STANCE_EFORMAT, "output %d", i);
        size_t bytes = tensor_bytes(a);
        if (bytes != tensor_bytes(b) || memcmp(a->data, b->data, bytes) != 0)
            return base_error(STANCE_EFORMAT, "output %d depends on the number of threads", i);
    }
    return 0;
}

static int check_tier(const struct graph *graph, const struct tensors *inputs,
                      const struct tensors *expected, enum base_cpu_tier tier)
{
    struct tensors outputs = {{0}}, threaded = {{0}};
    int code = run_graph(graph, inputs, tier, 1, &outputs);
    if (code == 0)
        code = run_graph(graph, inputs, tier, THREADS, &threaded);
    if (code == 0)
        code = compare(graph, &outputs, expected, &threaded);
    close_tensors(&outputs);
    close_tensors(&threaded);
    return code < 0 ? base_error_context(code, "tier %s", base_cpu_name(tier)) : 0;
}

/* Two runs of one session: the second finds the memory as the first left it. */
static int run_session(struct stance_session *session, const struct tensors *inputs,
                       int input_count, const struct tensors *expected, int output_count)
{
    struct stance_tensor in[ONNX_CASE_TENSORS], out[ONNX_CASE_TENSORS];
    for (int i = 0; i < input_count; i++)
        in[i] = inputs->at[i]->view;
    for (int run = 0; run < 2; run++) {
        BASE_TRY(stance_session_run(session, in, input_count, out, output_count));
        for (int i = 0; i < output_count; i++)
            if (!onnx_case_agrees(&out[i], &expected->at[i]->view))
                return base_error_context(STANCE_EFORMAT, "run %d, output %d", run + 1, i);
    }
    return 0;
}

/* A few cases (castlike with bfloat16) declare another shape than they feed. */
static bool feeds_what_it_declares(const struct graph *graph, const struct tensors *inputs)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct tensor_shape *declared = &graph->values[graph->inputs[i]].shape;
        struct tensor_shape fed = tensor_shape_of(&inputs->at[i]->view);
        if (tensor_shape_known(declared) && !tensor_shape_equal(declared, &fed))
            return false;
    }
    return true;
}

static int check_session(struct stance_model *model, const struct stance_session_options *options,
                         const struct graph *graph, const struct tensors *inputs,
                         const struct tensors *expected)
{
    struct stance_session *session = NULL;
    int code = stance_session_open(&session, model, options);
    if (code == 0)
        code = run_session(session, inputs, graph->input_count, expected, graph->output_count);
    if (code < 0)
        base_error_context(code, "session, tier %s, %d threads",
                           base_cpu_name((enum base_cpu_tier)options->tier), options->threads);
    stance_session_close(&session);
    return code;
}

static int check_sessions(const struct onnx_case *entry, const struct graph *graph,
                          const struct tensors *inputs, const struct tensors *expected)
{
    struct stance_model *model;
    struct stance_session_options options;
    stance_session_options_default(&options);
    BASE_TRY(engine_model_parse(&model, entry->model.data, entry->model.size, entry->name));
    int code = 0;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS && code == 0; tier = base_cpu_next(tier)) {
        options.tier = tier;
        options.threads = 1;
        code = check_session(model, &options, graph, inputs, expected);
        options.threads = THREADS;
        if (code == 0)
            code = check_session(model, &options, graph, inputs, expected);
    }
    stance_model_close(&model);
    return code;
}

static int check_graph(const struct onnx_case *entry, const struct graph *graph, bool lifted)
{
    struct tensors inputs = {{0}}, expected = {{0}};
    if (graph->input_count > ONNX_CASE_TENSORS || graph->output_count > ONNX_CASE_TENSORS)
        return base_error(STANCE_ELIMIT, "too many inputs or outputs");
    int code = load_tensors(&inputs, entry->inputs, graph, graph->inputs, graph->input_count);
    if (code == 0)
        code = load_tensors(&expected, entry->outputs, graph, graph->outputs, graph->output_count);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS && code == 0; tier = base_cpu_next(tier))
        code = check_tier(graph, &inputs, &expected, (enum base_cpu_tier)tier);
    if (code == 0 && !lifted && feeds_what_it_declares(graph, &inputs))
        code = check_sessions(entry, graph, &inputs, &expected);
    close_tensors(&inputs);
    close_tensors(&expected);
    return code;
}

/* 1: left out; 0: passed; negative: failed with the error sentence set. */
static int check_case(const struct onnx_case *entry)
{
    struct onnx_model *model = NULL;
    struct graph *graph = NULL;
    BASE_TRY(onnx_model_parse(&model, entry->model.data, entry->model.size, NULL));
    bool lifted = lift_old_opset(model);
    const char *reason = skip_reason(entry, model);
    int code = reason ? 1 : graph_import(&graph, model);
    if (code == 0)
        code = check_graph(entry, graph, lifted);
    if (reason && verbose)
        print_message("left out %s: %s\n", entry->name, reason);
    graph_close(&graph);
    onnx_model_close(&model);
    return code;
}

static void test_cases_of_claimed_operators_pass(void **state)
{
    int passed = 0, failed = 0, left_out = 0;
    (void)state;
    if (!cases.archive)
        skip();
    for (int i = 0; i < cases.count; i++) {
        if (!chosen(cases.cases[i].name))
            continue;
        int code = check_case(&cases.cases[i]);
        passed += code == 0;
        failed += code < 0;
        left_out += code == 1;
        if (code < 0)
            print_message("FAILED %s: %s\n", cases.cases[i].name, stance_error_text());
        else if (code == 0 && verbose)
            print_message("passed %s\n", cases.cases[i].name);
    }
    print_message("%d cases passed, %d failed, %d left out\n", passed, failed, left_out);
    assert_int_equal(failed, 0);
}

static void test_left_out_operators_are_not_claimed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unclaimed / sizeof unclaimed[0]; i++) {
        if (graph_op_find("", unclaimed[i].type))
            fail_msg("%s is claimed and left out", unclaimed[i].type);
        assert_null(engine_op_find(unclaimed[i].type));
    }
}

static void test_each_case_leaves_no_memory_behind(void **state)
{
    (void)state;
    if (!cases.archive)
        skip();
    for (int i = 0; i < cases.count; i++) {
        long before = base_alloc_live();
        if (chosen(cases.cases[i].name))
            check_case(&cases.cases[i]);
        if (base_alloc_live() != before)
            fail_msg("%s leaves %ld blocks", cases.cases[i].name, base_alloc_live() - before);
    }
}

static int open_cases(void **state)
{
    char path[1024];
    (void)state;
    return support_shared_path(path, sizeof path, ARCHIVE) ? onnx_cases_open(&cases, path) : 0;
}

static int close_cases(void **state)
{
    (void)state;
    onnx_cases_close(&cases);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_of_claimed_operators_pass),
        cmocka_unit_test(test_left_out_operators_are_not_claimed),
        cmocka_unit_test(test_each_case_leaves_no_memory_behind),
    };
    words = argv + 1;
    word_count = argc - 1;
    if (word_count > 0 && strcmp(words[0], "-v") == 0) {
        verbose = true;
        words++;
        word_count--;
    }
    return cmocka_run_group_tests(tests, open_cases, close_cases);
}
