/* Steps that move channels: layout changes, and Concat and Split of channels that could not be
 * placed inside each other. */
#include <string.h>

#include "engine/plan.h"

struct move {
    const struct engine_plan *plan;
    int from, to;
    int from_first, to_first, channels, batch;
    bool last; /* the moved channels end `to` */
    int64_t pixels;
};

static bool is_bytes(const struct engine_plan *plan, int value)
{
    return plan->graph->values[value].dtype == STANCE_UINT8;
}

/* Bytes between plain and blocked: rare, as hardly anything reads plain ones. */
static void reorder_bytes(const struct move *m, int part, int parts)
{
    const struct engine_plan *plan = m->plan;
    const struct graph_value *to_value = &plan->graph->values[m->to];
    bool blocking = to_value->block > 1;
    int block = blocking ? to_value->block : plan->graph->values[m->from].block;
    int64_t first, end;
    kernel_share((int64_t)m->batch * m->channels, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t image = i / m->channels, channel = i % m->channels;
        const uint8_t *from = engine_memory(plan, m->from) + image * engine_stride(plan, m->from);
        uint8_t *to = engine_memory(plan, m->to) + image * engine_stride(plan, m->to);
        int64_t plain = channel * m->pixels;
        int64_t blocked = channel / block * block * m->pixels + channel % block;
        from += blocking ? plain : blocked;
        to += blocking ? blocked : plain;
        int64_t from_step = blocking ? 1 : block, to_step = blocking ? block : 1;
        for (int64_t at = 0; at < m->pixels; at++)
            to[at * to_step] = from[at * from_step];
    }
}

static void share_reorder(void *context, int part, int parts, int worker)
{
    const struct move *m = context;
    const struct engine_plan *plan = m->plan;
    if (is_bytes(plan, m->to)) {
        reorder_bytes(m, part, parts);
        return;
    }
    float *from = engine_data(plan, m->from), *to = engine_data(plan, m->to);
    int64_t from_stride = engine_stride(plan, m->from), to_stride = engine_stride(plan, m->to);
    if (plan->graph->values[m->to].block > 1)
        plan->kernels->to_blocked(from, from_stride, to, to_stride, m->batch, 0, m->channels, true,
                                  m->pixels, part, parts);
    else
        plan->kernels->to_plain(from, from_stride, to, to_stride, m->batch, 0, m->channels,
                                m->pixels, part, parts);
}

static void share_copy(void *context, int part, int parts, int worker)
{
    const struct move *m = context;
    const struct engine_plan *plan = m->plan;
    if (is_bytes(plan, m->to)) {
        plan->kernels->copy_channels_bytes(
            engine_memory(plan, m->from), engine_stride(plan, m->from), m->from_first,
            engine_memory(plan, m->to), engine_stride(plan, m->to), m->to_first, m->channels,
            m->batch, m->pixels, part, parts);
        return;
    }
    plan->kernels->copy_channels(engine_data(plan, m->from), engine_stride(plan, m->from),
                                 m->from_first, engine_data(plan, m->to),
                                 engine_stride(plan, m->to), m->to_first, m->channels, m->last,
                                 m->batch, m->pixels, part, parts);
}

static struct move move_of(const struct engine_plan *plan, int from, int to, int pixels_of)
{
    const struct tensor_shape *shape = &plan->graph->values[pixels_of].shape;
    return (struct move){.plan = plan,
                         .from = from,
                         .to = to,
                         .channels = (int)shape->dims[1],
                         .batch = (int)shape->dims[0],
                         .last = true,
                         .pixels = shape->dims[2] * shape->dims[3]};
}

static int run_reorder(struct engine_step *step, struct engine_plan *plan)
{
    int from = step->node->inputs[0], to = step->node->outputs[0];
    struct move move = move_of(plan, from, to, to);
    base_pool_share(plan->pool, share_reorder, &move,
                    engine_parts(engine_elements(&plan->graph->values[to]), 4096));
    return 0;
}

static void run_copy(struct engine_plan *plan, struct move *move)
{
    base_pool_share(plan->pool, share_copy, move,
                    engine_parts((int64_t)move->channels * move->batch * move->pixels, 4096));
}

static int run_concat(struct engine_step *step, struct engine_plan *plan)
{
    const struct graph_node *node = step->node;
    int at = 0;
    for (int i = 0; i < node->input_count; i++) {
        int from = node->inputs[i], to = node->outputs[0];
        struct move move = move_of(plan, from, to, from);
        move.to_first = at;
        at += move.channels;
        move.last = at == plan->graph->values[to].shape.dims[1];
        int64_t offset =
            move.to_first * move.pixels * (int64_t)stance_dtype_size(plan->graph->values[to].dtype);
        bool placed = plan->places[from].root == plan->places[to].root &&
                      engine_memory(plan, from) - engine_memory(plan, to) == offset;
        if (!placed)
            run_copy(plan, &move);
    }
    return 0;
}

static int run_split(struct engine_step *step, struct engine_plan *plan)
{
    const struct graph_node *node = step->node;
    int at = 0;
    for (int i = 0; i < node->output_count; i++) {
        struct move move = move_of(plan, node->inputs[0], node->outputs[i], node->outputs[i]);
        move.from_first = at;
        at += move.channels;
        if (!plan->places[node->outputs[i]].view)
            run_copy(plan, &move);
    }
    return 0;
}

static bool all_blocked(const struct engine_plan *plan, const int *values, int count)
{
    for (int i = 0; i < count; i++)
        if (values[i] < 0 || plan->graph->values[values[i]].block <= 1)
            return false;
    return count > 0;
}

int engine_make_channels(struct engine_plan *plan, struct engine_step *step)
{
    const struct graph_node *node = step->node;
    if (strcmp(node->type, "Reorder") == 0) {
        step->run = run_reorder;
        return 1;
    }
    if (!all_blocked(plan, node->inputs, 1) ||
        !all_blocked(plan, node->outputs, node->output_count))
        return 0;
    if (strcmp(node->type, "Concat") == 0) {
        step->run = run_concat;
        return 1;
    }
    if (strcmp(node->type, "Split") == 0) {
        step->run = run_split;
        return 1;
    }
    return 0;
}
