/* The nodes that compute in a random network: each is plausible where the graph is not hostile. */
#include <stddef.h>
#include <string.h>

#include "support/random_graph.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof(array)[0]))

const struct random_value *random_pick(struct random_graph *graph, int low, int high)
{
    for (int tries = 0; tries < 24; tries++) {
        int64_t from =
            random_chance(graph, 60) && graph->value_count > 4 ? graph->value_count - 4 : 0;
        const struct random_value *value =
            &graph->values[random_int(graph, from, graph->value_count - 1)];
        if (value->dtype == STANCE_FLOAT32 && value->rank >= low && value->rank <= high &&
            (value->tame || graph->hostile))
            return value;
    }
    return NULL;
}

const struct random_value *random_begin(struct random_graph *graph, const char *type, int low,
                                        int high)
{
    const struct random_value *value = random_pick(graph, low, high);
    random_node(graph, value ? type : "Relu");
    random_input(graph, value ? value->name : graph->values[0].name);
    return value;
}

const char *random_choose(struct random_graph *graph, const char *const *names, int count)
{
    return names[random_int(graph, 0, count - 1)];
}

void random_exact(struct random_graph *graph)
{
    graph->nodes[graph->node_count - 1].exact = true;
}

static void window(struct random_graph *graph, int spatial, const int64_t *kernel, bool dilated)
{
    int64_t strides[3], dilations[3], pads[6];
    for (int i = 0; i < spatial; i++) {
        strides[i] = random_chance(graph, 60) ? 1 : random_int(graph, 1, 3);
        dilations[i] = dilated && random_chance(graph, 25) ? random_int(graph, 2, 3) : 1;
        int64_t reach = (kernel[i] - 1) * dilations[i];
        bool same = random_chance(graph, 60);
        pads[i] = same ? reach / 2 : random_int(graph, 0, kernel[i] - 1);
        pads[spatial + i] = same ? reach - reach / 2 : random_int(graph, 0, kernel[i] - 1);
    }
    random_attr_ints(graph, "strides", spatial, strides);
    if (dilated)
        random_attr_ints(graph, "dilations", spatial, dilations);
    if (random_chance(graph, 15))
        random_attr_string(graph, "auto_pad",
                           random_chance(graph, 50) ? "SAME_UPPER" : "SAME_LOWER");
    else
        random_attr_ints(graph, "pads", 2 * spatial, pads);
}

static void draw_kernel(struct random_graph *graph, int64_t kernel[3])
{
    static const int64_t square[] = {1, 1, 3, 3, 2, 5};
    kernel[0] = kernel[1] = kernel[2] = square[random_int(graph, 0, 5)];
    if (random_chance(graph, 20))
        kernel[0] = random_int(graph, 1, 4);
}

static int64_t draw_channels(struct random_graph *graph)
{
    static const int64_t channels[] = {1, 2, 4, 7, 8, 12, 16, 17, 24, 32, 40, 48};
    return channels[random_int(graph, 0, LENGTH(channels) - 1)];
}

static int64_t draw_groups(struct random_graph *graph, int64_t channels)
{
    if (random_chance(graph, 60) || channels < 1)
        return 1;
    int64_t groups = random_chance(graph, 50) ? channels : random_int(graph, 1, channels);
    while (channels % groups)
        groups--;
    return groups;
}

static void conv_on(struct random_graph *graph, const struct random_value *x, int64_t out,
                    int64_t groups, const int64_t kernel[3], bool transposed)
{
    int64_t in = x->dims[1], dims[5] = {out, in / groups, kernel[0], kernel[1], kernel[2]};
    if (transposed) {
        dims[0] = in;
        dims[1] = out / groups;
    }
    int64_t fan = dims[1] * kernel[0] * kernel[1];
    random_weights(graph, x->rank, dims, fan < 4 ? 1 : fan < 40 ? 0.5f : 0.2f);
    if (random_chance(graph, 60))
        random_weights(graph, 1, &out, 0.5f);
    random_attr_int(graph, "group", groups);
}

static void conv(struct random_graph *graph)
{
    int64_t kernel[3];
    const struct random_value *x = random_begin(graph, "Conv", random_chance(graph, 85) ? 4 : 3, 4);
    if (!x)
        return;
    draw_kernel(graph, kernel);
    int64_t groups = draw_groups(graph, x->dims[1]);
    int64_t out = groups == 1 ? draw_channels(graph) : groups * random_int(graph, 1, 2);
    conv_on(graph, x, out, groups, kernel, false);
    window(graph, x->rank - 2, kernel, true);
}

static void conv_transpose(struct random_graph *graph)
{
    int64_t kernel[3], extra[2] = {0, 0};
    const struct random_value *x = random_begin(graph, "ConvTranspose", 4, 4);
    if (!x)
        return;
    draw_kernel(graph, kernel);
    int64_t groups = draw_groups(graph, x->dims[1]);
    conv_on(graph, x, groups == 1 ? draw_channels(graph) : groups * random_int(graph, 1, 2), groups,
            kernel, true);
    window(graph, 2, kernel, true);
    extra[0] = extra[1] = random_chance(graph, 30);
    if (random_chance(graph, 40))
        random_attr_ints(graph, "output_padding", 2, extra);
}

