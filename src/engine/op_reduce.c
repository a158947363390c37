/* Reductions along axes, ArgMax and ArgMin, CumSum.
 *
 * Float sums are collected in double and in the order of the elements, so results do not depend on
 * threads. Integers are summed as uint64: the low bits agree with the type's own arithmetic. */
#include <math.h>
#include <string.h>

#include "engine/op_chunk.h"
#include "engine/op_memory.h"

enum kind { L1, L2, LOG_SUM, LOG_SUM_EXP, MAXIMUM, MEAN, MINIMUM, PRODUCT, SUM, SUM_SQUARE };

static const char *const names[] = {
    [L1] = "ReduceL1",          [L2] = "ReduceL2",
    [LOG_SUM] = "ReduceLogSum", [LOG_SUM_EXP] = "ReduceLogSumExp",
    [MAXIMUM] = "ReduceMax",    [MEAN] = "ReduceMean",
    [MINIMUM] = "ReduceMin",    [PRODUCT] = "ReduceProd",
    [SUM] = "ReduceSum",        [SUM_SQUARE] = "ReduceSumSquare",
};

/* Dims of the input, joined with their neighbours of the same kind. */
struct axes {
    int rank;
    int64_t dims[STANCE_MAX_RANK], strides[STANCE_MAX_RANK];
};

struct reduce {
    enum kind kind;
    const struct stance_tensor *in, *out;
    struct axes kept, reduced;
    int64_t outputs, elements; /* elements under one output */
};

static void push_dim(struct axes *axes, int64_t dim, int64_t stride)
{
    int last = axes->rank - 1;
    if (axes->rank > 0 && axes->strides[last] == dim * stride) {
        axes->dims[last] *= dim;
        axes->strides[last] = stride;
        return;
    }
    axes->dims[axes->rank] = dim;
    axes->strides[axes->rank++] = stride;
}

/* Which axes go, as bits; `noop`: none on purpose. */
static int read_axes(const struct engine_call *call, unsigned *mask, bool *noop)
{
    int count, axis, rank = call->in[0].rank;
    const int64_t *axes = graph_attr_ints(call->node, "axes", &count);
    bool input = !axes && call->input_count > 1 && call->in[1].dtype != STANCE_DTYPE_NONE;
    int64_t given = input ? stance_tensor_count(&call->in[1]) : axes ? count : 0;
    *mask = 0;
    for (int64_t i = 0; i < given; i++) {
        BASE_TRY(engine_axis(input ? tensor_int(&call->in[1], i) : axes[i], rank, &axis));
        *mask |= 1u << axis;
    }
    *noop = given == 0 && graph_attr_int(call->node, "noop_with_empty_axes", 0) != 0;
    if (given == 0 && !*noop)
        *mask = (1u << rank) - 1;
    return 0;
}

static void split_axes(struct reduce *reduce, unsigned mask)
{
    const struct stance_tensor *in = reduce->in;
    int64_t strides[STANCE_MAX_RANK], stride = 1;
    for (int i = in->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= in->dims[i];
    }
    reduce->outputs = reduce->elements = 1;
    for (int i = 0; i < in->rank; i++) {
        bool goes = mask >> i & 1;
        push_dim(goes ? &reduce->reduced : &reduce->kept, in->dims[i], strides[i]);
        *(goes ? &reduce->elements : &reduce->outputs) *= in->dims[i];
    }
}

static int64_t offset_of(const struct axes *axes, int64_t index)
{
    int64_t offset = 0;
    for (int i = axes->rank - 1; i >= 0; i--) {
        offset += index % axes->dims[i] * axes->strides[i];
        index /= axes->dims[i];
    }
    return offset;
}

/* Elements under one output, chunk by chunk: loads the chunk that begins with element `at` of them
 * and returns how many it has. */
static int64_t load_chunk(const struct reduce *reduce, union engine_chunk *chunk,
                          enum engine_domain domain, int64_t base, int64_t at)
{
    const struct axes *axes = &reduce->reduced;
    if (axes->rank == 0) {
        engine_load(chunk, domain, reduce->in, base, 1, 1);
        return 1;
    }
    int64_t last = axes->dims[axes->rank - 1], left = last - at % last;
    int64_t count = left < ENGINE_CHUNK ? left : ENGINE_CHUNK;
    engine_load(chunk, domain, reduce->in, base + offset_of(axes, at),
                axes->strides[axes->rank - 1], count);
    return count;
}

static double start_of(enum kind kind)
{
    return kind == MAXIMUM ? -INFINITY : kind == MINIMUM ? INFINITY : kind == PRODUCT ? 1 : 0;
}

static double collect(enum kind kind, double sum, const double *x, int64_t count, double shift)
{
    for (int64_t i = 0; i < count; i++) {
        if (kind == L1)
            sum += fabs(x[i]);
        else if (kind == L2 || kind == SUM_SQUARE)
            sum += x[i] * x[i];
        else if (kind == LOG_SUM_EXP)
            sum += exp(x[i] - shift);
        else if (kind == MAXIMUM)
            sum = isnan(sum) || sum > x[i] ? sum : x[i];
        else if (kind == MINIMUM)
            sum = isnan(sum) || sum < x[i] ? sum : x[i];
        else if (kind == PRODUCT)
            sum *= x[i];
        else
            sum += x[i];
    }
    return sum;
}

