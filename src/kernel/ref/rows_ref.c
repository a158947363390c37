/* Operators along the last axis, reference tier: softmax, layer normalisation, reductions.
 * Sums are taken in double. */
#include <math.h>

#include "kernel/ref/ref.h"

static void softmax_row(const float *x, float *y, int64_t columns)
{
    float highest = -INFINITY;
    double sum = 0;
    for (int64_t i = 0; i < columns; i++)
        highest = kernel_ref_max(highest, x[i]);
    for (int64_t i = 0; i < columns; i++) {
        y[i] = expf(x[i] - highest);
        sum += y[i];
    }
    for (int64_t i = 0; i < columns; i++)
        y[i] = (float)(y[i] / sum);
}

void kernel_ref_softmax(const float *x, float *y, int64_t rows, int64_t columns, int part,
                        int parts)
{
    int64_t first, end;
    kernel_share(rows, part, parts, &first, &end);
    for (int64_t row = first; row < end; row++)
        softmax_row(x + row * columns, y + row * columns, columns);
}

static void layer_norm_row(const float *x, const float *scale, const float *bias, float epsilon,
                           float *y, int64_t columns)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < columns; i++)
        sum += x[i];
    double mean = sum / (double)columns;
    for (int64_t i = 0; i < columns; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double factor = 1 / sqrt(squares / (double)columns + (double)epsilon);
    for (int64_t i = 0; i < columns; i++) {
        double value = (x[i] - mean) * factor;
        if (scale)
            value *= scale[i];
        if (bias)
            value += bias[i];
        y[i] = (float)value;
    }
}

void kernel_ref_layer_norm(const float *x, const float *scale, const float *bias, float epsilon,
                           float *y, int64_t rows, int64_t columns, int part, int parts)
{
    int64_t first, end;
    kernel_share(rows, part, parts, &first, &end);
    for (int64_t row = first; row < end; row++)
        layer_norm_row(x + row * columns, scale, bias, epsilon, y + row * columns, columns);
}

static float reduce_row(enum kernel_reduce op, const float *x, int64_t columns)
{
    if (op == KERNEL_REDUCE_MAX) {
        float highest = -INFINITY;
        for (int64_t i = 0; i < columns; i++)
            highest = kernel_ref_max(highest, x[i]);
        return highest;
    }
    double sum = 0;
    for (int64_t i = 0; i < columns; i++)
        sum += op == KERNEL_SUM_SQUARE ? (double)x[i] * x[i] : x[i];
    return (float)(op == KERNEL_MEAN ? sum / (double)columns : sum);
}

void kernel_ref_reduce_rows(enum kernel_reduce op, const float *x, float *y, int64_t rows,
                            int64_t columns, int part, int parts)
{
    int64_t first, end;
    kernel_share(rows, part, parts, &first, &end);
    for (int64_t row = first; row < end; row++)
        y[row] = reduce_row(op, x + row * columns, columns);
}