static void pool(struct random_graph *graph)
{
    static const char *const types[] = {"MaxPool", "AveragePool", "LpPool"};
    int64_t kernel[3];
    const char *type = random_choose(graph, types, random_chance(graph, 10) ? 3 : 2);
    const struct random_value *x = random_begin(graph, type, 3, 4);
    if (!x)
        return;
    draw_kernel(graph, kernel);
    random_attr_ints(graph, "kernel_shape", x->rank - 2, kernel);
    window(graph, x->rank - 2, kernel, type[0] == 'M');
    if (type[0] != 'L' && random_chance(graph, 40))
        random_attr_int(graph, "ceil_mode", 1);
    if (type[0] == 'A' && random_chance(graph, 50))
        random_attr_int(graph, "count_include_pad", 1);
    if (type[0] == 'M' && random_chance(graph, 15))
        random_outputs(graph, 2);
}

static void global_pool(struct random_graph *graph)
{
    random_begin(graph, random_chance(graph, 70) ? "GlobalAveragePool" : "GlobalMaxPool", 3, 4);
}

static void unary(struct random_graph *graph)
{
    static const char *const types[] = {
        "Relu", "Sigmoid", "Tanh",     "LeakyRelu", "HardSigmoid", "Elu",      "Softplus", "Abs",
        "Neg",  "Erf",     "Softsign", "Sin",       "Cos",         "Identity", "Dropout",  "Selu"};
    const char *type = random_choose(graph, types, LENGTH(types));
    random_begin(graph, type, 0, 8);
    if (strcmp(type, "LeakyRelu") == 0)
        random_attr_float(graph, "alpha", 0.1f);
}

static void clip(struct random_graph *graph)
{
    if (!random_begin(graph, "Clip", 0, 8))
        return;
    if (graph->opset < 11) {
        random_attr_float(graph, "min", -0.3f);
        random_attr_float(graph, "max", 0.8f);
        return;
    }
    random_number(graph, -0.3f);
    if (random_chance(graph, 70))
        random_number(graph, 0.8f);
}

/* The shape of a constant that broadcasts to a value in one of the usual ways. */
static int partner_shape(struct random_graph *graph, const struct random_value *x, int64_t *dims)
{
    int kind = (int)random_int(graph, 0, 5), rank = x->rank;
    memcpy(dims, x->dims, sizeof x->dims);
    if (kind == 0 || rank == 0)
        return 0;
    for (int i = 0; i < rank && kind == 1; i++) /* per channel */
        dims[i] = i == 1 ? dims[i] : 1;
    for (int i = 0; i < rank && kind == 2; i++)
        dims[i] = random_chance(graph, 50) ? 1 : dims[i];
    if (kind == 3) { /* the last dim */
        dims[0] = x->dims[rank - 1];
        return 1;
    }
    if (kind == 4 && rank == 4) { /* C × 1 × 1 */
        dims[0] = x->dims[1];
        dims[1] = dims[2] = 1;
        return 3;
    }
    return rank;
}

static void binary(struct random_graph *graph)
{
    static const char *const types[] = {"Add", "Mul", "Sub", "Max", "Min", "Sum"};
    const char *type = random_choose(graph, types, graph->opset < 13 ? 3 : LENGTH(types));
    bool first = random_chance(graph, 30), constant = random_chance(graph, 45);
    int64_t dims[STANCE_MAX_RANK];
    const struct random_value *x = random_pick(graph, 0, 8), *y = random_pick(graph, 0, 8);
    random_node(graph, x && y ? type : "Relu");
    if (!x || !y) {
        random_input(graph, graph->values[0].name);
        return;
    }
    int rank = partner_shape(graph, x, dims);
    if (constant && first)
        random_weights(graph, rank, dims, 1);
    random_input(graph, x->name);
    if (constant && !first)
        random_weights(graph, rank, dims, 1);
    if (!constant)
        random_input(graph, y->name);
}

static void divide(struct random_graph *graph)
{
    int64_t dims[STANCE_MAX_RANK];
    const struct random_value *x = random_begin(graph, "Div", 0, 8);
    if (!x)
        return;
    int rank = partner_shape(graph, x, dims);
    random_positive(graph, rank, dims);
}

static void prelu(struct random_graph *graph)
{
    const struct random_value *x = random_begin(graph, "PRelu", 4, 4);
    if (x)
        random_weights(graph, 3, (const int64_t[]){x->dims[1], 1, 1}, 1);
}

