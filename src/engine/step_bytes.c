/* Steps for arithmetic on bytes: between floats and bytes, tables, sums, channel factors, averages,
 * and joining of channels with different scales. */
#include <string.h>

#include "engine/plan.h"

/* One image, or all of them where they lie without gaps. */
struct piece {
    const struct engine_plan *plan;
    const struct engine_step *step;
    const struct kernel_table *kernels;
    const unsigned char *a, *b; /* b NULL without a second input */
    unsigned char *y;
    struct kernel_bytes a_bytes, b_bytes, y_bytes;
    int64_t a_stride, y_stride;
    int64_t count; /* elements of the output */
    int images, channels;
    int64_t pixels;
};

typedef void piece_fn(const struct piece *piece, int part, int parts);

struct arithmetic {
    const char *type;
    piece_fn *run;
    bool flat; /* element by element: images may have gaps that the kernel does not know of */
};

static void quantize(const struct piece *p, int part, int parts)
{
    p->kernels->quantize((const float *)(const void *)p->a, &p->y_bytes, p->y, p->count, part,
                         parts);
}

static void dequantize(const struct piece *p, int part, int parts)
{
    p->kernels->dequantize(p->a, &p->a_bytes, (float *)(void *)p->y, p->count, part, parts);
}

static void look_up(const struct piece *p, int part, int parts)
{
    const uint8_t *table = engine_memory(p->plan, p->step->node->inputs[1]);
    int64_t i, end;
    kernel_share(p->count, part, parts, &i, &end);
    for (; i < end; i++)
        p->y[i] = table[p->a[i]];
}

static void add(const struct piece *p, int part, int parts)
{
    p->kernels->add_bytes(p->a, &p->a_bytes, p->b, &p->b_bytes, p->y, &p->y_bytes, p->count, part,
                          parts);
}

static void scale(const struct piece *p, int part, int parts)
{
    p->kernels->scale_channels_bytes(p->a, &p->a_bytes, p->a_stride,
                                     (const float *)(const void *)p->b, p->y, &p->y_bytes,
                                     p->y_stride, p->images, p->channels, p->pixels, part, parts);
}

static void average(const struct piece *p, int part, int parts)
{
    p->kernels->global_average_bytes(p->a, &p->a_bytes, p->a_stride, p->images, p->channels,
                                     p->pixels, (float *)(void *)p->y, part, parts);
}

static const struct arithmetic operators[] = {
    {"QuantizeLinear", quantize, true}, {"DequantizeLinear", dequantize, true},
    {"Lookup", look_up, true},          {"QAdd", add, true},
    {"QScale", scale, false},           {"QAverage", average, false},
};

struct share_run {
    const struct piece *piece;
    piece_fn *run;
};

static void share(void *context, int part, int parts, int worker)
{
    const struct share_run *run = context;
    run->run(run->piece, part, parts);
}

static size_t element(const struct engine_plan *plan, int value)
{
    return stance_dtype_size(plan->graph->values[value].dtype);
}

/* The second input where it goes through the images with the first. */
static int second_of(const struct engine_step *step)
{
    bool pair = strcmp(step->node->type, "QAdd") == 0 || strcmp(step->node->type, "QScale") == 0;
    return pair ? step->node->inputs[1] : -1;
}

static int run_arithmetic(struct engine_step *step, struct engine_plan *plan)
{
    const struct arithmetic *operator= step->data;
    int a = step->node->inputs[0], y = step->node->outputs[0], b = second_of(step);
    const struct graph_value *input = &plan->graph->values[a], *output = &plan->graph->values[y];
    bool dense = engine_dense(plan, a) && engine_dense(plan, y) && (b < 0 || engine_dense(plan, b));
    int64_t images = output->shape.rank > 0 ? output->shape.dims[0] : 1;
    int64_t runs = dense ? 1 : images;
    bool map = !operator->flat;
    struct piece piece = {
        .plan = plan,
        .step = step,
        .kernels = map && input->block <= 1 ? kernel_table(BASE_CPU_REF) : plan->kernels,
        .a_bytes = engine_bytes(plan->graph, a),
        .y_bytes = engine_bytes(plan->graph, y),
        .a_stride = engine_stride(plan, a),
        .y_stride = engine_stride(plan, y),
        .count = engine_elements(output) / runs,
        .images = (int)(images / runs),
        .channels = map ? (int)input->shape.dims[1] : 0,
        .pixels = map ? input->shape.dims[2] * input->shape.dims[3] : 0,
    };
    if (b >= 0)
        piece.b_bytes = engine_bytes(plan->graph, b);
    for (int64_t i = 0; i < runs; i++) {
        piece.a = engine_memory(plan, a) + (size_t)(i * engine_stride(plan, a)) * element(plan, a);
        piece.y = engine_memory(plan, y) + (size_t)(i * engine_stride(plan, y)) * element(plan, y);
        piece.b = b < 0 ? NULL
                        : engine_memory(plan, b) +
                              (size_t)(i * engine_stride(plan, b)) * element(plan, b);
        base_pool_share(plan->pool, share, &(struct share_run){&piece, operator->run},
                      engine_parts(engine_elements(input) / runs, 16384));
    }
    return 0;
}

/* ---- QConcat --------------------------------------------------------------------------------- */

struct join_run {
    const struct kernel_table *kernels;
    const uint8_t *from;
    uint8_t *to;
    struct kernel_bytes from_bytes, to_bytes;
    int64_t count;
};

static void share_join(void *context, int part, int parts, int worker)
{
    const struct join_run *run = context;
    run->kernels->requantize(run->from, &run->from_bytes, run->to, &run->to_bytes, run->count, part,
                             parts);
}

/* Each part is one piece of the output's memory, per image. */
static int run_join(struct engine_step *step, struct engine_plan *plan)
{
    const struct graph_node *node = step->node;
    int to = node->outputs[0];
    int64_t images = plan->graph->values[to].shape.dims[0], at = 0;
    for (int i = 0; i < node->input_count; i++) {
        int from = node->inputs[i];
        struct join_run run = {.kernels = plan->kernels,
                               .from_bytes = engine_bytes(plan->graph, from),
                               .to_bytes = engine_bytes(plan->graph, to),
                               .count = engine_elements(&plan->graph->values[from]) / images};
        for (int64_t image = 0; image < images; image++) {
            run.from = engine_memory(plan, from) + image * engine_stride(plan, from);
            run.to = engine_memory(plan, to) + image * engine_stride(plan, to) + at;
            base_pool_share(plan->pool, share_join, &run, engine_parts(run.count, 16384));
        }
        at += run.count;
    }
    return 0;
}

/* ---- Making ---------------------------------------------------------------------------------- */

int engine_make_bytes(struct engine_plan *plan, struct engine_step *step)
{
    const struct graph_node *node = step->node;
    if (strcmp(node->type, "QConcat") == 0) {
        step->run = run_join;
        return 1;
    }
    bool between =
        strcmp(node->type, "QuantizeLinear") == 0 || strcmp(node->type, "DequantizeLinear") == 0;
    if (between && (!engine_converts(plan->graph, node) ||
                    stance_tensor_count(&plan->views[node->outputs[0]]) == 0))
        return 0;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (strcmp(node->type, operators[i].type) == 0) {
            step->data = (void *)(uintptr_t)&operators[i];
            step->run = run_arithmetic;
            return 1;
        }
    return 0;
}
