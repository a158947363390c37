/* Steps for arrays without geometry: one and two operand arithmetic, and operators along the last
 * axis. Blocked values are flat arrays too, one per image; channel factors have a kernel. */
#include <math.h>
#include <string.h>

#include "engine/epilogue.h"
#include "engine/plan.h"

enum flat_kind {
    FLAT_UNARY,
    FLAT_SAME,
    FLAT_ROW,
    FLAT_COLUMN,
    FLAT_CHANNELS,
    FLAT_SOFTMAX,
    FLAT_LAYER_NORM,
    FLAT_REDUCE
};

struct flat {
    enum flat_kind kind;
    int op; /* enum kernel_activation, kernel_binary or kernel_reduce */
    float alpha, beta;
    int a, b, scale, bias, output; /* values; b is the smaller operand */
    bool b_first;
    struct kernel_epilogue activation; /* of the result */
    int64_t images, count;             /* flat arrays: how many, floats in each */
    int64_t rows, columns;             /* of one image */
    int channels, batch; /* of one kernel call: a channel factor takes all images or one */
    int parts;
};

struct flat_run {
    const struct engine_plan *plan;
    const struct flat *flat;
    const float *a, *b, *scale, *bias;
    float *y;
};

static void share(void *context, int part, int parts, int worker)
{
    const struct flat_run *r = context;
    const struct flat *f = r->flat;
    const struct kernel_table *k = r->plan->kernels;
    switch (f->kind) {
    case FLAT_UNARY:
        k->unary((enum kernel_activation)f->op, f->alpha, f->beta, r->a, r->y, f->count, part,
                 parts);
        break;
    case FLAT_SAME:
        k->binary((enum kernel_binary)f->op, r->a, r->b, r->y, f->count, part, parts);
        break;
    case FLAT_ROW:
        k->binary_row((enum kernel_binary)f->op, r->a, r->b, r->y, f->rows, f->columns, f->b_first,
                      part, parts);
        break;
    case FLAT_COLUMN:
        k->binary_column((enum kernel_binary)f->op, r->a, r->b, r->y, f->rows, f->columns,
                         f->b_first, part, parts);
        break;
    case FLAT_CHANNELS:
        k->scale_channels(r->a, engine_stride(r->plan, f->a), r->b, r->y,
                          engine_stride(r->plan, f->output), f->batch, f->channels, f->columns,
                          part, parts);
        break;
    case FLAT_SOFTMAX: k->softmax(r->a, r->y, f->rows, f->columns, part, parts); break;
    case FLAT_LAYER_NORM:
        k->layer_norm(r->a, r->scale, r->bias, f->alpha, r->y, f->rows, f->columns, part, parts);
        break;
    case FLAT_REDUCE:
        k->reduce_rows((enum kernel_reduce)f->op, r->a, r->y, f->rows, f->columns, part, parts);
        break;
    }
}

static void share_activation(void *context, int part, int parts, int worker)
{
    const struct flat_run *r = context;
    const struct flat *f = r->flat;
    r->plan->kernels->unary(f->activation.activation, f->activation.alpha, f->activation.beta, r->y,
                            r->y, f->count, part, parts);
}

static float *optional(const struct engine_plan *plan, int value)
{
    return value < 0 ? NULL : engine_data(plan, value);
}

static int run_flat(struct engine_step *step, struct engine_plan *plan)
{
    const struct flat *f = step->data;
    for (int64_t image = 0; image < f->images; image++) {
        struct flat_run run = {.plan = plan,
                               .flat = f,
                               .a = engine_data(plan, f->a) + image * engine_stride(plan, f->a),
                               .b = optional(plan, f->b),
                               .scale = optional(plan, f->scale),
                               .bias = optional(plan, f->bias),
                               .y = engine_data(plan, f->output) +
                                    image * engine_stride(plan, f->output)};
        if ((f->kind == FLAT_SAME || f->kind == FLAT_CHANNELS) && run.b)
            run.b += image * engine_stride(plan, f->b);
        base_pool_share(plan->pool, share, &run, f->parts);
        if (f->activation.activation != KERNEL_LINEAR)
            base_pool_share(plan->pool, share_activation, &run, f->parts);
    }
    return 0;
}

