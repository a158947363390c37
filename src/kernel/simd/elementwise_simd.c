/* Elementwise operators on flat arrays. The operator is a constant inside each loop, and the end of
 * an array goes through the same vector arithmetic as its middle. */
#include <string.h>

#include "kernel/simd/simd.h"
#include "kernel/simd/vec_math.h"
#include "kernel/simd/vec_more.h"

#define SINE_LIMIT 1e5f

/* Shares of a flat array begin on whole vectors. */
static void flat_share(int64_t count, int part, int parts, int64_t *first, int64_t *end)
{
    kernel_share((count + VEC_LANES - 1) / VEC_LANES, part, parts, first, end);
    *first *= VEC_LANES;
    *end *= VEC_LANES;
    if (*end > count)
        *end = count;
}

VEC_INLINE void map(enum kernel_activation op, float alpha, float beta, const float *x, float *y,
                    int64_t count)
{
    int64_t i = 0;
    for (; i + VEC_LANES <= count; i += VEC_LANES)
        vec_store(y + i, vec_activate(op, alpha, beta, vec_load(x + i)));
    int rest = (int)(count - i);
    if (rest > 0)
        vec_store_part(y + i, vec_activate(op, alpha, beta, vec_load_part(x + i, rest)), rest);
}

/* The bits of 2/π from 16 places before the point on: a window of 32 at every eighth one. */
static const uint32_t two_over_pi[] = {
    0x0000a2f9, 0x00a2f983, 0xa2f9836e, 0xf9836e4e, 0x836e4e44, 0x6e4e4415, 0x4e441529, 0x441529fc,
    0x1529fc27, 0x29fc2757, 0xfc2757d1, 0x2757d1f5, 0x57d1f534, 0xd1f534dd, 0xf534ddc0, 0x34ddc0db,
    0xddc0db62, 0xc0db6295, 0xdb629599, 0x6295993c, 0x95993c43, 0x993c4390, 0x3c439041,
};

/* Far from zero a single subtraction loses the period. The mantissa times those 96 bits of 2/π that
 * can matter at its exponent is exact to 2^-62 quarter turns, whole turns having left at the top
 * (M. Payne and R. Hanek, Radian Reduction for Trigonometric Functions, 1983). */
static vec sine_far(vec x, float quarters)
{
    enum { LEAST = 136 /* exponent of the first window: numbers from 512 on */ };
    uint32_t bits[VEC_LANES];
    float rest[VEC_LANES], turned[VEC_LANES];
    vec_store(rest, vec_max(vec_abs(x), vec_set1(512.0f)));
    memcpy(bits, rest, sizeof bits);
    for (int i = 0; i < VEC_LANES; i++) {
        uint32_t exponent = bits[i] >> 23, at = (exponent - LEAST) / 8;
        uint32_t mantissa = ((bits[i] & 0x7fffff) | 0x800000) << exponent % 8;
        uint64_t turn = ((uint64_t)(mantissa * two_over_pi[at]) << 32) +
                        (uint64_t)mantissa * two_over_pi[at + 4] +
                        ((uint64_t)mantissa * two_over_pi[at + 8] >> 32);
        int64_t whole = (int64_t)(turn + ((uint64_t)1 << 61)) >> 62;
        rest[i] = (float)(int64_t)(turn - ((uint64_t)whole << 62));
        turned[i] = (float)whole;
    }
    /* π/2 · 2^-62 */
    vec r = vec_mul(vec_copysign(vec_set1(3.40612158e-19f), x), vec_load(rest));
    vec n = vec_mul(vec_copysign(vec_set1(1.0f), x), vec_load(turned));
    /* NaN for what is not finite */
    return vec_add(vec_sin_turned(r, vec_add(n, vec_set1(quarters))), vec_sub(x, x));
}

static void map_sine(float quarters, const float *x, float *y, int64_t count)
{
    vec limit = vec_set1(SINE_LIMIT);
    for (int64_t i = 0; i < count; i += VEC_LANES) {
        vec value = vec_load_up_to(x + i, count - i);
        vec near = vec_sin_quarter(value, quarters);
        vec_mask far = vec_less(limit, vec_abs(value));
        vec_store_up_to(y + i,
                        vec_any(far) ? vec_select(far, sine_far(value, quarters), near) : near,
                        count - i);
    }
}

/* Turns an operator that is known at run time into a constant. */
#define MAP_CASE(op)                                                                               \
    case op: map(op, alpha, beta, x, y, count); break

