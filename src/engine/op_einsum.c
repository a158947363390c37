/* Einsum: any number of operands, any labels, as loops over the space of labels.
 *
 * The last output label runs innermost, the summed labels around it, the other output labels
 * outermost. Each sum runs over the summed labels in the alphabet's order. */
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"
#include "graph/einsum.h"

/* Labels in loop order with every operand's stride for them. */
struct space {
    int rank;
    int64_t count;
    int64_t dims[GRAPH_EINSUM_LABELS];
    int64_t strides[GRAPH_EINSUM_LABELS][GRAPH_EINSUM_INPUTS];
};

struct einsum {
    struct engine_call *call;
    enum engine_domain domain;
    int operands;
    const void *data[GRAPH_EINSUM_INPUTS]; /* in the domain's type */
    struct space outer, sum; /* without the last output label and the last summed label: */
    int64_t inner, inner_strides[GRAPH_EINSUM_INPUTS];
    int64_t depth, depth_strides[GRAPH_EINSUM_INPUTS];
};

/* The stride of an operand for a label: those of all its axes with that label (a diagonal has
 * several) together; an axis of 1 is repeated. */
static int64_t stride_of(const struct graph_einsum *equation, const struct stance_tensor *in, int k,
                         int label)
{
    int64_t stride = 1, total = 0;
    for (int axis = in->rank - 1; axis >= 0; axis--) {
        if (equation->labels[k][axis] == label && in->dims[axis] != 1)
            total += stride;
        stride *= in->dims[axis];
    }
    return total;
}

static void push_label(struct space *space, const struct graph_einsum *equation,
                       const struct engine_call *call, int label)
{
    int at = space->rank++;
    space->dims[at] = equation->dims[label];
    for (int k = 0; k < call->input_count; k++)
        space->strides[at][k] = stride_of(equation, &call->in[k], k, label);
}

static bool in_output(const struct graph_einsum *equation, int label)
{
    for (int i = 0; i < equation->out_rank; i++)
        if (equation->out[i] == label)
            return true;
    return false;
}

/* Takes the last label out of a space: its extent (1 without labels), and its strides. */
static int64_t take_last(struct space *space, int64_t *strides, int operands)
{
    if (space->rank == 0)
        return 1;
    int last = --space->rank;
    for (int k = 0; k < operands; k++)
        strides[k] = space->strides[last][k];
    return space->dims[last];
}

static void make_spaces(struct einsum *einsum, const struct graph_einsum *equation)
{
    for (int i = 0; i < equation->out_rank; i++)
        push_label(&einsum->outer, equation, einsum->call, equation->out[i]);
    for (int label = 0; label < GRAPH_EINSUM_LABELS; label++)
        if (equation->used[label] && !in_output(equation, label))
            push_label(&einsum->sum, equation, einsum->call, label);
    einsum->inner = take_last(&einsum->outer, einsum->inner_strides, einsum->operands);
    einsum->depth = take_last(&einsum->sum, einsum->depth_strides, einsum->operands);
    einsum->outer.count = 1;
    for (int i = 0; i < einsum->outer.rank; i++)
        einsum->outer.count *= einsum->outer.dims[i];
}

/* Moves to the next point, the last label first. */
static void step(const struct space *space, int64_t *index, int64_t *offsets, int operands)
{
    for (int i = space->rank - 1; i >= 0; i--) {
        bool wraps = ++index[i] == space->dims[i];
        int64_t move = wraps ? 1 - space->dims[i] : 1;
        for (int k = 0; k < operands; k++)
            offsets[k] += move * space->strides[i][k];
        if (!wraps)
            return;
        index[i] = 0;
    }
}

/* Adds the products along the last summed label to `count` sums. With two operands the one that
 * stands still along the inner label is a factor before the loop. */
#define ADD_PRODUCTS(name, type)                                                                   \
    static void name(const struct einsum *einsum, const int64_t *offsets, int64_t first,           \
                     int64_t count, void *sums)                                                    \
    {                                                                                              \
        type *restrict sum = sums;                                                                 \
        const int64_t *steps = einsum->inner_strides, *moves = einsum->depth_strides;              \
        int still = steps[0] == 0 ? 0 : 1, other = 1 - still;                                      \
        if (einsum->operands == 2 && steps[still] == 0 && steps[other] == 1) {                     \
            const type *factor = (const type *)einsum->data[still] + offsets[still];               \
            const type *x = (const type *)einsum->data[other] + offsets[other] + first;            \
            for (int64_t d = 0; d < einsum->depth; d++)                                            \
                for (int64_t i = 0; i < count; i++)                                                \
                    sum[i] += factor[d * moves[still]] * x[d * moves[other] + i];                  \
            return;                                                                                \
        }                                                                                          \
        for (int64_t d = 0; d < einsum->depth; d++)                                                \
            for (int64_t i = 0; i < count; i++) {                                                  \
                type product = 1;                                                                  \
                for (int k = 0; k < einsum->operands; k++)                                         \
                    product *=                                                                     \
                        ((const type *)                                                            \
                             einsum->data[k])[offsets[k] + d * moves[k] + (first + i) * steps[k]]; \
                sum[i] += product;                                                                 \
            }                                                                                      \
    }

