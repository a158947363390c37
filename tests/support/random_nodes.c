/* The nodes a random network is drawn from: each is plausible where the graph is not hostile. */
#include <stddef.h>
#include <string.h>

#include "support/random_graph.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof(array)[0]))

/* A float value of rank low … high, rather a young one; NULL when there is none. */
static const struct random_value *pick(struct random_graph *graph, int low, int high)
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

/* Opens a node on such a value; a Relu of the first input where there is none. */
static const struct random_value *begin(struct random_graph *graph, const char *type, int low,
                                        int high)
{
    const struct random_value *value = pick(graph, low, high);
    random_node(graph, value ? type : "Relu");
    random_input(graph, value ? value->name : graph->values[0].name);
    return value;
}

static const char *choose(struct random_graph *graph, const char *const *names, int count)
{
    return names[random_int(graph, 0, count - 1)];
}

static void exact(struct random_graph *graph)
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
    const struct random_value *x = begin(graph, "Conv", random_chance(graph, 85) ? 4 : 3, 4);
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
    const struct random_value *x = begin(graph, "ConvTranspose", 4, 4);
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
    const char *type = choose(graph, types, random_chance(graph, 10) ? 3 : 2);
    const struct random_value *x = begin(graph, type, 3, 4);
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
    begin(graph, random_chance(graph, 70) ? "GlobalAveragePool" : "GlobalMaxPool", 3, 4);
}

static void unary(struct random_graph *graph)
{
    static const char *const types[] = {
        "Relu", "Sigmoid", "Tanh",     "LeakyRelu", "HardSigmoid", "Elu",      "Softplus", "Abs",
        "Neg",  "Erf",     "Softsign", "Sin",       "Cos",         "Identity", "Dropout",  "Selu"};
    const char *type = choose(graph, types, LENGTH(types));
    begin(graph, type, 0, 8);
    if (strcmp(type, "LeakyRelu") == 0)
        random_attr_float(graph, "alpha", 0.1f);
}

static void clip(struct random_graph *graph)
{
    if (!begin(graph, "Clip", 0, 8))
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
    const char *type = choose(graph, types, graph->opset < 13 ? 3 : LENGTH(types));
    bool first = random_chance(graph, 30), constant = random_chance(graph, 45);
    int64_t dims[STANCE_MAX_RANK];
    const struct random_value *x = pick(graph, 0, 8), *y = pick(graph, 0, 8);
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
    const struct random_value *x = begin(graph, "Div", 0, 8);
    if (!x)
        return;
    int rank = partner_shape(graph, x, dims);
    random_positive(graph, rank, dims);
}

static void prelu(struct random_graph *graph)
{
    const struct random_value *x = begin(graph, "PRelu", 4, 4);
    if (x)
        random_weights(graph, 3, (const int64_t[]){x->dims[1], 1, 1}, 1);
}

/* y = sigmoid(x) · x, hard swish, a residual, channel attention: what fusion looks for. */
static void gate(struct random_graph *graph)
{
    const struct random_value *x = pick(graph, 4, 4);
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
    const struct random_value *x = begin(graph, "BatchNormalization", 2, 5);
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
        begin(graph, layer ? "LayerNormalization" : "InstanceNormalization", 3, 4);
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
        begin(graph, random_chance(graph, 80) ? "Softmax" : "LogSoftmax", 1, 5);
    if (x && random_chance(graph, 70))
        random_attr_int(graph, "axis", random_int(graph, -x->rank, x->rank - 1));
}

static void matmul(struct random_graph *graph)
{
    const struct random_value *x = begin(graph, "MatMul", 1, 5), *y = pick(graph, 1, 5);
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
    const struct random_value *x = begin(graph, "Gemm", 2, 2);
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
    const struct random_value *x = begin(graph, "Einsum", 4, 4);
    if (!x)
        return;
    const char *equation = choose(graph, equations, LENGTH(equations));
    random_attr_string(graph, "equation", equation);
    if (strchr(equation, 'k'))
        random_weights(graph, 3, (const int64_t[]){2, x->dims[3], random_int(graph, 1, 5)}, 0.4f);
    else if (strchr(equation, ','))
        random_input(graph, x->name);
}

/* ---- Movement -------------------------------------------------------------------------------- */