static double pass(const struct reduce *reduce, enum kind kind, int64_t base, double shift)
{
    union engine_chunk chunk;
    double sum = start_of(kind);
    for (int64_t at = 0, count; at < reduce->elements; at += count) {
        count = load_chunk(reduce, &chunk, ENGINE_DOUBLE, base, at);
        sum = collect(kind, sum, chunk.d, count, shift);
    }
    return sum;
}

static double reduce_float(const struct reduce *reduce, int64_t base)
{
    double shift = 0;
    if (reduce->kind == LOG_SUM_EXP) {
        shift = pass(reduce, MAXIMUM, base, 0);
        shift = isfinite(shift) ? shift : 0;
    }
    double sum = pass(reduce, reduce->kind, base, shift);
    switch (reduce->kind) {
    case L2: return sqrt(sum);
    case LOG_SUM: return log(sum);
    case LOG_SUM_EXP: return log(sum) + shift;
    case MEAN: return sum / (double)reduce->elements;
    default: return sum;
    }
}

static uint64_t collect_int(const struct reduce *reduce, uint64_t sum, uint64_t x)
{
    bool is_signed = reduce->in->dtype != STANCE_UINT64;
    bool less = is_signed ? (int64_t)x < (int64_t)sum : x < sum;
    switch (reduce->kind) {
    case L1: return sum + (is_signed && (int64_t)x < 0 ? 0 - x : x);
    case L2:
    case SUM_SQUARE: return sum + x * x;
    case MAXIMUM: return less ? sum : x;
    case MINIMUM: return less ? x : sum;
    case PRODUCT: return sum * x;
    default: return sum + x;
    }
}

/* Extremes begin with the type's other end, which a reduction over nothing leaves. */
static uint64_t start_of_int(const struct reduce *reduce)
{
    double low, high;
    engine_int_range(reduce->in->dtype, &low, &high);
    if (reduce->kind == MAXIMUM)
        return (uint64_t)(int64_t)low;
    if (reduce->kind == MINIMUM)
        return reduce->in->dtype == STANCE_UINT64  ? UINT64_MAX
               : reduce->in->dtype == STANCE_INT64 ? (uint64_t)INT64_MAX
                                                   : (uint64_t)high;
    return reduce->kind == PRODUCT;
}

static uint64_t reduce_int(const struct reduce *reduce, int64_t base)
{
    union engine_chunk chunk;
    uint64_t sum = start_of_int(reduce);
    enum engine_domain domain = engine_domain_of(reduce->in->dtype);
    for (int64_t at = 0, count; at < reduce->elements; at += count) {
        count = load_chunk(reduce, &chunk, domain, base, at);
        for (int64_t i = 0; i < count; i++)
            sum = collect_int(reduce, sum, chunk.u[i]);
    }
    double wide = domain == ENGINE_UINT ? (double)sum : (double)(int64_t)sum;
    switch (reduce->kind) {
    case L2: return (uint64_t)sqrt(wide > 0 ? wide : 0);
    case LOG_SUM: return wide > 1 ? (uint64_t)log(wide) : 0;
    case LOG_SUM_EXP: /* of nothing: -infinity */
        wide = reduce_float(reduce, base);
        return wide >= 0x1p63    ? (uint64_t)INT64_MAX
               : wide <= -0x1p63 ? (uint64_t)INT64_MIN
                                 : (uint64_t)(int64_t)wide;
    case MEAN:
        if (reduce->elements == 0)
            return 0;
        return domain == ENGINE_UINT ? sum / (uint64_t)reduce->elements
                                     : (uint64_t)((int64_t)sum / reduce->elements);
    default: return sum;
    }
}

static void run_share(void *context, int part, int parts, int worker)
{
    const struct reduce *reduce = context;
    bool is_float = engine_is_float(reduce->in->dtype);
    int64_t at, end;
    kernel_share(reduce->outputs, part, parts, &at, &end);
    for (; at < end; at++) {
        int64_t base = offset_of(&reduce->kept, at);
        if (is_float) {
            double value = reduce_float(reduce, base);
            engine_store(&value, ENGINE_DOUBLE, reduce->out, at, 1);
        } else {
            uint64_t value = reduce_int(reduce, base);
            engine_store(&value, ENGINE_UINT, reduce->out, at, 1);
        }
    }
}

static int run(struct engine_call *call)
{
    struct reduce reduce = {.kind = SUM, .in = &call->in[0], .out = &call->out[0]};
    unsigned mask;
    bool noop;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], call->node->type) == 0)
            reduce.kind = (enum kind)i;
    BASE_TRY(read_axes(call, &mask, &noop));
    size_t bytes = tensor_bytes(reduce.in);
    split_axes(&reduce, mask);
    if (noop && bytes > 0)
        memcpy(reduce.out->data, reduce.in->data, bytes);
    else if (!noop)
        base_pool_run(call->pool, run_share, &reduce,
                      engine_call_parts(reduce.outputs * (reduce.elements + 1)));
    return 0;
}

