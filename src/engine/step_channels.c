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

static void share_reorder(void *context, int part, int parts, int worker)
{
    const struct move *m = context;
    const struct engine_plan *plan = m->plan;
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
    base_pool_run(plan->pool, share_reorder, &move,
                  engine_parts(engine_elements(&plan->graph->values[to]), 16384));
    return 0;
}

static void run_copy(struct engine_plan *plan, struct move *move)
{
    base_pool_run(plan->pool, share_copy, move,
                  engine_parts((int64_t)move->channels * move->batch * move->pixels, 16384));
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
        bool placed =
            plan->places[from].root == plan->places[to].root &&
            engine_data(plan, from) - engine_data(plan, to) == move.to_first * move.pixels;
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
