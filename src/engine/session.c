/* Sessions: a device, a pool, and the last few plans of one model. */
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "engine/limits.h"
#include "engine/plan.h"
#include "engine/share.h"
#include "stance/session.h"

enum { MAX_PLANS = 8, MAX_INPUTS = 64, MAX_OUTPUTS = 64 };

/* Images that go through a plan together at most on several threads, where larger batches can be cut:
 * what is between the layers of more does not stay in the cache. One thread gains nothing by two. */
enum { MAX_TOGETHER = 4 };

/* A plan and the shapes it is for. */
struct entry {
    struct engine_plan *plan;
    struct tensor_shape shapes[MAX_INPUTS];
    int64_t together;                      /* images in one run of the plan */
    int64_t loops;                         /* such runs, one after another */
    struct tensor *collected[MAX_OUTPUTS]; /* with loops > 1: results of all images */
    int64_t last_use;
};

struct stance_session {
    struct stance_model *model;
    const struct kernel_table *kernels;
    struct base_pool *pool;
    bool profile, any_size;
    struct engine_workspace workspace; /* of all plans */
    struct entry entries[MAX_PLANS];
    struct entry *current;
    int64_t clock;
    char description[192];
};

void stance_session_options_default(struct stance_session_options *options)
{
    *options = (struct stance_session_options){
        .struct_size = sizeof *options, .device = "cpu", .threads = 1, .tier = STANCE_TIER_AUTO};
}

static int choose_tier(const struct stance_session_options *options, enum base_cpu_tier *tier)
{
    BASE_TRY(base_cpu_choose(tier));
    if (options->tier == STANCE_TIER_AUTO)
        return 0;
    if (options->tier < 0 || options->tier >= BASE_CPU_TIERS)
        return base_error(STANCE_EARGUMENT, "tier %d does not exist", options->tier);
    if (!base_cpu_has((enum base_cpu_tier)options->tier))
        return base_error(STANCE_EDEVICE, "this processor (%s) has no %s; it reaches %s",
                          base_cpu_model(), base_cpu_name((enum base_cpu_tier)options->tier),
                          base_cpu_name(base_cpu_best()));
    *tier = (enum base_cpu_tier)options->tier;
    return 0;
}

static int check_model(const struct stance_model *model)
{
    if (model->graph->input_count > MAX_INPUTS || model->graph->output_count > MAX_OUTPUTS)
        return base_error(STANCE_ELIMIT, "%s has %d inputs and %d outputs; at most %d each are run",
                          model->path, model->graph->input_count, model->graph->output_count,
                          MAX_INPUTS);
    return 0;
}

/* Before there is a plan, the file's weights tell the precision. */
static const char *precision(const struct stance_session *session)
{
    const struct engine_plan *plan = session->current ? session->current->plan : NULL;
    if (!plan)
        return graph_has_byte_weights(session->model->graph) ? "int8 and float32" : "float32";
    return plan->int8_multiply_adds == 0                    ? "float32"
           : plan->int8_multiply_adds < plan->multiply_adds ? "int8 and float32"
                                                            : "int8";
}

static void describe(struct stance_session *session)
{
    int threads = base_pool_threads(session->pool);
    snprintf(session->description, sizeof session->description, "cpu (%s), %s, %d thread%s, %s",
             base_cpu_model(), base_cpu_name(session->kernels->tier), threads,
             threads == 1 ? "" : "s", precision(session));
}

int stance_session_open(struct stance_session **out, struct stance_model *model,
                        const struct stance_session_options *options)
{
    *out = NULL;
    struct stance_session_options chosen;
    stance_session_options_default(&chosen);
    if (options)
        memcpy(&chosen, options,
               options->struct_size < sizeof chosen ? options->struct_size : sizeof chosen);
    if (chosen.device && strcmp(chosen.device, "cpu") != 0)
        return base_error(STANCE_EDEVICE, "device '%s' is not available; this build has: cpu",
                          chosen.device);
    enum base_cpu_tier tier;
    BASE_TRY(choose_tier(&chosen, &tier));
    BASE_TRY(check_model(model));
    struct stance_session *session = base_alloc_zero(1, sizeof *session);
    if (!session)
        return base_error_memory(sizeof *session, "a session");
    int threads = chosen.threads ? chosen.threads : 1;
    int code = base_pool_open(&session->pool, threads);
    if (code < 0) {
        base_free(session);
        return code;
    }
    session->model = engine_model_keep(model);
    session->kernels = kernel_table(tier);
    session->profile = chosen.profile != 0;
    session->any_size = chosen.any_size != 0;
    describe(session);
    *out = session;
    return 0;
}