static void transpose(struct random_graph *graph)
{
    int64_t perm[STANCE_MAX_RANK];
    const struct random_value *x = begin(graph, "Transpose", 1, 6);
    exact(graph);
    if (!x)
        return;
    for (int i = 0; i < x->rank; i++)
        perm[i] = i;
    for (int i = x->rank - 1; i > 0; i--) {
        int64_t other = random_int(graph, 0, i), kept = perm[i];
        perm[i] = perm[other];
        perm[other] = kept;
    }
    random_attr_ints(graph, "perm", x->rank, perm);
}

static void reshape(struct random_graph *graph)
{
    int64_t dims[STANCE_MAX_RANK], left = 1;
    const struct random_value *x = begin(graph, "Reshape", 0, 8);
    exact(graph);
    if (!x)
        return;
    for (int i = 0; i < x->rank; i++)
        left *= x->dims[i];
    int rank = (int)random_int(graph, 1, 5);
    for (int i = 0; i < rank; i++) {
        dims[i] = i + 1 == rank || left < 2 ? left : random_int(graph, 1, left < 20 ? left : 20);
        while (left > 0 && left % dims[i])
            dims[i]--;
        left /= dims[i] ? dims[i] : 1;
    }
    if (random_chance(graph, 40))
        dims[random_int(graph, 0, rank - 1)] = -1;
    if (random_chance(graph, 20) && x->rank > 0 && dims[0] == x->dims[0])
        dims[0] = 0;
    random_list(graph, STANCE_INT64, rank, dims);
}

static void axes_in_or_out(struct random_graph *graph)
{
    const struct random_value *x = NULL;
    int64_t axis = 0;
    if (random_chance(graph, 40)) {
        x = begin(graph, "Flatten", 1, 6);
        exact(graph);
        random_attr_int(graph, "axis", x ? random_int(graph, 0, x->rank) : 0);
        return;
    }
    bool out = random_chance(graph, 50);
    x = begin(graph, out ? "Squeeze" : "Unsqueeze", 1, 6);
    exact(graph);
    for (int i = 0; x && out && i < x->rank; i++)
        axis = x->dims[i] == 1 ? i : axis;
    if (x && !out)
        axis = random_int(graph, -1, x->rank);
    if (x && graph->opset < 13)
        random_attr_ints(graph, "axes", 1, &axis);
    else if (x)
        random_list(graph, STANCE_INT64, 1, &axis);
}

static void concat(struct random_graph *graph)
{
    const struct random_value *x = begin(graph, "Concat", 1, 5);
    exact(graph);
    if (!x)
        return;
    int64_t axis = random_chance(graph, 70) && x->rank > 1 ? 1 : random_int(graph, 0, x->rank - 1);
    for (int tries = 0, parts = (int)random_int(graph, 0, 3); tries < 40 && parts > 0; tries++) {
        const struct random_value *y = &graph->values[random_int(graph, 0, graph->value_count - 1)];
        bool fits = y->rank == x->rank && y->dtype == x->dtype;
        for (int i = 0; i < x->rank && fits; i++)
            fits = i == axis || y->dims[i] == x->dims[i];
        if (!fits)
            continue;
        random_input(graph, y->name);
        parts--;
    }
    if (random_chance(graph, 25)) {
        int64_t dims[STANCE_MAX_RANK];
        memcpy(dims, x->dims, sizeof dims);
        dims[axis] = random_int(graph, 1, 9);
        random_weights(graph, x->rank, dims, 1);
    }
    random_attr_int(graph, "axis", random_chance(graph, 20) ? axis - x->rank : axis);
}

static void split(struct random_graph *graph)
{
    int64_t parts[4], left;
    const struct random_value *x = begin(graph, "Split", 1, 5);
    exact(graph);
    if (!x)
        return;
    int axis = x->rank > 1 && random_chance(graph, 70) ? 1 : (int)random_int(graph, 0, x->rank - 1);
    int count = (int)random_int(graph, 1, 4);
    left = x->dims[axis];
    for (int i = 0; i < count; i++) {
        parts[i] = i + 1 == count ? left : random_int(graph, 0, left);
        if (parts[i] > 8 && i + 1 < count && random_chance(graph, 50))
            parts[i] = parts[i] / 8 * 8;
        left -= parts[i];
    }
    random_attr_int(graph, "axis", axis);
    random_outputs(graph, count);
    if (graph->opset < 13)
        random_attr_ints(graph, "split", count, parts);
    else
        random_list(graph, STANCE_INT64, count, parts);
}

