/* Random networks: every tier agrees with the operators run one by one, the number of threads
 * changes no bit, and absurd numbers in a model give errors, not crashes.
 *
 * test_random_graph [FIRST COUNT]: other seeds than the few of the unit suite. A failure tells its
 * seed; with STANCE_RANDOM_DUMP=FILE the last network that was run lies in that file. */
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
#include "base/memory.h"
#include "base/number.h"
#include "engine/network.h"
#include "engine/op_memory.h"
#include "onnx/onnx_model.h"
#include "stance/session.h"
#include "support/interpreter.h"
#include "support/random_graph.h"

enum { LARGEST = 40000, TRIES = 60 };

static int64_t first_seed = 1, seed_count = 150;
static bool failed;

/* ---- Running --------------------------------------------------------------------------------- */

/* Results of one run, copied. */
struct results {
    int code, count;
    struct stance_tensor tensors[RANDOM_OUTPUTS];
};

static void free_results(struct results *results)
{
    for (int i = 0; i < results->count; i++)
        free(results->tensors[i].data);
    results->count = 0;
}

static void keep_result(struct results *results, const struct stance_tensor *tensor)
{
    struct stance_tensor *copy = &results->tensors[results->count++];
    size_t bytes = (size_t)stance_tensor_count(tensor) * stance_dtype_size(tensor->dtype);
    *copy = *tensor;
    copy->data = malloc(bytes + 1);
    assert_non_null(copy->data);
    if (bytes > 0)
        memcpy(copy->data, tensor->data, bytes);
}

/* Noise for the graph's inputs. `shift` moves every value by that part of itself. */
static void make_inputs(const struct random_graph *graph, struct stance_tensor *inputs, float shift)
{
    struct random_graph noise = {.state = 7};
    for (int i = 0; i < graph->input_count; i++) {
        const struct random_value *value = &graph->values[i];
        inputs[i] = (struct stance_tensor){.dtype = value->dtype, .rank = value->rank};
        memcpy(inputs[i].dims, value->dims, sizeof value->dims);
        int64_t count = stance_tensor_count(&inputs[i]);
        inputs[i].data = malloc((size_t)count * sizeof(float) + 1);
        assert_non_null(inputs[i].data);
        for (int64_t k = 0; k < count; k++)
            ((float *)inputs[i].data)[k] = random_float(&noise) * (k % 2 ? 1 + shift : 1 - shift);
    }
}

static void free_inputs(const struct random_graph *graph, struct stance_tensor *inputs)
{
    for (int i = 0; i < graph->input_count; i++)
        free(inputs[i].data);
}

static struct results run_session(struct stance_model *model, const struct stance_tensor *inputs,
                                  int input_count, int outputs, int tier, int threads)
{
    struct results results = {0};
    struct stance_tensor views[RANDOM_OUTPUTS];
    struct stance_session *session = NULL;
    struct stance_session_options options;
    stance_session_options_default(&options);
    options.tier = tier;
    options.threads = threads;
    results.code = stance_session_open(&session, model, &options);
    for (int i = 0; i < 2 && results.code == 0; i++) /* the second run sees a used workspace */
        results.code = stance_session_run(session, inputs, input_count, views, outputs);
    for (int i = 0; i < outputs && results.code == 0; i++)
        keep_result(&results, &views[i]);
    stance_session_close(&session);
    return results;
}

/* Every operator alone, in the order of the file, without any pass. */
static struct results run_alone(const struct base_buffer *bytes, struct stance_tensor *inputs,
                                int input_count, int outputs)
{
    struct results results = {0};
    struct engine_context context = {.kernels = kernel_table(BASE_CPU_REF)};
    struct onnx_model *model = NULL;
    struct graph *graph = NULL;
    struct tensor *in[RANDOM_OUTPUTS] = {0}, *out[RANDOM_OUTPUTS] = {0};
    assert_int_equal(base_pool_open(&context.pool, 1), 0);
    assert_int_equal(engine_memory_open(&context.memory, 512 << 20), 0);
    assert_int_equal(onnx_model_parse(&model, bytes->data, bytes->size, NULL), 0);
    assert_int_equal(graph_import(&graph, model), 0);
    for (int i = 0; i < input_count; i++)
        assert_int_equal(tensor_wrap(&in[i], &inputs[i], NULL, NULL), 0);
    context.opset = graph->opset;
    results.code = interpreter_run(graph, &context, in, out);
    for (int i = 0; i < outputs && results.code == 0; i++)
        keep_result(&results, &out[i]->view);
    for (int i = 0; i < RANDOM_OUTPUTS; i++) {
        tensor_close(&in[i]);
        tensor_close(&out[i]);
    }
    graph_close(&graph);
    onnx_model_close(&model);
    engine_memory_close(&context.memory);
    base_pool_close(&context.pool);
    return results;
}

/* ---- Growing a graph that runs ----------------------------------------------------------------
 */

static bool is_tame(const struct stance_tensor *tensor)
{
    for (int64_t i = 0, count = stance_tensor_count(tensor); i < count; i++)
        if (!(fabs(tensor_float(tensor, i)) < 30))
            return false;
    return true;
}

