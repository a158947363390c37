/* Operators along the last axis: softmax, layer normalisation, reductions. A sum runs in four
 * vectors over up to RUN elements, longer ones are halved: the order depends on the length alone,
 * and the error grows with its logarithm. */
#include <math.h>

#include "kernel/simd/simd.h"
#include "kernel/simd/vec_math.h"
#include "kernel/simd/vec_more.h"

enum { RUN = 64 * VEC_LANES };

enum term {
    TERM_VALUE,
    TERM_SQUARE,
    TERM_DEVIATION, /* (x - centre)² */
};

VEC_INLINE vec term_add(enum term term, vec sum, vec x, vec centre)
{
    if (term == TERM_VALUE)
        return vec_add(sum, x);
    if (term == TERM_DEVIATION)
        x = vec_sub(x, centre);
    return vec_fma(x, x, sum);
}

VEC_INLINE vec run_sum(enum term term, const float *x, int64_t count, vec centre)
{
    vec a = vec_zero(), b = vec_zero(), c = vec_zero(), d = vec_zero();
    int64_t i = 0;
    for (; i + 4 * VEC_LANES <= count; i += 4 * VEC_LANES) {
        a = term_add(term, a, vec_load(x + i), centre);
        b = term_add(term, b, vec_load(x + i + VEC_LANES), centre);
        c = term_add(term, c, vec_load(x + i + 2 * VEC_LANES), centre);
        d = term_add(term, d, vec_load(x + i + 3 * VEC_LANES), centre);
    }
    for (; i + VEC_LANES <= count; i += VEC_LANES)
        a = term_add(term, a, vec_load(x + i), centre);
    int rest = (int)(count - i);
    if (rest > 0) {
        vec last = vec_select(vec_lanes(0, rest), vec_load_part(x + i, rest), centre);
        b = term_add(term, b, last, centre);
    }
    return vec_add(vec_add(a, b), vec_add(c, d));
}

static vec tree_sum(enum term term, const float *x, int64_t count, float centre)
{
    if (count > RUN) {
        int64_t half = (count / 2 + RUN - 1) / RUN * RUN;
        return vec_add(tree_sum(term, x, half, centre),
                       tree_sum(term, x + half, count - half, centre));
    }
    if (term == TERM_VALUE)
        return run_sum(TERM_VALUE, x, count, vec_zero());
    if (term == TERM_SQUARE)
        return run_sum(TERM_SQUARE, x, count, vec_zero());
    return run_sum(TERM_DEVIATION, x, count, vec_set1(centre));
}

static float row_sum(enum term term, const float *x, int64_t columns, float centre)
{
    return vec_sum(tree_sum(term, x, columns, centre));
}

/* NaN if there is one. */
static float row_largest(const float *x, int64_t columns)
{
    vec lowest = vec_set1(-__builtin_inff()), largest = lowest;
    int64_t i = 0;
    for (; i + VEC_LANES <= columns; i += VEC_LANES)
        largest = vec_max_nan(largest, vec_load(x + i));
    int rest = (int)(columns - i);
    if (rest > 0) {
        vec last = vec_select(vec_lanes(0, rest), vec_load_part(x + i, rest), lowest);
        largest = vec_max_nan(largest, last);
    }
    return vec_any(vec_is_nan(largest)) ? __builtin_nanf("") : vec_largest(largest);
}

static void softmax_row(const float *x, float *y, int64_t columns)
{
    vec highest = vec_set1(row_largest(x, columns));
    for (int64_t i = 0; i < columns; i += VEC_LANES) {
        vec power = vec_exp(vec_sub(vec_load_up_to(x + i, columns - i), highest));
        vec_store_up_to(y + i, power, columns - i);
    }
    vec factor = vec_set1(1 / row_sum(TERM_VALUE, y, columns, 0));
    for (int64_t i = 0; i < columns; i += VEC_LANES)
        vec_store_up_to(y + i, vec_mul(vec_load_up_to(y + i, columns - i), factor), columns - i);
}

void KERNEL_NAME(kernel_softmax)(const float *x, float *y, int64_t rows, int64_t columns, int part,
                                 int parts)
{
    int64_t row, end;
    kernel_share(rows, part, parts, &row, &end);
    for (; row < end; row++)
        softmax_row(x + row * columns, y + row * columns, columns);
}

static void layer_norm_row(const float *x, const float *scale, const float *bias, float epsilon,
                           float *y, int64_t columns)
{
    float mean = row_sum(TERM_VALUE, x, columns, 0) / (float)columns;
    float variance = row_sum(TERM_DEVIATION, x, columns, mean) / (float)columns;
    vec centre = vec_set1(mean), factor = vec_set1(1 / sqrtf(variance + epsilon));
    for (int64_t i = 0; i < columns; i += VEC_LANES) {
        int64_t count = columns - i;
        vec value = vec_mul(vec_sub(vec_load_up_to(x + i, count), centre), factor);
        if (scale)
            value = vec_mul(value, vec_load_up_to(scale + i, count));
        if (bias)
            value = vec_add(value, vec_load_up_to(bias + i, count));
        vec_store_up_to(y + i, value, count);
    }
}

void KERNEL_NAME(kernel_layer_norm)(const float *x, const float *scale, const float *bias,
                                    float epsilon, float *y, int64_t rows, int64_t columns,
                                    int part, int parts)
{
    int64_t row, end;
    kernel_share(rows, part, parts, &row, &end);
    for (; row < end; row++)
        layer_norm_row(x + row * columns, scale, bias, epsilon, y + row * columns, columns);
}

static float reduce_row(enum kernel_reduce op, const float *x, int64_t columns)
{
    switch (op) {
    case KERNEL_SUM: return row_sum(TERM_VALUE, x, columns, 0);
    case KERNEL_MEAN: return row_sum(TERM_VALUE, x, columns, 0) / (float)columns;
    case KERNEL_SUM_SQUARE: return row_sum(TERM_SQUARE, x, columns, 0);
    case KERNEL_REDUCE_MAX: break;
    }
    return row_largest(x, columns);
}

void KERNEL_NAME(kernel_reduce_rows)(enum kernel_reduce op, const float *x, float *y, int64_t rows,
                                     int64_t columns, int part, int parts)
{
    int64_t row, end;
    kernel_share(rows, part, parts, &row, &end);
    for (; row < end; row++)
        y[row] = reduce_row(op, x + row * columns, columns);
}