static bool is_float(const struct graph_value *value)
{
    return value && value->dtype == STANCE_FLOAT32 && tensor_shape_known(&value->shape);
}

/* Several images with gaps between them are run one by one. */
static void cut_images(const struct engine_plan *plan, struct flat *f)
{
    const struct graph_value *a = &plan->graph->values[f->a];
    bool gaps = !engine_dense(plan, f->a) || !engine_dense(plan, f->output) ||
                (f->kind == FLAT_SAME && !engine_dense(plan, f->b));
    f->images = gaps ? a->shape.dims[0] : 1;
    f->count = engine_elements(a) / f->images;
    f->parts = engine_parts(f->count, 4096);
}

static bool unary_of(const struct graph_node *node, struct flat *f)
{
    static const struct {
        const char *type;
        enum kernel_activation op;
    } ops[] = {
        {"Relu", KERNEL_RELU},
        {"Sigmoid", KERNEL_SIGMOID},
        {"Swish", KERNEL_SWISH},
        {"HardSwish", KERNEL_HARD_SWISH},
        {"Tanh", KERNEL_TANH},
        {"Erf", KERNEL_ERF},
        {"Exp", KERNEL_EXP},
        {"Sqrt", KERNEL_SQRT},
        {"Abs", KERNEL_ABS},
        {"Neg", KERNEL_NEG},
        {"Reciprocal", KERNEL_RECIPROCAL},
        {"Log", KERNEL_LOG},
        {"Softplus", KERNEL_SOFTPLUS},
        {"Sin", KERNEL_SIN},
        {"Cos", KERNEL_COS},
    };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(node->type, ops[i].type) == 0) {
            f->op = ops[i].op;
            return true;
        }
    if (strcmp(node->type, "LeakyRelu") == 0) {
        f->op = KERNEL_LEAKY_RELU;
        f->alpha = graph_attr_float(node, "alpha", 0.01f);
        return true;
    }
    if (strcmp(node->type, "HardSigmoid") == 0) {
        f->op = KERNEL_HARD_SIGMOID;
        f->alpha = graph_attr_float(node, "alpha", 0.2f);
        f->beta = graph_attr_float(node, "beta", 0.5f);
        return true;
    }
    if (strcmp(node->type, "Gelu") == 0) {
        f->op = KERNEL_GELU;
        return strcmp(graph_attr_string(node, "approximate", "none"), "none") == 0;
    }
    return false;
}

/* Clip's bounds as attributes or constant inputs. */
static bool clip_of(const struct engine_plan *plan, const struct engine_step *step, struct flat *f)
{
    if (strcmp(step->node->type, "Clip") != 0)
        return false;
    float bounds[2] = {graph_attr_float(step->node, "min", -INFINITY),
                       graph_attr_float(step->node, "max", INFINITY)};
    for (int i = 1; i <= 2; i++) {
        const struct graph_value *bound = engine_input(plan, step, i);
        if (bound && (!bound->constant || bound->dtype != STANCE_FLOAT32))
            return false;
        if (bound)
            bounds[i - 1] = *(const float *)bound->constant->view.data;
    }
    f->op = KERNEL_CLIP;
    f->alpha = bounds[0];
    f->beta = bounds[1];
    return true;
}

static bool binary_of(const char *type, struct flat *f)
{
    static const char *const types[KERNEL_BINARIES] = {"Add", "Sub", "Mul", "Div", "Max", "Min"};
    for (int i = 0; i < KERNEL_BINARIES; i++)
        if (strcmp(type, types[i]) == 0) {
            f->op = i;
            return true;
        }
    return false;
}

static int64_t count_of(const struct tensor_shape *shape, int first)
{
    int64_t count = 1;
    for (int i = first; i < shape->rank; i++)
        count *= shape->dims[i];
    return count;
}