/* Whether all values of the specialised graph are small. */
static bool is_small(const struct stance_model *model, const struct random_graph *graph)
{
    struct tensor_shape shapes[RANDOM_OUTPUTS];
    struct graph *specialised = NULL;
    struct graph_folder folder = engine_folder();
    for (int i = 0; i < graph->input_count; i++)
        shapes[i] = tensor_shape_make(graph->values[i].rank, graph->values[i].dims);
    if (graph_specialise(&specialised, model->graph, shapes, &folder) < 0)
        return false;
    bool small = true;
    int64_t count;
    for (int i = 0; i < specialised->value_count && small; i++)
        small = specialised->values[i].shape.rank < 0 ||
                (tensor_shape_count(&specialised->values[i].shape, &count) == 0 && count < LARGEST);
    graph_close(&specialised);
    return small;
}

/* Tries the newest node: its outputs become values when the network with it runs. */
static bool try_node(struct random_graph *graph, const struct stance_tensor *inputs)
{
    const struct random_node *node = &graph->nodes[graph->node_count - 1];
    struct random_value values[RANDOM_OUTPUTS] = {0};
    char names[RANDOM_OUTPUTS][12];
    const char *outputs[RANDOM_OUTPUTS];
    struct stance_model *model = NULL;
    struct base_buffer bytes;
    if (random_graph_weights(graph) > RANDOM_MODEL_BYTES / 8)
        return false;
    for (int i = 0; i < node->output_count; i++) {
        snprintf(names[i], sizeof names[i], "v%d", graph->value_count + i);
        outputs[i] = names[i];
    }
    base_buffer_init(&bytes, RANDOM_MODEL_BYTES);
    random_graph_write(graph, outputs, node->output_count, &bytes);
    bool works =
        engine_model_parse(&model, bytes.data, bytes.size, "random") == 0 && is_small(model, graph);
    if (works) {
        struct results results =
            run_session(model, inputs, graph->input_count, node->output_count, STANCE_TIER_REF, 1);
        works = results.code == 0;
        for (int i = 0; i < results.count; i++) {
            values[i].dtype = results.tensors[i].dtype;
            values[i].rank = results.tensors[i].rank;
            memcpy(values[i].dims, results.tensors[i].dims, sizeof values[i].dims);
            values[i].tame = is_tame(&results.tensors[i]);
        }
        free_results(&results);
    }
    stance_model_close(&model);
    base_buffer_free(&bytes);
    if (works)
        random_graph_accept(graph, values, node->output_count);
    return works;
}

static void grow(struct random_graph *graph, uint64_t seed, bool hostile)
{
    struct stance_tensor inputs[RANDOM_OUTPUTS];
    random_graph_init(graph, seed, hostile);
    make_inputs(graph, inputs, 0);
    int wanted = (int)random_int(graph, 5, 20);
    for (int tries = 0; tries < TRIES && graph->node_count < wanted; tries++) {
        if (graph->constant_count > RANDOM_CONSTANTS - 8)
            break;
        random_graph_grow(graph);
        if (!try_node(graph, inputs))
            random_graph_reject(graph);
    }
    free_inputs(graph, inputs);
}

/* The values nobody reads, and some that somebody reads. */
static int choose_outputs(struct random_graph *graph, const char **outputs)
{
    int count = 0;
    for (int i = graph->value_count - 1; i >= graph->input_count && count < RANDOM_OUTPUTS; i--)
        if (!graph->values[i].used || random_chance(graph, 15))
            outputs[count++] = graph->values[i].name;
    return count;
}

/* ---- Comparing --------------------------------------------------------------------------------
 */

/* The largest difference; infinite where one value is finite and the other is not. */
static double distance(const struct stance_tensor *a, const struct stance_tensor *b,
                       double *largest)
{
    double worst = 0;
    *largest = 1;
    for (int64_t i = 0, count = stance_tensor_count(a); i < count; i++) {
        double x = tensor_float(a, i), y = tensor_float(b, i);
        if (x == y || (isnan(x) && isnan(y)))
            continue;
        double apart = fabs(x - y);
        worst = !isfinite(apart) ? INFINITY : apart > worst ? apart : worst;
        *largest = fabs(y) > *largest ? fabs(y) : *largest;
    }
    return worst;
}

