/* The transforms of Winograd's minimal filtering F(m, r), m outputs of an r-tap filter from
 * m + r - 1 products, for m = 2, 3, 4 and r = 1, 2, 3 (Lavin and Gray 2015; the other matrices by
 * the same construction: three products with the points 0, 1, ∞, four with -1 and five with 2
 * beside them). r = 1 transforms nothing.
 * Rows and columns have their own r. */
#include "kernel/simd/conv.h"

enum { MAX_SIDE = 6 };

static const double filter_4_3[6][3] = {{1 / 4., 0, 0},
                                        {-1 / 6., -1 / 6., -1 / 6.},
                                        {-1 / 6., 1 / 6., -1 / 6.},
                                        {1 / 24., 1 / 12., 1 / 6.},
                                        {1 / 24., -1 / 12., 1 / 6.},
                                        {0, 0, 1}};
static const double filter_4_2[5][3] = {
    {1 / 2., 0}, {-1 / 2., -1 / 2.}, {-1 / 6., 1 / 6.}, {1 / 6., 1 / 3.}, {0, 1}};
static const double filter_3_3[5][3] = {{1 / 2., 0, 0},
                                        {-1 / 2., -1 / 2., -1 / 2.},
                                        {-1 / 6., 1 / 6., -1 / 6.},
                                        {1 / 6., 1 / 3., 2 / 3.},
                                        {0, 0, 1}};
static const double filter_3_2[4][3] = {{1, 0}, {.5, .5}, {.5, -.5}, {0, 1}};
static const double filter_2_3[4][3] = {{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}};
static const double filter_2_2[3][3] = {{1, 0}, {1, 1}, {0, 1}};
static const double filter_1[1][3] = {{1}};

static const double (*filter_matrix(int outputs, int taps))[3]
{
    if (taps == 1)
        return filter_1;
    if (outputs == 4)
        return taps == 3 ? filter_4_3 : filter_4_2;
    if (outputs == 3)
        return taps == 3 ? filter_3_3 : filter_3_2;
    return taps == 3 ? filter_2_3 : filter_2_2;
}

void KERNEL_NAME(conv_transform_filter)(const double *filter, int outputs, int rows, int columns,
                                        double *to)
{
    const double(*gy)[3] = filter_matrix(outputs, rows), (*gx)[3] = filter_matrix(outputs, columns);
    int high = rows == 1 ? 1 : outputs + rows - 1, wide = columns == 1 ? 1 : outputs + columns - 1;
    double half[MAX_SIDE][3];
    for (int i = 0; i < high; i++)
        for (int x = 0; x < columns; x++) {
            half[i][x] = 0;
            for (int y = 0; y < rows; y++)
                half[i][x] += gy[i][y] * filter[y * columns + x];
        }
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++) {
            double sum = 0;
            for (int x = 0; x < columns; x++)
                sum += gx[j][x] * half[i][x];
            to[i * wide + j] = sum;
        }
}

/* Bᵀ d, in place. */
VEC_INLINE void input_line(vec *d, const int outputs, const int taps)
{
    vec d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3], d4 = d[4], d5 = d[5];
    vec two = vec_set1(2.0f), four = vec_set1(4.0f), five = vec_set1(5.0f);
    if (outputs == 4 && taps == 3) {
        vec even = vec_fnma(four, d2, d4), odd = vec_fnma(four, d1, d3);
        vec even2 = vec_sub(d4, d2), odd2 = vec_sub(d3, d1);
        d[0] = vec_fma(four, d0, vec_fnma(five, d2, d4));
        d[1] = vec_add(even, odd);
        d[2] = vec_sub(even, odd);
        d[3] = vec_fma(two, odd2, even2);
        d[4] = vec_fnma(two, odd2, even2);
        d[5] = vec_fma(four, d1, vec_fnma(five, d3, d5));
    } else if (outputs + taps == 6 && taps > 1) {
        vec odd = vec_sub(d3, d1), even = vec_sub(d4, d2);
        d[0] = vec_fma(two, vec_sub(d0, d2), odd);
        d[1] = vec_fnma(two, d1, vec_sub(d3, d2));
        d[2] = vec_fma(two, vec_sub(d1, d2), vec_sub(d3, d2));
        d[3] = odd;
        d[4] = vec_fnma(two, odd, even);
    } else if (outputs + taps == 5 && taps > 1) {
        d[0] = vec_sub(d0, d2);
        d[1] = vec_add(d1, d2);
        d[2] = vec_sub(d2, d1);
        d[3] = vec_sub(d1, d3);
    } else if (outputs == 2 && taps == 2) {
        d[0] = vec_sub(d0, d1);
        d[2] = vec_sub(d2, d1);
    }
}

/* Aᵀ m. */
VEC_INLINE void output_line(const vec *m, vec *y, const int outputs, const int taps)
{
    if (taps == 1) {
        VEC_UNROLL
        for (int i = 0; i < outputs; i++)
            y[i] = m[i];
    } else if (outputs == 4) {
        vec a = vec_add(m[1], m[2]), b = vec_sub(m[1], m[2]);
        vec c = taps == 3 ? vec_add(m[3], m[4]) : m[3];
        vec d = taps == 3 ? vec_sub(m[3], m[4]) : m[3];
        y[0] = vec_add(vec_add(m[0], a), c);
        y[1] = vec_fma(vec_set1(2.0f), d, b);
        y[2] = vec_fma(vec_set1(4.0f), c, a);
        y[3] = vec_add(vec_fma(vec_set1(8.0f), d, b), m[taps + 2]);
    } else if (outputs == 3 && taps == 3) {
        vec a = vec_add(m[1], m[2]), b = vec_sub(m[1], m[2]);
        y[0] = vec_add(vec_add(m[0], a), m[3]);
        y[1] = vec_fma(vec_set1(2.0f), m[3], b);
        y[2] = vec_add(vec_fma(vec_set1(4.0f), m[3], a), m[4]);
    } else if (outputs == 3) {
        vec a = vec_add(m[1], m[2]);
        y[0] = vec_add(m[0], a);
        y[1] = vec_sub(m[1], m[2]);
        y[2] = vec_sub(a, m[3]);
    } else if (taps == 3) {
        y[0] = vec_add(vec_add(m[0], m[1]), m[2]);
        y[1] = vec_sub(vec_sub(m[1], m[2]), m[3]);
    } else {
        y[0] = vec_add(m[0], m[1]);
        y[1] = vec_add(m[1], m[2]);
    }
}

