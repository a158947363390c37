/* Matrix product, reference tier: B is packed as it is, row by row, and each output row is summed
 * over depth in order. */
#include "kernel/ref/ref.h"

enum { COLUMNS = 64 };

size_t kernel_ref_gemm_packed_bytes(int depth, int columns)
{
    return (size_t)depth * (size_t)columns * sizeof(float);
}

void kernel_ref_gemm_pack(const float *b, int64_t row_stride, int64_t column_stride, int depth,
                          int columns, void *packed, int part, int parts)
{
    float *to = packed;
    int64_t first, end;
    kernel_share(columns, part, parts, &first, &end);
    for (int64_t d = 0; d < depth; d++) {
        for (int64_t c = first; c < end; c++)
            to[d * columns + c] = b[d * row_stride + c * column_stride];
    }
}

static void gemm_span(const struct kernel_gemm *gemm, int64_t row, int64_t column, int count)
{
    const float *a = gemm->a + row * gemm->a_stride;
    const float *b = (const float *)gemm->packed_b + column;
    float sums[COLUMNS] = {0};
    for (int d = 0; d < gemm->depth; d++) {
        float factor = a[d];
        for (int c = 0; c < count; c++)
            sums[c] += factor * b[(int64_t)d * gemm->columns + c];
    }
    for (int c = 0; c < count; c++) {
        int64_t at = row * gemm->c_stride + column + c;
        float sum = gemm->bias ? sums[c] + gemm->bias[column + c] : sums[c];
        float residual = gemm->residual ? gemm->residual[at] : 0;
        gemm->c[at] = kernel_ref_epilogue(&gemm->epilogue, sum, residual);
    }
}

void kernel_ref_gemm_run(const struct kernel_gemm *gemm, int part, int parts)
{
    int64_t spans = (gemm->columns + COLUMNS - 1) / COLUMNS, first, end;
    kernel_share(spans * gemm->rows, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t column = i / gemm->rows * COLUMNS;
        int64_t left = gemm->columns - column;
        gemm_span(gemm, i % gemm->rows, column, left < COLUMNS ? (int)left : COLUMNS);
    }
}