static void entry_close(struct entry *entry)
{
    for (int i = 0; i < MAX_OUTPUTS; i++)
        tensor_close(&entry->collected[i]);
    engine_plan_close(&entry->plan);
}

void stance_session_close(struct stance_session **handle)
{
    struct stance_session *session = *handle;
    *handle = NULL;
    if (!session)
        return;
    for (int i = 0; i < MAX_PLANS; i++)
        entry_close(&session->entries[i]);
    engine_workspace_close(&session->workspace);
    base_pool_close(&session->pool);
    stance_model_close(&session->model);
    base_free(session);
}

static int check_inputs(const struct stance_session *session, const struct stance_tensor *inputs,
                        int count)
{
    const struct graph *graph = session->model->graph;
    if (count != graph->input_count)
        return base_error(STANCE_EARGUMENT, "%s: %d inputs given, the model has %d",
                          session->model->path, count, graph->input_count);
    for (int i = 0; i < count; i++) {
        const struct graph_value *value = &graph->values[graph->inputs[i]];
        if (inputs[i].rank < 0 || inputs[i].rank > STANCE_MAX_RANK)
            return base_error(STANCE_ESHAPE, "%s: input '%s' has rank %d", session->model->path,
                              value->name, inputs[i].rank);
        struct tensor_shape shape = tensor_shape_of(&inputs[i]);
        int64_t elements;
        int code = tensor_shape_count(&shape, &elements);
        if (code < 0)
            return base_error_context(code, "%s: input '%s'", session->model->path, value->name);
        if (value->dtype != STANCE_DTYPE_NONE && inputs[i].dtype != value->dtype)
            return base_error(STANCE_ETYPE, "%s: input '%s' is %s; the model wants %s",
                              session->model->path, value->name, stance_dtype_name(inputs[i].dtype),
                              stance_dtype_name(value->dtype));
    }
    return 0;
}

static struct entry *find(struct stance_session *session, const struct stance_tensor *inputs,
                          int count)
{
    for (int k = 0; k < MAX_PLANS; k++) {
        struct entry *entry = &session->entries[k];
        bool same = entry->plan != NULL;
        for (int i = 0; same && i < count; i++) {
            struct tensor_shape shape = tensor_shape_of(&inputs[i]);
            same = tensor_shape_equal(&shape, &entry->shapes[i]);
        }
        if (same)
            return entry;
    }
    return NULL;
}

static struct entry *oldest(struct stance_session *session)
{
    struct entry *entry = &session->entries[0];
    for (int k = 0; k < MAX_PLANS; k++)
        if (!session->entries[k].plan || session->entries[k].last_use < entry->last_use)
            entry = &session->entries[k];
    return entry;
}

/* The batch that all inputs carry; 1 where they carry none, or several. *extra: the model was exported
 * for batch 1. */
static int64_t batch_of(const struct stance_session *session, const struct tensor_shape *shapes,
                        bool *extra)
{
    const struct graph *graph = session->model->graph;
    int64_t batch = 1;
    *extra = true;
    for (int i = 0; i < graph->input_count; i++) {
        const struct tensor_shape *declared = &graph->values[graph->inputs[i]].shape;
        if (declared->rank < 1 || declared->dims[0] > 1 || shapes[i].rank < 1 ||
            shapes[i].dims[0] < 2)
            return 1;
        if (i > 0 && shapes[i].dims[0] != batch)
            return 1;
        batch = shapes[i].dims[0];
        *extra &= declared->dims[0] == 1;
    }
    return batch;
}

/* Whether the images of a larger batch are computed alone. Asked with an odd number, which no
 * constant of a network contains by chance. 1 or 0; negative: out of memory. */
static int can_rebatch(const struct stance_session *session, const struct tensor_shape *shapes)
{
    enum { PROBE = 61 };
    struct tensor_shape probes[MAX_INPUTS];
    for (int i = 0; i < session->model->graph->input_count; i++) {
        probes[i] = shapes[i];
        probes[i].dims[0] = PROBE;
    }
    struct graph *graph;
    struct graph_folder folder = engine_folder();
    int code =
        graph_specialise_size(&graph, session->model->graph, probes, &folder, session->any_size);
    if (code < 0)
        return code == STANCE_ENOMEMORY ? code : 0;
    int independent = graph_batch_independent(graph, PROBE, NULL, 0);
    graph_close(&graph);
    return independent;
}

/* Equal parts of a batch; a batch without any stays whole where several are wanted. */
static int64_t part_of(int64_t batch, int64_t most)
{
    int64_t part = batch < most ? batch : most;
    while (part > 1 && batch % part != 0)
        part--;
    return part > 1 || most == 1 ? part : batch;
}