void KERNEL_NAME(kernel_unary)(enum kernel_activation op, float alpha, float beta, const float *x,
                               float *y, int64_t count, int part, int parts)
{
    int64_t first, end;
    flat_share(count, part, parts, &first, &end);
    x += first;
    y += first;
    count = end - first;
    switch (op) {
        MAP_CASE(KERNEL_LINEAR);
        MAP_CASE(KERNEL_RELU);
        MAP_CASE(KERNEL_LEAKY_RELU);
        MAP_CASE(KERNEL_CLIP);
        MAP_CASE(KERNEL_SIGMOID);
        MAP_CASE(KERNEL_SWISH);
        MAP_CASE(KERNEL_HARD_SIGMOID);
        MAP_CASE(KERNEL_HARD_SWISH);
        MAP_CASE(KERNEL_TANH);
        MAP_CASE(KERNEL_GELU);
        MAP_CASE(KERNEL_EXP);
        MAP_CASE(KERNEL_ERF);
        MAP_CASE(KERNEL_SQRT);
        MAP_CASE(KERNEL_ABS);
        MAP_CASE(KERNEL_NEG);
        MAP_CASE(KERNEL_RECIPROCAL);
        MAP_CASE(KERNEL_LOG);
        MAP_CASE(KERNEL_SOFTPLUS);
        MAP_CASE(KERNEL_SQUARE);
    case KERNEL_SIN: map_sine(0, x, y, count); break;
    case KERNEL_COS: map_sine(1, x, y, count); break;
    case KERNEL_ACTIVATIONS: break;
    }
}

VEC_INLINE vec combine(enum kernel_binary op, vec a, vec b)
{
    switch (op) {
    case KERNEL_ADD: return vec_add(a, b);
    case KERNEL_SUB: return vec_sub(a, b);
    case KERNEL_MUL: return vec_mul(a, b);
    case KERNEL_DIV: return vec_div(a, b);
    case KERNEL_MAX: return vec_max_nan(a, b);
    case KERNEL_MIN: return vec_min_nan(a, b);
    case KERNEL_BINARIES: break;
    }
    return a;
}

/* One of two operands: an array, or one value for all elements. */
struct operand {
    const float *array;
    float value;
};

VEC_INLINE vec operand_load(const struct operand *operand, bool array, int64_t i, int count)
{
    if (!array)
        return vec_set1(operand->value);
    return count == VEC_LANES ? vec_load(operand->array + i)
                              : vec_load_part(operand->array + i, count);
}

VEC_INLINE void zip(enum kernel_binary op, bool a_array, bool b_array, const struct operand *a,
                    const struct operand *b, float *y, int64_t count)
{
    int64_t i = 0;
    for (; i + VEC_LANES <= count; i += VEC_LANES)
        vec_store(y + i, combine(op, operand_load(a, a_array, i, VEC_LANES),
                                 operand_load(b, b_array, i, VEC_LANES)));
    int rest = (int)(count - i);
    if (rest > 0)
        vec_store_part(
            y + i,
            combine(op, operand_load(a, a_array, i, rest), operand_load(b, b_array, i, rest)),
            rest);
}

#define ZIP_CASE(op)                                                                               \
    case op: zip(op, a_array, b_array, a, b, y, count); break

VEC_INLINE void zip_op(enum kernel_binary op, bool a_array, bool b_array, const struct operand *a,
                       const struct operand *b, float *y, int64_t count)
{
    switch (op) {
        ZIP_CASE(KERNEL_ADD);
        ZIP_CASE(KERNEL_SUB);
        ZIP_CASE(KERNEL_MUL);
        ZIP_CASE(KERNEL_DIV);
        ZIP_CASE(KERNEL_MAX);
        ZIP_CASE(KERNEL_MIN);
    case KERNEL_BINARIES: break;
    }
}

static void zip_any(enum kernel_binary op, const struct operand *a, const struct operand *b,
                    float *y, int64_t count)
{
    if (a->array && b->array)
        zip_op(op, true, true, a, b, y, count);
    else if (a->array)
        zip_op(op, true, false, a, b, y, count);
    else
        zip_op(op, false, true, a, b, y, count);
}

void KERNEL_NAME(kernel_binary)(enum kernel_binary op, const float *a, const float *b, float *y,
                                int64_t count, int part, int parts)
{
    int64_t first, end;
    flat_share(count, part, parts, &first, &end);
    struct operand left = {.array = a + first}, right = {.array = b + first};
    zip_any(op, &left, &right, y + first, end - first);
}

/* The second operand of a row: b itself, or the row's value of b. */
static void zip_rows(enum kernel_binary op, const float *a, const float *b, bool b_row, float *y,
                     int64_t rows, int64_t columns, bool b_first, int part, int parts)
{
    int64_t first, end;
    flat_share(rows * columns, part, parts, &first, &end);
    while (first < end) {
        int64_t row = first / columns, column = first % columns;
        int64_t count = columns - column < end - first ? columns - column : end - first;
        struct operand left = {.array = a + first};
        struct operand right = {.array = b_row ? b + column : NULL, .value = b_row ? 0 : b[row]};
        zip_any(op, b_first ? &right : &left, b_first ? &left : &right, y + first, count);
        first += count;
    }
}

void KERNEL_NAME(kernel_binary_row)(enum kernel_binary op, const float *a, const float *b, float *y,
                                    int64_t rows, int64_t columns, bool b_first, int part,
                                    int parts)
{
    zip_rows(op, a, b, true, y, rows, columns, b_first, part, parts);
}

void KERNEL_NAME(kernel_binary_column)(enum kernel_binary op, const float *a, const float *b,
                                       float *y, int64_t rows, int64_t columns, bool b_first,
                                       int part, int parts)
{
    zip_rows(op, a, b, false, y, rows, columns, b_first, part, parts);
}