static void slice(struct random_graph *graph)
{
    int64_t lists[4][4];
    const struct random_value *x = begin(graph, "Slice", 1, 5);
    exact(graph);
    if (!x)
        return;
    int count = x->rank > 1 && random_chance(graph, 40) ? 2 : 1;
    int first = (int)random_int(graph, 0, x->rank - count);
    for (int i = 0; i < count; i++) {
        int64_t dim = x->dims[first + i];
        bool back = graph->opset > 9 && random_chance(graph, 20);
        lists[0][i] = random_int(graph, back ? dim / 2 : -dim - 1, back ? dim : dim / 2);
        lists[1][i] = back                       ? random_int(graph, -dim - 2, dim / 2)
                      : random_chance(graph, 40) ? INT64_MAX
                                                 : random_int(graph, dim / 2, dim + 1);
        lists[2][i] = first + i;
        lists[3][i] = (back ? -1 : 1) * random_int(graph, 1, random_chance(graph, 70) ? 1 : 3);
    }
    static const char *const names[] = {"starts", "ends", "axes"};
    for (int k = 0; k < (graph->opset > 9 ? 4 : 3); k++)
        if (graph->opset > 9)
            random_list(graph, STANCE_INT64, count, lists[k]);
        else
            random_attr_ints(graph, names[k], count, lists[k]);
}

static void pad(struct random_graph *graph)
{
    static const char *const modes[] = {"constant", "reflect", "edge"};
    int64_t pads[2 * STANCE_MAX_RANK];
    const struct random_value *x = begin(graph, "Pad", 1, 4);
    exact(graph);
    if (!x)
        return;
    random_attr_string(graph, "mode", choose(graph, modes, 3));
    for (int i = 0; i < 2 * x->rank; i++)
        pads[i] = random_chance(graph, 60) ? 0 : random_int(graph, -2, 3);
    if (graph->opset < 11)
        random_attr_ints(graph, "pads", 2 * x->rank, pads);
    else
        random_list(graph, STANCE_INT64, 2 * x->rank, pads);
}

static void resize(struct random_graph *graph)
{
    static const char *const modes[] = {"nearest", "linear", "cubic"};
    static const char *const transforms[] = {"half_pixel", "asymmetric", "align_corners",
                                             "pytorch_half_pixel"};
    static const char *const roundings[] = {"floor", "round_prefer_floor", "ceil"};
    static const int64_t factors[] = {1, 2, 2, 3, 4};
    const struct random_value *x = begin(graph, graph->opset < 10 ? "Upsample" : "Resize", 3, 4);
    if (!x)
        return;
    int mode = (int)random_int(graph, 0, random_chance(graph, 20) && graph->opset > 10 ? 2 : 1);
    random_attr_string(graph, "mode", modes[mode]);
    int64_t rank = x->rank, sizes[4];
    float scales[4] = {1, 1, 1, 1};
    int64_t factor = factors[random_int(graph, 0, 4)];
    for (int i = 0; i < rank; i++) {
        scales[i] = i < 2 ? 1 : random_chance(graph, 70) ? (float)factor : 1.4f;
        sizes[i] = i < 2 ? x->dims[i] : random_int(graph, 1, 2 * x->dims[i] + 1);
    }
    bool by_size = graph->opset > 10 && random_chance(graph, 40);
    if (graph->opset > 10) {
        random_attr_string(graph, "coordinate_transformation_mode", choose(graph, transforms, 4));
        if (mode == 0)
            random_attr_string(graph, "nearest_mode", choose(graph, roundings, 3));
        random_input(graph, "");
        if (by_size)
            random_input(graph, "");
    }
    if (by_size) {
        random_list(graph, STANCE_INT64, (int)rank, sizes);
        return;
    }
    random_weights(graph, 1, &rank, 0);
    memcpy(graph->constants[graph->constant_count - 1].tensor.data, scales,
           (size_t)rank * sizeof scales[0]);
}

