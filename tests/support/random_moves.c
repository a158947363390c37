/* The nodes that move, choose and decide in a random network. */
#include <stddef.h>
#include <string.h>

#include "support/random_graph.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof(array)[0]))

static void transpose(struct random_graph *graph)
{
    int64_t perm[STANCE_MAX_RANK];
    const struct random_value *x = random_begin(graph, "Transpose", 1, 6);
    random_exact(graph);
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
    const struct random_value *x = random_begin(graph, "Reshape", 0, 8);
    random_exact(graph);
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
        x = random_begin(graph, "Flatten", 1, 6);
        random_exact(graph);
        random_attr_int(graph, "axis", x ? random_int(graph, 0, x->rank) : 0);
        return;
    }
    bool out = random_chance(graph, 50);
    x = random_begin(graph, out ? "Squeeze" : "Unsqueeze", 1, 6);
    random_exact(graph);
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
    const struct random_value *x = random_begin(graph, "Concat", 1, 5);
    random_exact(graph);
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
    const struct random_value *x = random_begin(graph, "Split", 1, 5);
    random_exact(graph);
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
    const struct random_value *x = random_begin(graph, "Slice", 1, 5);
    random_exact(graph);
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
    const struct random_value *x = random_begin(graph, "Pad", 1, 4);
    random_exact(graph);
    if (!x)
        return;
    random_attr_string(graph, "mode", random_choose(graph, modes, 3));
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
    const struct random_value *x =
        random_begin(graph, graph->opset < 10 ? "Upsample" : "Resize", 3, 4);
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
        random_attr_string(graph, "coordinate_transformation_mode",
                           random_choose(graph, transforms, 4));
        if (mode == 0)
            random_attr_string(graph, "nearest_mode", random_choose(graph, roundings, 3));
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
    const struct random_value *x = random_begin(graph, "Gather", 1, 4);
    random_exact(graph);
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
    const struct random_value *x = random_begin(graph, tile ? "Tile" : "Expand", 1, 4);
    random_exact(graph);
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
    const struct random_value *x =
        random_begin(graph, depth ? "DepthToSpace" : "SpaceToDepth", 4, 4);
    random_exact(graph);
    random_attr_int(graph, "blocksize", random_int(graph, 1, 3));
    if (x && depth && graph->opset > 10)
        random_attr_string(graph, "mode", random_chance(graph, 50) ? "DCR" : "CRD");
}

/* A Reshape to the shape of another value, told by Shape at run time. */
static void shape_of(struct random_graph *graph)
{
    random_begin(graph, random_chance(graph, 80) ? "Shape" : "Size", 0, 8);
    random_exact(graph);
}

static void reshape_like(struct random_graph *graph)
{
    const struct random_value *x = random_begin(graph, "Reshape", 0, 8);
    random_exact(graph);
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
    const char *type = random_choose(graph, types, LENGTH(types));
    const struct random_value *x = random_begin(graph, type, 1, 5);
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
    const char *type = random_choose(graph, types, LENGTH(types));
    const struct random_value *x = NULL;
    for (int tries = 0; tries < 20 && !(x && x->exact); tries++)
        x = random_pick(graph, 0, 5);
    random_node(graph, x && (x->exact || graph->hostile) ? type : "Identity");
    random_exact(graph);
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
    const char *type = random_choose(graph, types, LENGTH(types));
    const struct random_value *x = random_begin(graph, type, 1, 5);
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

void random_move_draw(struct random_graph *graph)
{
    static void (*const draws[])(struct random_graph *) = {
        concat,  concat, concat,  split,  split,    slice,          slice,  pad,          resize,
        resize,  gather, repeat,  blocks, shape_of, transpose,      reduce, transpose,    decide,
        reshape, decide, reshape, rare,   reduce,   axes_in_or_out, concat, reshape_like,
    };
    draws[random_int(graph, 0, LENGTH(draws) - 1)](graph);
}