ADD_PRODUCTS(add_floats, float)
ADD_PRODUCTS(add_doubles, double)
ADD_PRODUCTS(add_ints, uint64_t)

static void add_products(const struct einsum *einsum, const int64_t *offsets, int64_t first,
                         int64_t count, union engine_chunk *sums)
{
    if (einsum->domain == ENGINE_FLOAT)
        add_floats(einsum, offsets, first, count, sums);
    else if (einsum->domain == ENGINE_DOUBLE)
        add_doubles(einsum, offsets, first, count, sums);
    else
        add_ints(einsum, offsets, first, count, sums);
}

static void run_row(const struct einsum *einsum, int64_t row, const int64_t *base)
{
    for (int64_t first = 0, count; first < einsum->inner; first += count) {
        int64_t index[GRAPH_EINSUM_LABELS] = {0}, offsets[GRAPH_EINSUM_INPUTS];
        union engine_chunk sums;
        count = einsum->inner - first < ENGINE_CHUNK ? einsum->inner - first : ENGINE_CHUNK;
        memset(&sums, 0, (size_t)count * sizeof sums.u[0]);
        memcpy(offsets, base, sizeof offsets);
        for (int64_t i = 0; i < einsum->sum.count; i++) {
            add_products(einsum, offsets, first, count, &sums);
            step(&einsum->sum, index, offsets, einsum->operands);
        }
        engine_store(&sums, einsum->domain, &einsum->call->out[0], row * einsum->inner + first,
                     count);
    }
}

static void run_share(void *context, int part, int parts, int worker)
{
    const struct einsum *einsum = context;
    const struct space *outer = &einsum->outer;
    int64_t row, end, index[GRAPH_EINSUM_LABELS] = {0}, offsets[GRAPH_EINSUM_INPUTS] = {0};
    kernel_share(outer->count, part, parts, &row, &end);
    int64_t rest = row;
    for (int i = outer->rank - 1; i >= 0 && row < end; i--) {
        index[i] = rest % outer->dims[i];
        rest /= outer->dims[i];
        for (int k = 0; k < einsum->operands; k++)
            offsets[k] += index[i] * outer->strides[i][k];
    }
    for (; row < end; row++) {
        run_row(einsum, row, offsets);
        step(outer, index, offsets, einsum->operands);
    }
}

/* Operands as arrays of the domain's type. */
static int load_operands(struct einsum *einsum)
{
    static const int native[ENGINE_DOMAINS] = {STANCE_FLOAT32, STANCE_FLOAT64, STANCE_INT64,
                                               STANCE_UINT64};
    struct engine_call *call = einsum->call;
    for (int k = 0; k < einsum->operands; k++) {
        int64_t count = stance_tensor_count(&call->in[k]);
        einsum->data[k] = call->in[k].data;
        if (call->in[k].dtype == native[einsum->domain])
            continue;
        void *copy = engine_call_scratch(call, (size_t)count * sizeof(double));
        if (!copy)
            return engine_memory_code(call->memory);
        if (count > 0)
            engine_load(copy, einsum->domain, &call->in[k], 0, 1, count);
        einsum->data[k] = copy;
    }
    return 0;
}

/* Summed labels do not show in the output: their product has no bound of its own. */
static int count_sums(struct einsum *einsum)
{
    int64_t count = einsum->depth > 0, steps;
    for (int i = 0; i < einsum->sum.rank; i++)
        if (__builtin_mul_overflow(count, einsum->sum.dims[i], &count))
            count = INT64_MAX;
    if (__builtin_mul_overflow(count, einsum->depth, &steps))
        steps = INT64_MAX;
    einsum->sum.count = count;
    return engine_check_work(stance_tensor_count(&einsum->call->out[0]), steps);
}

static int run(struct engine_call *call)
{
    struct tensor_shape shapes[GRAPH_EINSUM_INPUTS];
    struct graph_einsum equation;
    struct einsum einsum = {.call = call, .operands = call->input_count};
    if (call->input_count > GRAPH_EINSUM_INPUTS)
        return base_error(STANCE_EUNSUPPORTED, "more than %d operands", GRAPH_EINSUM_INPUTS);
    for (int k = 0; k < call->input_count; k++)
        shapes[k] = tensor_shape_of(&call->in[k]);
    BASE_TRY(graph_einsum_read(&equation, graph_attr_string(call->node, "equation", ""), shapes,
                               call->input_count));
    einsum.domain = engine_domain_of(call->in[0].dtype);
    make_spaces(&einsum, &equation);
    BASE_TRY(count_sums(&einsum));
    BASE_TRY(load_operands(&einsum));
    if (stance_tensor_count(&call->out[0]) > 0)
        base_pool_run(call->pool, run_share, &einsum,
                      engine_call_parts(einsum.outer.count * einsum.inner * (einsum.sum.count + 1) *
                                        (einsum.depth + 1)));
    return 0;
}

const struct engine_op engine_ops_einsum[] = {
    {"Einsum", run},
    {NULL, NULL},
};