static void gather(struct random_graph *graph)
{
    int64_t indices[6];
    const struct random_value *x = begin(graph, "Gather", 1, 4);
    exact(graph);
    if (!x)
        return;
    int axis = (int)random_int(graph, 0, x->rank - 1), count = (int)random_int(graph, 1, 6);
    for (int i = 0; i < count; i++)
        indices[i] = x->dims[axis] > 0 ? random_int(graph, 0, x->dims[axis] - 1) : 0;
    random_list(graph, random_chance(graph, 50) ? STANCE_INT64 : STANCE_INT32, count, indices);
    random_attr_int(graph, "axis", axis);
}

static void repeat(struct random_graph *graph)
{
    int64_t dims[STANCE_MAX_RANK];
    bool tile = random_chance(graph, 50);
    const struct random_value *x = begin(graph, tile ? "Tile" : "Expand", 1, 4);
    exact(graph);
    if (!x)
        return;
    for (int i = 0; i < x->rank; i++) {
        int64_t times = random_chance(graph, 70) ? 1 : random_int(graph, 1, 3);
        dims[i] = tile || x->dims[i] == 1 ? times : x->dims[i];
    }
    random_list(graph, STANCE_INT64, x->rank, dims);
}

static void blocks(struct random_graph *graph)
{
    bool depth = random_chance(graph, 50);
    const struct random_value *x = begin(graph, depth ? "DepthToSpace" : "SpaceToDepth", 4, 4);
    exact(graph);
    random_attr_int(graph, "blocksize", random_int(graph, 1, 3));
    if (x && depth && graph->opset > 10)
        random_attr_string(graph, "mode", random_chance(graph, 50) ? "DCR" : "CRD");
}

/* A Reshape to the shape of another value, told by Shape at run time. */
static void shape_of(struct random_graph *graph)
{
    begin(graph, random_chance(graph, 80) ? "Shape" : "Size", 0, 8);
    exact(graph);
}

static void reshape_like(struct random_graph *graph)
{
    const struct random_value *x = begin(graph, "Reshape", 0, 8);
    exact(graph);
    for (int i = graph->value_count - 1; i >= 0 && x; i--)
        if (graph->values[i].dtype == STANCE_INT64 && graph->values[i].rank == 1) {
            random_input(graph, graph->values[i].name);
            return;
        }
}

static void reduce(struct random_graph *graph)
{
    static const char *const types[] = {"ReduceMean", "ReduceSum", "ReduceMax",      "ReduceMin",
                                        "ReduceL2",   "ReduceL1",  "ReduceLogSumExp"};
    const char *type = choose(graph, types, LENGTH(types));
    const struct random_value *x = begin(graph, type, 1, 5);
    int64_t axes[2] = {-1, 0};
    if (!x)
        return;
    int count = (int)random_int(graph, 0, 2);
    axes[0] = x->rank == 4 && count == 2 ? 2 : random_int(graph, -x->rank, x->rank - 1);
    axes[1] = 3;
    if (count > 0 && (graph->opset >= 18 || (graph->opset >= 13 && type[6] == 'S')))
        random_list(graph, STANCE_INT64, count, axes);
    else if (count > 0)
        random_attr_ints(graph, "axes", count, axes);
    random_attr_int(graph, "keepdims", random_chance(graph, 60));
}

/* Operators that decide: only on values that are the same on every tier. */
static void decide(struct random_graph *graph)
{
    static const char *const types[] = {
        "ArgMax", "ArgMin", "TopK",    "NonZero", "Floor",  "Ceil",  "Round", "Sign",
        "Cast",   "CumSum", "Greater", "Hardmax", "Unique", "Trilu", "Where", "QuantizeLinear"};
    const char *type = choose(graph, types, LENGTH(types));
    const struct random_value *x = NULL;
    for (int tries = 0; tries < 20 && !(x && x->exact); tries++)
        x = pick(graph, 0, 5);
    random_node(graph, x && (x->exact || graph->hostile) ? type : "Identity");
    exact(graph);
    random_input(graph, x ? x->name : graph->values[0].name);
    if (!x || !(x->exact || graph->hostile))
        return;
    if (type[0] == 'A')
        random_attr_int(graph, "axis", random_int(graph, 0, x->rank > 0 ? x->rank - 1 : 0));
    else if (strcmp(type, "Cast") == 0)
        random_attr_int(graph, "to", random_chance(graph, 50) ? STANCE_INT32 : STANCE_FLOAT64);
    else if (strcmp(type, "CumSum") == 0)
        random_list(graph, STANCE_INT64, 1, (const int64_t[]){0});
    else if (strcmp(type, "Greater") == 0)
        random_number(graph, 0.1f);
    else if (strcmp(type, "QuantizeLinear") == 0)
        random_number(graph, 0.02f);
    else if (strcmp(type, "Where") == 0) {
        random_input(graph, x->name);
        random_input(graph, x->name);
    } else if (strcmp(type, "TopK") == 0) {
        random_outputs(graph, 2);
        if (graph->opset > 9)
            random_list(
                graph, STANCE_INT64, 1,
                (const int64_t[]){random_int(graph, 0, x->rank ? x->dims[x->rank - 1] : 0)});
        else
            random_attr_int(graph, "k", 1);
    }
}