/* y = sigmoid(x) · x, hard swish, a residual, channel attention: what fusion looks for. */
static void gate(struct random_graph *graph)
{
    const struct random_value *x = random_pick(graph, 4, 4);
    if (!x) {
        random_node(graph, "Relu");
        random_input(graph, graph->values[0].name);
        return;
    }
    for (int i = 0; i < graph->value_count; i++) {
        const struct random_value *y = &graph->values[(i * 7 + 3) % graph->value_count];
        bool fits = y != x && y->rank == 4 && y->dtype == STANCE_FLOAT32 && y->tame &&
                    y->dims[0] == x->dims[0] && y->dims[1] == x->dims[1];
        bool same = fits && y->dims[2] == x->dims[2] && y->dims[3] == x->dims[3];
        if (same || (fits && y->dims[2] == 1 && y->dims[3] == 1)) {
            random_node(graph, random_chance(graph, 50) ? "Mul" : "Add");
            random_input(graph, x->name);
            random_input(graph, y->name);
            return;
        }
    }
    random_node(graph, random_chance(graph, 50) ? "Sigmoid" : "HardSigmoid");
    random_input(graph, x->name);
}

static void batch_norm(struct random_graph *graph)
{
    const struct random_value *x = random_begin(graph, "BatchNormalization", 2, 5);
    if (!x)
        return;
    random_positive(graph, 1, &x->dims[1]);
    random_weights(graph, 1, &x->dims[1], 0.5f);
    random_weights(graph, 1, &x->dims[1], 0.5f);
    random_positive(graph, 1, &x->dims[1]);
    random_attr_float(graph, "epsilon", 1e-3f);
}

static void normalise(struct random_graph *graph)
{
    bool layer = graph->opset >= 17 && random_chance(graph, 60);
    const struct random_value *x =
        random_begin(graph, layer ? "LayerNormalization" : "InstanceNormalization", 3, 4);
    if (!x)
        return;
    const int64_t *dim = layer ? &x->dims[x->rank - 1] : &x->dims[1];
    random_positive(graph, 1, dim);
    random_weights(graph, 1, dim, 0.5f);
    random_attr_float(graph, "epsilon", 0.1f);
}

static void softmax(struct random_graph *graph)
{
    const struct random_value *x =
        random_begin(graph, random_chance(graph, 80) ? "Softmax" : "LogSoftmax", 1, 5);
    if (x && random_chance(graph, 70))
        random_attr_int(graph, "axis", random_int(graph, -x->rank, x->rank - 1));
}

static void matmul(struct random_graph *graph)
{
    const struct random_value *x = random_begin(graph, "MatMul", 1, 5),
                              *y = random_pick(graph, 1, 5);
    if (!x)
        return;
    if (y && random_chance(graph, 25)) {
        random_input(graph, y->name);
        return;
    }
    int64_t dims[3] = {1, x->dims[x->rank - 1], random_int(graph, 1, 40)};
    if (random_chance(graph, 15))
        random_weights(graph, 3, dims, 0.4f);
    else
        random_weights(graph, 2, dims + 1, 0.4f);
}

static void gemm(struct random_graph *graph)
{
    const struct random_value *x = random_begin(graph, "Gemm", 2, 2);
    if (!x)
        return;
    bool left = random_chance(graph, 15), right = random_chance(graph, 50);
    int64_t out = draw_channels(graph), depth = x->dims[left ? 0 : 1];
    int64_t dims[2] = {right ? out : depth, right ? depth : out};
    random_weights(graph, 2, dims, 0.4f);
    if (random_chance(graph, 60))
        random_weights(graph, 1, &out, 1);
    random_attr_int(graph, "transB", right);
    random_attr_int(graph, "transA", left);
    if (random_chance(graph, 30))
        random_attr_float(graph, "alpha", 0.5f);
}

static void einsum(struct random_graph *graph)
{
    static const char *const equations[] = {"nctv,nctw->ncvw", "nctv->nvct", "nctv,kvw->nctw",
                                            "nctv->nc", "...v,kvw->...kw"};
    const struct random_value *x = random_begin(graph, "Einsum", 4, 4);
    if (!x)
        return;
    const char *equation = random_choose(graph, equations, LENGTH(equations));
    random_attr_string(graph, "equation", equation);
    if (strchr(equation, 'k'))
        random_weights(graph, 3, (const int64_t[]){2, x->dims[3], random_int(graph, 1, 5)}, 0.4f);
    else if (strchr(equation, ','))
        random_input(graph, x->name);
}

void random_node_draw(struct random_graph *graph)
{
    static void (*const draws[])(struct random_graph *) = {
        conv,        conv,           conv,           conv,  conv,   conv,      pool,    pool,
        global_pool, unary,          unary,          unary, unary,  clip,      binary,  binary,
        binary,      binary,         gate,           gate,  gate,   divide,    prelu,   batch_norm,
        matmul,      conv_transpose, conv_transpose, gemm,  einsum, normalise, softmax,
    };
    if (random_chance(graph, 45))
        random_move_draw(graph);
    else
        draws[random_int(graph, 0, LENGTH(draws) - 1)](graph);
}