/* b repeats along the leading axes of a: b's shape (without leading ones) is a's tail. */
static bool is_row(const struct tensor_shape *a, const struct tensor_shape *b)
{
    int skip = 0;
    while (skip < b->rank && b->dims[skip] == 1)
        skip++;
    int tail = b->rank - skip;
    if (tail > a->rank)
        return false;
    for (int i = 0; i < tail; i++)
        if (b->dims[skip + i] != a->dims[a->rank - tail + i])
            return false;
    return true;
}

/* b has a's leading axes and ones behind. */
static bool is_column(const struct tensor_shape *a, const struct tensor_shape *b)
{
    if (a->rank != b->rank)
        return false;
    int i = 0;
    while (i < a->rank && a->dims[i] == b->dims[i])
        i++;
    return i > 0 && count_of(b, i) == 1;
}

static bool choose_binary(const struct engine_plan *plan, const struct graph_node *node,
                          struct flat *f)
{
    const struct graph_value *values = plan->graph->values;
    const struct tensor_shape *out = &values[node->outputs[0]].shape;
    f->b_first = !tensor_shape_equal(&values[node->inputs[0]].shape, out);
    f->a = node->inputs[f->b_first];
    f->b = node->inputs[!f->b_first];
    const struct graph_value *a = &values[f->a], *b = &values[f->b];
    if (!tensor_shape_equal(&a->shape, out))
        return false;
    int block = values[f->output].block;
    if (tensor_shape_equal(&a->shape, &b->shape)) {
        f->kind = FLAT_SAME;
        return (a->block > 1) == (block > 1) && (b->block > 1) == (block > 1);
    }
    if (a->block != block)
        return false;
    int64_t count = count_of(&b->shape, 0);
    if (block > 1) {
        f->columns = a->shape.dims[2] * a->shape.dims[3];
        f->channels = (int)a->shape.dims[1];
        bool whole = engine_dense(plan, f->b) && engine_dense(plan, f->output);
        f->batch = whole ? (int)a->shape.dims[0] : 1;
        f->images = a->shape.dims[0] / f->batch;
        f->kind = FLAT_CHANNELS;
        return f->op == KERNEL_MUL && b->shape.rank == 4 && b->block == block &&
               b->shape.dims[0] == a->shape.dims[0] && b->shape.dims[1] == a->shape.dims[1] &&
               count == b->shape.dims[0] * b->shape.dims[1];
    }
    int64_t total = count_of(&a->shape, 0);
    bool row = count != 1 && is_row(&a->shape, &b->shape);
    if (count == 0 || (count != 1 && !row && !is_column(&a->shape, &b->shape)))
        return false;
    f->kind = row ? FLAT_ROW : FLAT_COLUMN;
    f->rows = row ? total / count : count;
    f->columns = total / f->rows;
    f->images = 1;
    return true;
}

static bool last_axis_only(const struct engine_plan *plan, const struct engine_step *step)
{
    const struct graph_node *node = step->node;
    int rank = engine_input(plan, step, 0)->shape.rank, count;
    const int64_t *axes = graph_attr_ints(node, "axes", &count);
    const struct graph_value *given = engine_input(plan, step, 1);
    if (given && given->constant && given->dtype == STANCE_INT64) {
        axes = given->constant->view.data;
        count = (int)stance_tensor_count(&given->constant->view);
    }
    return axes && count == 1 && (axes[0] == rank - 1 || axes[0] == -1);
}

