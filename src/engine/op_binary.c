/* Operators of two inputs with broadcasting, and the variadic ones built from them.
 *
 * Each is written for up to four working types. Sums and products of int64 and of the narrower
 * integers are those of uint64: the low bits agree. */
#include <math.h>
#include <string.h>

#include "engine/op_binary.h"

ENGINE_BINARY(add_f, float, float, float, a + b)
ENGINE_BINARY(add_d, double, double, double, a + b)
ENGINE_BINARY(add_u, uint64_t, uint64_t, uint64_t, a + b)
ENGINE_BINARY(sub_f, float, float, float, a - b)
ENGINE_BINARY(sub_d, double, double, double, a - b)
ENGINE_BINARY(sub_u, uint64_t, uint64_t, uint64_t, a - b)
ENGINE_BINARY(mul_f, float, float, float, a *b)
ENGINE_BINARY(mul_d, double, double, double, a *b)
ENGINE_BINARY(mul_u, uint64_t, uint64_t, uint64_t, a *b)
ENGINE_BINARY(div_f, float, float, float, a / b)
ENGINE_BINARY(div_d, double, double, double, a / b)
/* INT64_MIN / -1 wraps like the other operations do. */
ENGINE_BINARY(div_i, int64_t, int64_t, int64_t, b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b)
ENGINE_BINARY(div_u, uint64_t, uint64_t, uint64_t, a / b)
/* A NaN on either side wins. */
ENGINE_BINARY(max_f, float, float, float, a != a || a > b ? a : b)
ENGINE_BINARY(max_d, double, double, double, a != a || a > b ? a : b)
ENGINE_BINARY(max_i, int64_t, int64_t, int64_t, a > b ? a : b)
ENGINE_BINARY(max_u, uint64_t, uint64_t, uint64_t, a > b ? a : b)
ENGINE_BINARY(min_f, float, float, float, a != a || a < b ? a : b)
ENGINE_BINARY(min_d, double, double, double, a != a || a < b ? a : b)
ENGINE_BINARY(min_i, int64_t, int64_t, int64_t, a < b ? a : b)
ENGINE_BINARY(min_u, uint64_t, uint64_t, uint64_t, a < b ? a : b)