/* ---- Along one axis -------------------------------------------------------------------------- */

struct lines {
    const struct stance_tensor *in, *out;
    int64_t length, inner, count; /* elements of a line, their distance, number of lines */
};

static struct lines lines_of(const struct engine_call *call, int axis)
{
    struct lines lines = {.in = &call->in[0], .out = &call->out[0], .inner = 1, .count = 1};
    for (int i = 0; i < lines.in->rank; i++) {
        if (i > axis)
            lines.inner *= lines.in->dims[i];
        if (i != axis)
            lines.count *= lines.in->dims[i];
    }
    lines.length = lines.in->rank ? lines.in->dims[axis] : 1;
    return lines;
}

static int64_t line_start(const struct lines *lines, int64_t i)
{
    return i / lines->inner * lines->inner * lines->length + i % lines->inner;
}

/* Whether `x` beats `best`; NaN beats all but an earlier NaN. */
static bool beats(const union engine_chunk *x, int64_t i, enum engine_domain domain, bool smallest,
                  const union engine_chunk *best, bool last_wins)
{
    if (domain == ENGINE_DOUBLE) {
        double a = x->d[i], b = best->d[0];
        if (isnan(a) || isnan(b))
            return isnan(a) && !isnan(b);
        return (smallest ? a < b : a > b) || (last_wins && a == b);
    }
    if (domain == ENGINE_UINT)
        return (smallest ? x->u[i] < best->u[0] : x->u[i] > best->u[0]) ||
               (last_wins && x->u[i] == best->u[0]);
    return (smallest ? x->i[i] < best->i[0] : x->i[i] > best->i[0]) ||
           (last_wins && x->i[i] == best->i[0]);
}

static int run_arg(struct engine_call *call)
{
    int axis = 0;
    bool smallest = strcmp(call->node->type, "ArgMin") == 0;
    bool last_wins = graph_attr_int(call->node, "select_last_index", 0) != 0;
    if (call->in[0].rank > 0)
        BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 0), call->in[0].rank, &axis));
    struct lines lines = lines_of(call, axis);
    enum engine_domain domain = engine_domain_of(lines.in->dtype);
    domain = domain == ENGINE_FLOAT ? ENGINE_DOUBLE : domain;
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t start = line_start(&lines, line), winner = 0;
        union engine_chunk chunk, best;
        engine_load(&best, domain, lines.in, start, 1, 1);
        for (int64_t at = 1, count; at < lines.length; at += count) {
            count = lines.length - at < ENGINE_CHUNK ? lines.length - at : ENGINE_CHUNK;
            engine_load(&chunk, domain, lines.in, start + at * lines.inner, lines.inner, count);
            for (int64_t i = 0; i < count; i++) {
                if (!beats(&chunk, i, domain, smallest, &best, last_wins))
                    continue;
                best.u[0] = chunk.u[i];
                winner = at + i;
            }
        }
        ((int64_t *)lines.out->data)[line] = winner;
    }
    return 0;
}

static int run_cumsum(struct engine_call *call)
{
    int axis = 0;
    bool reverse = graph_attr_int(call->node, "reverse", 0) != 0;
    bool exclusive = graph_attr_int(call->node, "exclusive", 0) != 0;
    if (stance_tensor_count(&call->in[1]) != 1)
        return base_error(STANCE_ESHAPE, "the axis must be a single number");
    if (call->in[0].rank > 0)
        BASE_TRY(engine_axis(tensor_int(&call->in[1], 0), call->in[0].rank, &axis));
    struct lines lines = lines_of(call, axis);
    bool is_float = engine_is_float(lines.in->dtype);
    enum engine_domain domain = is_float ? ENGINE_DOUBLE : ENGINE_UINT;
    for (int64_t line = 0; line < lines.count; line++) {
        int64_t start = line_start(&lines, line);
        double sum = 0;
        uint64_t total = 0;
        for (int64_t i = 0; i < lines.length; i++) {
            int64_t at = start + (reverse ? lines.length - 1 - i : i) * lines.inner;
            union engine_chunk x;
            engine_load(&x, domain, lines.in, at, 1, 1);
            double float_sum = sum + (is_float ? x.d[0] : 0);
            uint64_t int_sum = total + (is_float ? 0 : x.u[0]);
            if (is_float)
                engine_store(exclusive ? &sum : &float_sum, domain, lines.out, at, 1);
            else
                engine_store(exclusive ? &total : &int_sum, domain, lines.out, at, 1);
            sum = float_sum;
            total = int_sum;
        }
    }
    return 0;
}

const struct engine_op engine_ops_reduce[] = {
    {"ArgMax", run_arg},      {"ArgMin", run_arg},   {"CumSum", run_cumsum},   {"ReduceL1", run},
    {"ReduceL2", run},        {"ReduceLogSum", run}, {"ReduceLogSumExp", run}, {"ReduceMax", run},
    {"ReduceMean", run},      {"ReduceMin", run},    {"ReduceProd", run},      {"ReduceSum", run},
    {"ReduceSumSquare", run}, {NULL, NULL},
};