static bool rows_of(const struct engine_plan *plan, const struct engine_step *step, struct flat *f)
{
    static const struct {
        const char *type;
        enum kernel_reduce op;
    } reductions[] = {{"ReduceSum", KERNEL_SUM},
                      {"ReduceMean", KERNEL_MEAN},
                      {"ReduceMax", KERNEL_REDUCE_MAX},
                      {"ReduceSumSquare", KERNEL_SUM_SQUARE}};
    const struct graph_node *node = step->node;
    const struct tensor_shape *shape = &engine_input(plan, step, 0)->shape;
    if (shape->rank < 1 || engine_input(plan, step, 0)->block > 1)
        return false;
    f->images = 1;
    f->columns = shape->dims[shape->rank - 1];
    if (f->columns == 0)
        return false;
    f->rows = count_of(shape, 0) / f->columns;
    for (size_t i = 0; i < sizeof reductions / sizeof reductions[0]; i++)
        if (strcmp(node->type, reductions[i].type) == 0) {
            f->kind = FLAT_REDUCE;
            f->op = reductions[i].op;
            return last_axis_only(plan, step);
        }
    int64_t axis = graph_attr_int(node, "axis", plan->graph->opset < 13 ? 1 : -1);
    if (strcmp(node->type, "Softmax") == 0) {
        f->kind = FLAT_SOFTMAX;
        return axis == -1 || axis == shape->rank - 1;
    }
    if (strcmp(node->type, "LayerNormalization") == 0) {
        axis = graph_attr_int(node, "axis", -1);
        f->kind = FLAT_LAYER_NORM;
        f->alpha = graph_attr_float(node, "epsilon", 1e-5f);
        f->scale = node->inputs[1];
        f->bias = node->input_count > 2 ? node->inputs[2] : -1;
        return (axis == -1 || axis == shape->rank - 1) && node->output_count == 1 &&
               count_of(&plan->graph->values[f->scale].shape, 0) == f->columns &&
               (f->bias < 0 || count_of(&plan->graph->values[f->bias].shape, 0) == f->columns);
    }
    return false;
}

static bool choose(const struct engine_plan *plan, const struct engine_step *step, struct flat *f)
{
    const struct graph_node *node = step->node;
    f->a = node->inputs[0];
    f->output = node->outputs[0];
    if (unary_of(node, f) || clip_of(plan, step, f)) {
        f->kind = FLAT_UNARY;
        cut_images(plan, f);
        return true;
    }
    if (node->input_count >= 2 && node->inputs[1] >= 0 && binary_of(node->type, f)) {
        int operands = node->input_count - (node->epilogue.residual >= 0);
        if (operands != 2 || !is_float(engine_input(plan, step, 1)) ||
            !choose_binary(plan, node, f))
            return false;
        if (f->kind == FLAT_SAME)
            cut_images(plan, f);
        else
            f->parts = engine_parts(count_of(&plan->graph->values[f->a].shape, 0), 4096);
        return true;
    }
    f->parts = engine_parts(count_of(&plan->graph->values[f->a].shape, 0), 2048);
    return rows_of(plan, step, f);
}

int engine_make_flat(struct engine_plan *plan, struct engine_step *step)
{
    const struct graph_node *node = step->node;
    if (node->input_count < 1 || node->output_count < 1 || node->inputs[0] < 0 ||
        node->outputs[0] < 0 || node->epilogue.residual >= 0 ||
        !is_float(engine_input(plan, step, 0)) || !is_float(engine_output(plan, step, 0)) ||
        stance_tensor_count(&plan->views[node->outputs[0]]) == 0)
        return 0;
    struct flat shape = {.b = -1, .scale = -1, .bias = -1};
    if (!choose(plan, step, &shape))
        return 0;
    shape.activation = engine_epilogue(node);
    if (shape.kind != FLAT_UNARY && shape.kind != FLAT_SAME) {
        const struct graph_value *output = engine_output(plan, step, 0);
        if (shape.activation.activation != KERNEL_LINEAR && shape.kind != FLAT_CHANNELS &&
            !engine_dense(plan, shape.output))
            return 0;
        shape.count = engine_elements(output) / shape.images;
    }
    struct flat *flat = base_arena_alloc(plan->arena, 1, sizeof *flat);
    if (!flat)
        return STANCE_ENOMEMORY;
    *flat = shape;
    step->data = flat;
    step->run = run_flat;
    return 1;
}
