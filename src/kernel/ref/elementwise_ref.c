/* Elementwise operators on flat arrays, reference tier. */
#include "kernel/ref/ref.h"

void kernel_ref_unary(enum kernel_activation op, float alpha, float beta, const float *x, float *y,
                      int64_t count, int part, int parts)
{
    int64_t first, end;
    kernel_share(count, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++)
        y[i] = kernel_ref_activate(op, alpha, beta, x[i]);
}

static float apply(enum kernel_binary op, float a, float b)
{
    switch (op) {
    case KERNEL_ADD: return a + b;
    case KERNEL_SUB: return a - b;
    case KERNEL_MUL: return a * b;
    case KERNEL_DIV: return a / b;
    case KERNEL_MAX: return kernel_ref_max(a, b);
    case KERNEL_MIN: return kernel_ref_min(a, b);
    case KERNEL_BINARIES: break;
    }
    return a;
}

void kernel_ref_binary(enum kernel_binary op, const float *a, const float *b, float *y,
                       int64_t count, int part, int parts)
{
    int64_t first, end;
    kernel_share(count, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++)
        y[i] = apply(op, a[i], b[i]);
}

void kernel_ref_binary_row(enum kernel_binary op, const float *a, const float *b, float *y,
                           int64_t rows, int64_t columns, bool b_first, int part, int parts)
{
    int64_t first, end;
    kernel_share(rows * columns, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        float other = b[i % columns];
        y[i] = b_first ? apply(op, other, a[i]) : apply(op, a[i], other);
    }
}

void kernel_ref_binary_column(enum kernel_binary op, const float *a, const float *b, float *y,
                              int64_t rows, int64_t columns, bool b_first, int part, int parts)
{
    int64_t first, end;
    kernel_share(rows * columns, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        float other = b[i / columns];
        y[i] = b_first ? apply(op, other, a[i]) : apply(op, a[i], other);
    }
}