/* How many images go through the plan together. Errors: ENOMEMORY. */
static int images_together(const struct stance_session *session, const struct tensor_shape *shapes,
                           int64_t batch, bool extra, int64_t *together)
{
    int64_t most = base_pool_threads(session->pool) > 1 ? MAX_TOGETHER : 1;
    *together = batch;
    if (batch <= (extra ? 1 : most))
        return 0;
    int alone = can_rebatch(session, shapes);
    if (alone < 0)
        return alone;
    *together = alone ? part_of(batch, most) : extra ? 1 : batch;
    return 0;
}

/* Memory for the results of all runs. */
static int collect_open(struct entry *entry, int output_count)
{
    for (int i = 0; i < output_count; i++) {
        const struct stance_tensor *part = engine_plan_output(entry->plan, i);
        struct tensor_shape shape = tensor_shape_of(part);
        if (!tensor_shape_known(&shape) || shape.rank < 1 || shape.dims[0] != entry->together)
            return base_error(STANCE_ESHAPE,
                              "this model takes one picture at a time: the size of "
                              "its output %d is not fixed per picture",
                              i);
        shape.dims[0] *= entry->loops;
        BASE_TRY(tensor_open(&entry->collected[i], part->dtype, &shape));
    }
    return 0;
}

static int fill_entry(struct stance_session *session, struct entry *entry,
                      const struct stance_tensor *inputs, int count)
{
    struct tensor_shape shapes[MAX_INPUTS];
    for (int i = 0; i < count; i++)
        entry->shapes[i] = shapes[i] = tensor_shape_of(&inputs[i]);
    bool extra;
    int64_t batch = batch_of(session, shapes, &extra);
    BASE_TRY(images_together(session, shapes, batch, extra, &entry->together));
    entry->loops = batch / entry->together;
    if (entry->loops > 1)
        for (int i = 0; i < count; i++)
            shapes[i].dims[0] = entry->together;
    const struct engine_inputs asked = {shapes, session->any_size};
    BASE_TRY(engine_plan_open(&entry->plan, session->model, session->kernels, session->pool,
                              &session->workspace, &asked));
    return entry->loops > 1 ? collect_open(entry, session->model->graph->output_count) : 0;
}

int stance_session_prepare(struct stance_session *session, const struct stance_tensor *inputs,
                           int count)
{
    BASE_TRY(check_inputs(session, inputs, count));
    struct entry *entry = find(session, inputs, count);
    if (!entry) {
        entry = oldest(session);
        if (session->current == entry)
            session->current = NULL;
        entry_close(entry);
        int code = fill_entry(session, entry, inputs, count);
        if (code < 0) {
            entry_close(entry);
            return base_error_context(code, "%s", session->model->path);
        }
    }
    entry->last_use = ++session->clock;
    bool other = session->current != entry;
    session->current = entry;
    if (other)
        describe(session);
    return 0;
}

static int run_images(struct stance_session *session, struct entry *entry,
                      const struct stance_tensor *inputs, int input_count)
{
    for (int64_t part = 0; part < entry->loops; part++) {
        const void *data[MAX_INPUTS];
        for (int i = 0; i < input_count; i++)
            data[i] = (const unsigned char *)inputs[i].data +
                      (size_t)part * (tensor_bytes(&inputs[i]) / (size_t)entry->loops);
        BASE_TRY(engine_plan_run(entry->plan, data, session->profile));
        for (int i = 0; entry->collected[i] && i < MAX_OUTPUTS; i++) {
            const struct stance_tensor *one = engine_plan_output(entry->plan, i);
            memcpy((unsigned char *)entry->collected[i]->view.data +
                       (size_t)part * tensor_bytes(one),
                   one->data, tensor_bytes(one));
        }
    }
    return 0;
}

int stance_session_run(struct stance_session *session, const struct stance_tensor *inputs,
                       int input_count, struct stance_tensor *outputs, int output_count)
{
    BASE_TRY(stance_session_prepare(session, inputs, input_count));
    struct entry *entry = session->current;
    const struct graph *graph = session->model->graph;
    if (output_count != graph->output_count)
        return base_error(STANCE_EARGUMENT, "%s: room for %d outputs given, the model has %d",
                          session->model->path, output_count, graph->output_count);
    for (int i = 0; i < input_count; i++)
        if (!inputs[i].data && tensor_bytes(&inputs[i]) > 0)
            return base_error(STANCE_EARGUMENT, "%s: input '%s' has no data", session->model->path,
                              graph->values[graph->inputs[i]].name);
    int code = run_images(session, entry, inputs, input_count);
    if (code < 0)
        return base_error_context(code, "%s", session->model->path);
    for (int i = 0; i < output_count; i++)
        outputs[i] =
            entry->collected[i] ? entry->collected[i]->view : *engine_plan_output(entry->plan, i);
    return 0;
}