VEC_INLINE void input_tile(const float *from, int64_t row_stride, int64_t column_stride, float *to,
                           int64_t stride, const int outputs, const int rows, const int columns)
{
    const int high = outputs + rows - 1, wide = outputs + columns - 1;
    vec d[MAX_SIDE][MAX_SIDE];
    VEC_UNROLL
    for (int y = 0; y < high; y++) {
        VEC_UNROLL
        for (int x = 0; x < wide; x++)
            d[y][x] = vec_load(from + y * row_stride + x * column_stride);
        input_line(d[y], outputs, columns);
    }
    VEC_UNROLL
    for (int x = 0; x < wide; x++) {
        vec column[MAX_SIDE];
        VEC_UNROLL
        for (int y = 0; y < high; y++)
            column[y] = d[y][x];
        input_line(column, outputs, rows);
        VEC_UNROLL
        for (int y = 0; y < high; y++)
            vec_store(to + (y * wide + x) * stride, column[y]);
    }
}

VEC_INLINE void output_tile(const float *from, int64_t stride, const float *add, int64_t add_stride,
                            float *sums, const int outputs, const int rows, const int columns)
{
    const int high = outputs + rows - 1, wide = outputs + columns - 1;
    vec half[4][MAX_SIDE];
    VEC_UNROLL
    for (int x = 0; x < wide; x++) {
        vec column[MAX_SIDE], y[4];
        VEC_UNROLL
        for (int i = 0; i < high; i++)
            column[i] = vec_load(from + (i * wide + x) * stride);
        output_line(column, y, outputs, rows);
        VEC_UNROLL
        for (int i = 0; i < outputs; i++)
            half[i][x] = y[i];
    }
    VEC_UNROLL
    for (int i = 0; i < outputs; i++) {
        vec y[4];
        output_line(half[i], y, outputs, columns);
        VEC_UNROLL
        for (int x = 0; x < outputs; x++) {
            vec_store(sums, vec_add(vec_load(add), y[x]));
            sums += VEC_LANES;
            add += add_stride;
        }
    }
}

#define TRANSFORMS(m, r, s)                                                                        \
    static void input_##m##r##s(const float *from, int64_t row_stride, int64_t column_stride,      \
                                float *to, int64_t stride)                                         \
    {                                                                                              \
        input_tile(from, row_stride, column_stride, to, stride, m, r, s);                          \
    }                                                                                              \
    static void output_##m##r##s(const float *from, int64_t stride, const float *add,              \
                                 int64_t add_stride, float *sums)                                  \
    {                                                                                              \
        output_tile(from, stride, add, add_stride, sums, m, r, s);                                 \
    }
/* clang-format off */
TRANSFORMS(2, 1, 1) TRANSFORMS(2, 1, 2) TRANSFORMS(2, 1, 3)
TRANSFORMS(2, 2, 1) TRANSFORMS(2, 2, 2) TRANSFORMS(2, 2, 3)
TRANSFORMS(2, 3, 1) TRANSFORMS(2, 3, 2) TRANSFORMS(2, 3, 3)
TRANSFORMS(3, 1, 1) TRANSFORMS(3, 1, 2) TRANSFORMS(3, 1, 3)
TRANSFORMS(3, 2, 1) TRANSFORMS(3, 2, 2) TRANSFORMS(3, 2, 3)
TRANSFORMS(3, 3, 1) TRANSFORMS(3, 3, 2) TRANSFORMS(3, 3, 3)
TRANSFORMS(4, 1, 1) TRANSFORMS(4, 1, 2) TRANSFORMS(4, 1, 3)
TRANSFORMS(4, 2, 1) TRANSFORMS(4, 2, 2) TRANSFORMS(4, 2, 3)
TRANSFORMS(4, 3, 1) TRANSFORMS(4, 3, 2) TRANSFORMS(4, 3, 3)
/* clang-format on */
#undef TRANSFORMS

/* clang-format off */
#define SET(kind, m)                                                                               \
    {{kind##_##m##11, kind##_##m##12, kind##_##m##13},                                             \
     {kind##_##m##21, kind##_##m##22, kind##_##m##23},                                             \
     {kind##_##m##31, kind##_##m##32, kind##_##m##33}}
static conv_transform_input_fn *const input_kernels[3][3][3] = {SET(input, 2), SET(input, 3),
                                                                SET(input, 4)};
static conv_transform_output_fn *const output_kernels[3][3][3] = {SET(output, 2), SET(output, 3),
                                                                  SET(output, 4)};
/* clang-format on */
#undef SET

conv_transform_input_fn *KERNEL_NAME(conv_transform_input)(int outputs, int rows, int columns)
{
    return input_kernels[outputs - 2][rows - 1][columns - 1];
}

conv_transform_output_fn *KERNEL_NAME(conv_transform_output)(int outputs, int rows, int columns)
{
    return output_kernels[outputs - 2][rows - 1][columns - 1];
}