#define COMPARISON(name, operator)                                                                 \
    ENGINE_BINARY(name##_f, float, float, uint8_t, a operator b)                                   \
    ENGINE_BINARY(name##_d, double, double, uint8_t, a operator b)                                 \
    ENGINE_BINARY(name##_i, int64_t, int64_t, uint8_t, a operator b)                               \
    ENGINE_BINARY(name##_u, uint64_t, uint64_t, uint8_t, a operator b)

COMPARISON(equal, ==)
COMPARISON(greater, >)
COMPARISON(greater_equal, >=)
COMPARISON(less, <)
COMPARISON(less_equal, <=)

ENGINE_BINARY(and_i, int64_t, int64_t, int64_t, a != 0 && b != 0)
ENGINE_BINARY(or_i, int64_t, int64_t, int64_t, a != 0 || b != 0)
ENGINE_BINARY(xor_i, int64_t, int64_t, int64_t, (a != 0) != (b != 0))
ENGINE_BINARY(bit_and_u, uint64_t, uint64_t, uint64_t, a &b)
ENGINE_BINARY(bit_or_u, uint64_t, uint64_t, uint64_t, a | b)
ENGINE_BINARY(bit_xor_u, uint64_t, uint64_t, uint64_t, a ^ b)
ENGINE_BINARY(shift_left_u, uint64_t, uint64_t, uint64_t, b < 64 ? a << b : 0)
ENGINE_BINARY(shift_right_u, uint64_t, uint64_t, uint64_t, b < 64 ? a >> b : 0)

/* Mod takes the divisor's sign, fmod the dividend's. */
static double floor_mod(double a, double b)
{
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int64_t floor_mod_int(int64_t a, int64_t b)
{
    int64_t rest = b == -1 ? 0 : a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

ENGINE_BINARY(mod_f, float, float, float, floor_mod(a, b))
ENGINE_BINARY(mod_d, double, double, double, floor_mod(a, b))
ENGINE_BINARY(mod_i, int64_t, int64_t, int64_t, floor_mod_int(a, b))
ENGINE_BINARY(mod_u, uint64_t, uint64_t, uint64_t, a % b)
ENGINE_BINARY(fmod_f, float, float, float, fmodf(a, b))
ENGINE_BINARY(fmod_d, double, double, double, fmod(a, b))
ENGINE_BINARY(fmod_i, int64_t, int64_t, int64_t, b == -1 ? 0 : a % b)

enum { NO_KERNEL = -1 };

struct binary {
    const char *type;
    engine_binary_fn *fn[ENGINE_DOMAINS]; /* NULL: no meaning for such types */
    bool to_bool, divides;
    int kernel; /* enum kernel_binary or NO_KERNEL */
};

#define COMPARE(type, name)                                                                        \
    {                                                                                              \
        type, {name##_f, name##_d, name##_i, name##_u}, true, false, NO_KERNEL                     \
    }

static const struct binary binaries[] = {
    {"Add", {add_f, add_d, add_u, add_u}, false, false, KERNEL_ADD},
    {"And", {NULL, NULL, and_i, NULL}, false, false, NO_KERNEL},
    {"BitwiseAnd", {NULL, NULL, bit_and_u, bit_and_u}, false, false, NO_KERNEL},
    {"BitwiseOr", {NULL, NULL, bit_or_u, bit_or_u}, false, false, NO_KERNEL},
    {"BitwiseXor", {NULL, NULL, bit_xor_u, bit_xor_u}, false, false, NO_KERNEL},
    {"Div", {div_f, div_d, div_i, div_u}, false, true, KERNEL_DIV},
    COMPARE("Equal", equal),
    COMPARE("Greater", greater),
    COMPARE("GreaterOrEqual", greater_equal),
    COMPARE("Less", less),
    COMPARE("LessOrEqual", less_equal),
    {"Max", {max_f, max_d, max_i, max_u}, false, false, KERNEL_MAX},
    {"Mean", {add_f, add_d, NULL, NULL}, false, false, KERNEL_ADD},
    {"Min", {min_f, min_d, min_i, min_u}, false, false, KERNEL_MIN},
    {"Mod", {mod_f, mod_d, mod_i, mod_u}, false, true, NO_KERNEL},
    {"Mul", {mul_f, mul_d, mul_u, mul_u}, false, false, KERNEL_MUL},
    {"Or", {NULL, NULL, or_i, NULL}, false, false, NO_KERNEL},
    {"Sub", {sub_f, sub_d, sub_u, sub_u}, false, false, KERNEL_SUB},
    {"Sum", {add_f, add_d, add_u, add_u}, false, false, KERNEL_ADD},
    {"Xor", {NULL, NULL, xor_i, NULL}, false, false, NO_KERNEL},
};
static const struct binary fmod_binary = {
    "Mod", {fmod_f, fmod_d, fmod_i, mod_u}, false, true, NO_KERNEL};
static const struct binary shifts[] = {
    {"BitShift", {NULL, NULL, shift_left_u, shift_left_u}, false, false, NO_KERNEL},
    {"BitShift", {NULL, NULL, shift_right_u, shift_right_u}, false, false, NO_KERNEL},
};

/* ---- Any types ------------------------------------------------------------------------------- */

struct work {
    const struct engine_binary *binary;
    struct engine_broadcast plan;
    const struct stance_tensor *in[2], *out;
};

static void run_share(void *context, int part, int parts, int worker)
{
    const struct work *work = context;
    const struct engine_binary *binary = work->binary;
    union engine_chunk a, b, result;
    int64_t at, end, offsets[ENGINE_OPERANDS];
    int last = work->plan.rank - 1;
    kernel_share(work->plan.count, part, parts, &at, &end);
    while (at < end) {
        int64_t count = engine_broadcast_at(&work->plan, at, offsets);
        count = count < end - at ? count : end - at;
        count = count < ENGINE_CHUNK ? count : ENGINE_CHUNK;
        engine_load(&a, binary->left, work->in[0], offsets[0], work->plan.strides[0][last], count);
        engine_load(&b, binary->right, work->in[1], offsets[1], work->plan.strides[1][last], count);
        if (binary->to_bool) {
            binary->fn(&a, &b, (uint8_t *)work->out->data + at, count);
        } else {
            binary->fn(&a, &b, &result, count);
            engine_store(&result, binary->out, work->out, at, count);
        }
        at += count;
    }
}

int engine_binary_run(struct engine_call *call, const struct engine_binary *binary,
                      const struct stance_tensor *a, const struct stance_tensor *b,
                      const struct stance_tensor *out)
{
    struct work work = {.binary = binary, .in = {a, b}, .out = out};
    BASE_TRY(engine_broadcast_plan(&work.plan, out, work.in, 2));
    base_pool_run(call->pool, run_share, &work, engine_call_parts(work.plan.count));
    return 0;
}

/* ---- float32 through the kernel table -------------------------------------------------------- */

/* How an operand lies under the last two dims of the output. */
enum lie { LIE_FULL, LIE_ROW, LIE_COLUMN, LIE_SCALAR, LIE_OTHER };

struct kernel_work {
    const struct kernel_table *kernels;
    enum kernel_binary op;
    struct engine_broadcast plan;
    enum lie lie; /* of `other` */
    bool swapped; /* `other` is the first operand */
    int64_t rows, columns, outer, strides[2][STANCE_MAX_RANK];
    const float *full, *other;
    float *out;
};

static enum lie lie_of(const struct engine_broadcast *plan, int k)
{
    int64_t columns = plan->dims[plan->rank - 1];
    int64_t column = plan->strides[k][plan->rank - 1];
    int64_t row = plan->rank > 1 ? plan->strides[k][plan->rank - 2] : column * columns;
    if (columns == 1 && plan->rank == 1)
        return LIE_FULL;
    if (column == 1)
        return row == columns ? LIE_FULL : row == 0 ? LIE_ROW : LIE_OTHER;
    return row == 0 ? LIE_SCALAR : row == 1 ? LIE_COLUMN : LIE_OTHER;
}

static void run_kernel_share(void *context, int part, int parts, int worker)
{
    const struct kernel_work *work = context;
    const struct kernel_table *kernels = work->kernels;
    int64_t rows = work->rows, columns = work->columns, size = rows * columns;
    for (int64_t outer = 0; outer < work->outer; outer++) {
        int64_t offsets[ENGINE_OPERANDS];
        engine_broadcast_at(&work->plan, outer * size, offsets);
        const float *full = work->full + offsets[work->swapped];
        const float *other = work->other + offsets[!work->swapped];
        float *out = work->out + outer * size;
        if (work->lie == LIE_FULL)
            kernels->binary(work->op, work->swapped ? other : full, work->swapped ? full : other,
                            out, size, part, parts);
        else if (work->lie == LIE_ROW)
            kernels->binary_row(work->op, full, other, out, rows, columns, work->swapped, part,
                                parts);
        else if (work->lie == LIE_COLUMN)
            kernels->binary_column(work->op, full, other, out, rows, columns, work->swapped, part,
                                   parts);
        else
            kernels->binary_column(work->op, full, other, out, 1, size, work->swapped, part, parts);
    }
}

/* False where neither operand fills the last two dims. */
static bool run_kernel(struct engine_call *call, enum kernel_binary op,
                       const struct engine_broadcast *plan, const struct stance_tensor *const *in,
                       const struct stance_tensor *out)
{
    enum lie lies[2] = {lie_of(plan, 0), lie_of(plan, 1)};
    struct kernel_work work = {.kernels = call->kernels, .op = op, .plan = *plan};
    work.swapped = lies[0] != LIE_FULL;
    work.lie = lies[!work.swapped];
    if ((lies[0] != LIE_FULL && lies[1] != LIE_FULL) || work.lie == LIE_OTHER)
        return false;
    work.columns = plan->dims[plan->rank - 1];
    work.rows = plan->rank > 1 ? plan->dims[plan->rank - 2] : 1;
    work.outer = plan->count > 0 ? plan->count / (work.rows * work.columns) : 0;
    work.full = in[work.swapped]->data;
    work.other = in[!work.swapped]->data;
    work.out = out->data;
    base_pool_run(call->pool, run_kernel_share, &work, engine_call_parts(work.rows * work.columns));
    return true;
}

/* ---- Operators ------------------------------------------------------------------------------- */

static const struct binary *find(const struct graph_node *node)
{
    if (strcmp(node->type, "BitShift") == 0)
        return &shifts[strcmp(graph_attr_string(node, "direction", "LEFT"), "RIGHT") == 0];
    if (strcmp(node->type, "Mod") == 0 && graph_attr_int(node, "fmod", 0) != 0)
        return &fmod_binary;
    for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
        if (strcmp(binaries[i].type, node->type) == 0)
            return &binaries[i];
    return NULL;
}

static int check_divisor(const struct stance_tensor *divisor)
{
    int64_t count = stance_tensor_count(divisor);
    for (int64_t i = 0; i < count; i++)
        if (tensor_int(divisor, i) == 0)
            return base_error(STANCE_EARGUMENT, "integer division by zero at element %lld",
                              (long long)i);
    return 0;
}

static int run_pair(struct engine_call *call, const struct stance_tensor *a,
                    const struct stance_tensor *b)
{
    const struct binary *binary = find(call->node);
    const struct stance_tensor *out = &call->out[0], *in[2] = {a, b};
    enum engine_domain domain = engine_domain_of(a->dtype);
    if (!binary || !binary->fn[domain])
        return base_error(STANCE_ETYPE, "%s has no meaning for %s", call->node->type,
                          stance_dtype_name(a->dtype));
    struct engine_broadcast plan;
    BASE_TRY(engine_broadcast_plan(&plan, out, in, 2));
    if (binary->divides && domain >= ENGINE_INT && plan.count > 0)
        BASE_TRY(check_divisor(b));
    if (a->dtype == STANCE_FLOAT32 && binary->kernel != NO_KERNEL &&
        run_kernel(call, (enum kernel_binary)binary->kernel, &plan, in, out))
        return 0;
    struct engine_binary loop = {binary->fn[domain], domain, domain, domain, binary->to_bool};
    return engine_binary_run(call, &loop, a, b, out);
}

static int run(struct engine_call *call)
{
    return run_pair(call, &call->in[0], &call->in[1]);
}

static int run_variadic(struct engine_call *call)
{
    struct stance_tensor *out = &call->out[0];
    if (call->input_count == 1) {
        size_t bytes = tensor_bytes(out);
        if (bytes > 0)
            memcpy(out->data, call->in[0].data, bytes);
        return 0;
    }
    BASE_TRY(run_pair(call, &call->in[0], &call->in[1]));
    for (int i = 2; i < call->input_count; i++)
        BASE_TRY(run_pair(call, out, &call->in[i]));
    return 0;
}

static int run_mean(struct engine_call *call)
{
    const struct stance_tensor *out = &call->out[0];
    enum engine_domain domain = engine_domain_of(out->dtype);
    if (domain > ENGINE_DOUBLE)
        return base_error(STANCE_ETYPE, "Mean has no meaning for %s",
                          stance_dtype_name(out->dtype));
    BASE_TRY(run_variadic(call));
    double number = call->input_count;
    struct stance_tensor divisor = {.dtype = STANCE_FLOAT64, .data = &number};
    struct engine_binary divide = {domain == ENGINE_FLOAT ? div_f : div_d, domain, domain, domain,
                                   false};
    return engine_binary_run(call, &divide, out, &divisor, out);
}

const struct engine_op engine_ops_binary[] = {
    {"Add", run},          {"And", run},
    {"BitShift", run},     {"BitwiseAnd", run},
    {"BitwiseOr", run},    {"BitwiseXor", run},
    {"Div", run},          {"Equal", run},
    {"Greater", run},      {"GreaterOrEqual", run},
    {"Less", run},         {"LessOrEqual", run},
    {"Max", run_variadic}, {"Mean", run_mean},
    {"Min", run_variadic}, {"Mod", run},
    {"Mul", run},          {"Or", run},
    {"Sub", run},          {"Sum", run_variadic},
    {"Xor", run},          {NULL, NULL},
};