static bool same_type(const struct stance_tensor *a, const struct stance_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

struct trial {
    uint64_t seed;
    const char *const *names;
    const struct results *reference, *moved; /* by inputs moved a millionth: how much errors grow */
};

static void complain(const struct trial *trial, const char *who, int output, const char *what,
                     double apart)
{
    failed = true;
    fail_msg("seed %llu: %s: output %d (%s) %s (%g): %s", (unsigned long long)trial->seed, who,
             output, output < 0 ? "" : trial->names[output], what, apart, stance_error_text());
}

static void assert_agrees(const struct trial *trial, const char *who, const struct results *results)
{
    if (results->code != trial->reference->code)
        complain(trial, who, -1, stance_error_name(results->code), 0);
    for (int i = 0; i < results->count; i++) {
        const struct stance_tensor *reference = &trial->reference->tensors[i];
        double largest, growth;
        if (!same_type(&results->tensors[i], reference))
            complain(trial, who, i, "has another type or shape", 0);
        if (!same_type(&trial->moved->tensors[i], reference))
            continue; /* its size depends on the noise */
        growth = distance(&trial->moved->tensors[i], reference, &largest);
        double apart = distance(&results->tensors[i], reference, &largest);
        if (!(apart <= 1e-3 * largest + 30 * growth))
            complain(trial, who, i, "differs from single operators", apart);
    }
}

static void assert_same_bits(const struct trial *trial, const char *who, const struct results *a,
                             const struct results *b)
{
    if (a->code != b->code)
        complain(trial, who, -1, "ends differently with two threads", 0);
    for (int i = 0; i < a->count; i++) {
        size_t bytes =
            (size_t)stance_tensor_count(&a->tensors[i]) * stance_dtype_size(a->tensors[i].dtype);
        if (!same_type(&a->tensors[i], &b->tensors[i]) ||
            memcmp(a->tensors[i].data, b->tensors[i].data, bytes) != 0)
            complain(trial, who, i, "changes with the number of threads", 0);
    }
}

static void compare_tiers(struct trial *trial, struct stance_model *model,
                          const struct stance_tensor *inputs, int input_count, int outputs)
{
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const char *who = base_cpu_name((enum base_cpu_tier)tier);
        struct results one = run_session(model, inputs, input_count, outputs, tier, 1);
        assert_agrees(trial, who, &one);
        struct results two = run_session(model, inputs, input_count, outputs, tier, 2);
        assert_same_bits(trial, who, &one, &two);
        free_results(&one);
        free_results(&two);
    }
}

/* Leaves the network that failed. */
static void dump(const struct base_buffer *model)
{
    const char *path = getenv("STANCE_RANDOM_DUMP");
    if (path && !failed)
        assert_int_equal(base_file_write(path, model->data, model->size), 0);
}

static void run_seed(uint64_t seed)
{
    static struct random_graph graph;
    const char *names[RANDOM_OUTPUTS];
    struct stance_tensor inputs[RANDOM_OUTPUTS], moved[RANDOM_OUTPUTS];
    struct stance_model *model = NULL;
    struct base_buffer bytes;
    grow(&graph, seed, false);
    int outputs = choose_outputs(&graph, names);
    base_buffer_init(&bytes, RANDOM_MODEL_BYTES);
    random_graph_write(&graph, names, outputs, &bytes);
    dump(&bytes);
    make_inputs(&graph, inputs, 0);
    make_inputs(&graph, moved, 1e-6f);
    struct results reference = run_alone(&bytes, inputs, graph.input_count, outputs);
    struct results shifted = run_alone(&bytes, moved, graph.input_count, outputs);
    struct trial trial = {seed, names, &reference, &shifted};
    assert_int_equal(engine_model_parse(&model, bytes.data, bytes.size, "random"), 0);
    compare_tiers(&trial, model, inputs, graph.input_count, outputs);
    stance_model_close(&model);
    free_results(&reference);
    free_results(&shifted);
    free_inputs(&graph, inputs);
    free_inputs(&graph, moved);
    base_buffer_free(&bytes);
    random_graph_free(&graph);
}

static void test_random_networks_agree_on_every_tier(void **state)
{
    (void)state;
    for (int64_t i = 0; i < seed_count; i++)
        run_seed((uint64_t)(first_seed + i));
}

/* Growing runs every node that the checks let through on the reference tier. */
static void test_absurd_numbers_are_refused(void **state)
{
    (void)state;
    static struct random_graph graph;
    for (int64_t i = 0; i < seed_count; i++) {
        const char *names[RANDOM_OUTPUTS];
        struct stance_tensor inputs[RANDOM_OUTPUTS];
        struct stance_model *model = NULL;
        struct base_buffer bytes;
        long alive = base_alloc_live();
        grow(&graph, (uint64_t)(first_seed + i), true);
        int outputs = choose_outputs(&graph, names);
        base_buffer_init(&bytes, RANDOM_MODEL_BYTES);
        random_graph_write(&graph, names, outputs, &bytes);
        dump(&bytes);
        make_inputs(&graph, inputs, 0);
        if (engine_model_parse(&model, bytes.data, bytes.size, "random") == 0) {
            struct results results =
                run_session(model, inputs, graph.input_count, outputs, (int)base_cpu_best(), 2);
            free_results(&results);
        }
        stance_model_close(&model);
        free_inputs(&graph, inputs);
        base_buffer_free(&bytes);
        random_graph_free(&graph);
        assert_int_equal(base_alloc_live(), alive);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_networks_agree_on_every_tier),
        cmocka_unit_test(test_absurd_numbers_are_refused),
    };
    if (argc == 3 && (base_number_parse_int64(argv[1], &first_seed) < 0 ||
                      base_number_parse_int64(argv[2], &seed_count) < 0)) {
        fprintf(stderr, "%s\n", stance_error_text());
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