size_t stance_session_memory(const struct stance_session *session)
{
    if (!session->current)
        return 0;
    const struct engine_plan *plan = session->current->plan;
    return plan->workspace_bytes + plan->scratch_bytes * (size_t)base_pool_threads(session->pool) +
           engine_memory_held(plan->memory);
}

int64_t stance_session_multiply_adds(const struct stance_session *session)
{
    return session->current ? session->current->plan->multiply_adds * session->current->loops : 0;
}

int64_t stance_session_int8_multiply_adds(const struct stance_session *session)
{
    return session->current ? session->current->plan->int8_multiply_adds * session->current->loops
                            : 0;
}

int stance_session_loops(const struct stance_session *session)
{
    return session->current && session->current->loops > 1 && session->current->together == 1;
}

void engine_session_share(struct stance_session *session, base_pool_fn *fn, void *context,
                          int parts)
{
    base_pool_run(session->pool, fn, context, parts);
}

double stance_session_peak(struct stance_session *session)
{
    return engine_limit_float(session->kernels, session->pool);
}

int stance_session_limits(struct stance_session *session, struct stance_limits *out)
{
    struct stance_limits found = {.struct_size = out->struct_size};
    BASE_TRY(engine_limit_copy(session->pool, &found.cache_gb_s, &found.memory_gb_s));
    found.float_gflops = engine_limit_float(session->kernels, session->pool);
    found.byte_gops = engine_limit_bytes(session->kernels, session->pool);
    memcpy(out, &found, out->struct_size < sizeof found ? out->struct_size : sizeof found);
    return 0;
}

const char *stance_session_describe(const struct stance_session *session)
{
    return session->description;
}

static const struct engine_step *profile_step(const struct engine_plan *plan, int wanted)
{
    for (int i = 0; i < plan->graph->node_count; i++)
        if (plan->steps[i].run && wanted-- == 0)
            return &plan->steps[i];
    return NULL;
}

int stance_session_profile_count(const struct stance_session *session, int64_t *runs)
{
    if (runs)
        *runs = 0;
    if (!session->profile || !session->current)
        return 0;
    const struct engine_plan *plan = session->current->plan;
    if (runs)
        *runs = plan->runs;
    int count = 0;
    while (profile_step(plan, count))
        count++;
    return count;
}

static int64_t step_bytes(const struct engine_plan *plan, const struct graph_node *node)
{
    int64_t bytes = 0;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && tensor_shape_known(&plan->graph->values[node->inputs[i]].shape))
            bytes += engine_elements(&plan->graph->values[node->inputs[i]]) *
                     (int64_t)stance_dtype_size(plan->graph->values[node->inputs[i]].dtype);
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 &&
            tensor_shape_known(&plan->graph->values[node->outputs[i]].shape))
            bytes += engine_elements(&plan->graph->values[node->outputs[i]]) *
                     (int64_t)stance_dtype_size(plan->graph->values[node->outputs[i]].dtype);
    return bytes;
}

int stance_session_profile(const struct stance_session *session, int i,
                           struct stance_profile_step *out)
{
    *out = (struct stance_profile_step){0};
    const struct engine_step *step = session->profile && session->current && i >= 0
                                         ? profile_step(session->current->plan, i)
                                         : NULL;
    if (!step)
        return base_error(STANCE_EARGUMENT, "the profile has no step %d", i);
    const struct engine_plan *plan = session->current->plan;
    out->type = step->node->type;
    out->name = step->node->name;
    out->method = step->method;
    for (int k = 0; k < step->node->output_count && !out->shape[0]; k++)
        if (step->node->outputs[k] >= 0) {
            char text[TENSOR_SHAPE_TEXT];
            snprintf(out->shape, sizeof out->shape, "%.63s",
                     tensor_shape_text(&plan->graph->values[step->node->outputs[k]].shape, text));
        }
    out->nanoseconds = step->nanoseconds;
    out->multiply_adds = step->multiply_adds;
    out->bytes = step_bytes(plan, step->node);
    return 0;
}

const char *stance_device_name(int i)
{
    return i == 0 ? "cpu" : NULL;
}

const char *stance_device_describe(int i)
{
    static _Thread_local char text[192];
    if (i != 0)
        return "";
    snprintf(text, sizeof text, "%s, %d core%s, up to %s%s", base_cpu_model(), base_cpu_count(),
             base_cpu_count() == 1 ? "" : "s", base_cpu_name(base_cpu_best()),
             base_cpu_has_vnni() ? " with VNNI" : "");
    return text;
}