/* Operators that read several small settings; rarely drawn, mostly for hostile graphs. */
static void rare(struct random_graph *graph)
{
    static const char *const types[] = {"LRN",
                                        "GridSample",
                                        "RoiAlign",
                                        "OneHot",
                                        "EyeLike",
                                        "ConstantOfShape",
                                        "GatherND",
                                        "NonMaxSuppression",
                                        "LSTM",
                                        "ScatterND",
                                        "GroupNormalization",
                                        "Det",
                                        "LpNormalization",
                                        "MaxUnpool",
                                        "ReverseSequence"};
    const char *type = choose(graph, types, LENGTH(types));
    const struct random_value *x = begin(graph, type, 1, 5);
    if (!x)
        return;
    int64_t list[4] = {1, 2, 0, 1}, four[2] = {2, 4};
    if (strcmp(type, "LRN") == 0) {
        random_attr_int(graph, "size", random_int(graph, 1, 6));
    } else if (strcmp(type, "GridSample") == 0) {
        int64_t dims[4] = {x->dims[0], 3, 4, 2};
        random_weights(graph, 4, dims, 1.2f);
    } else if (strcmp(type, "RoiAlign") == 0) {
        random_positive(graph, 2, four);
        random_list(graph, STANCE_INT64, 2, list + 2);
        random_attr_int(graph, "output_height", 3);
        random_attr_int(graph, "output_width", 2);
        random_attr_int(graph, "sampling_ratio", 2);
    } else if (strcmp(type, "GatherND") == 0) {
        random_list(graph, STANCE_INT64, 1, list + 2);
    } else if (strcmp(type, "NonMaxSuppression") == 0) {
        random_input(graph, x->name);
        random_list(graph, STANCE_INT64, 1, list + 1);
        random_number(graph, 0.5f);
    } else if (strcmp(type, "LSTM") == 0 && x->rank == 3) {
        random_weights(graph, 3, (const int64_t[]){1, 20, x->dims[2]}, 0.4f);
        random_weights(graph, 3, (const int64_t[]){1, 20, 5}, 0.4f);
        random_attr_int(graph, "hidden_size", 5);
        random_outputs(graph, 2);
    } else if (strcmp(type, "ScatterND") == 0) {
        random_list(graph, STANCE_INT64, 1, list + 2);
        random_input(graph, x->name);
    } else if (strcmp(type, "MaxUnpool") == 0 || strcmp(type, "ReverseSequence") == 0) {
        random_list(graph, STANCE_INT64, 2, list);
        random_attr_ints(graph, "kernel_shape", 2, list);
    } else if (strcmp(type, "GroupNormalization") == 0 && x->rank > 1) {
        random_positive(graph, 1, &x->dims[1]);
        random_weights(graph, 1, &x->dims[1], 1);
        random_attr_int(graph, "num_groups", 1);
    }
}

void random_node_draw(struct random_graph *graph)
{
    static void (*const draws[])(struct random_graph *) = {
        conv,           conv,           conv,           conv,         conv,      conv,
        pool,           pool,           unary,          unary,        unary,     unary,
        clip,           binary,         binary,         binary,       gate,      gate,
        gate,           divide,         prelu,          batch_norm,   concat,    concat,
        concat,         split,          split,          slice,        slice,     pad,
        resize,         resize,         transpose,      reshape,      reshape,   matmul,
        gemm,           axes_in_or_out, einsum,         normalise,    softmax,   reduce,
        gather,         repeat,         blocks,         global_pool,  decide,    shape_of,
        rare,           decide,         conv_transpose, reshape_like, transpose, binary,
        conv_transpose,
    };
    draws[random_int(graph, 0, LENGTH(draws) - 1)](graph);
}
