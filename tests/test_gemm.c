/* The matrix product of every tier against sums in double. `--bench` prints speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/guarded.h"

struct problem {
    int rows, columns, depth;
    int a_pad, c_pad; /* floats between rows beyond the row */
    bool transposed;  /* columns of B lie in memory */
    int b_pad;
    bool bias;
    struct kernel_epilogue epilogue;
};

struct operands {
    struct guarded a, b, bias, residual, c, packed;
    int64_t b_row_stride, b_column_stride;
};

static size_t strided(int64_t rows, int64_t columns, int64_t stride)
{
    return rows > 0 && columns > 0 ? (size_t)((rows - 1) * stride + columns) : 0;
}

static struct operands operands_open(const struct kernel_table *k, const struct problem *p)
{
    struct operands o = {.b_row_stride = p->transposed ? 1 : p->columns + p->b_pad,
                         .b_column_stride = p->transposed ? p->depth + p->b_pad : 1};
    size_t output = strided(p->rows, p->columns, p->columns + p->c_pad);
    o.a = guarded_random(strided(p->rows, p->depth, p->depth + p->a_pad), 1);
    o.b = guarded_random(p->transposed ? strided(p->columns, p->depth, o.b_column_stride)
                                       : strided(p->depth, p->columns, o.b_row_stride),
                         2);
    o.bias = guarded_random((size_t)p->columns, 3);
    o.residual = guarded_random(output, 4);
    o.c = guarded_random(output, 5);
    o.packed = guarded_open(k->gemm_packed_bytes(p->depth, p->columns) / sizeof(float));
    return o;
}

static void operands_close(struct operands *o)
{
    guarded_close(&o->a);
    guarded_close(&o->b);
    guarded_close(&o->bias);
    guarded_close(&o->residual);
    guarded_close(&o->c);
    guarded_close(&o->packed);
}

static struct kernel_gemm gemm_of(const struct problem *p, const struct operands *o)
{
    return (struct kernel_gemm){
        .rows = p->rows,
        .columns = p->columns,
        .depth = p->depth,
        .a = o->a.data,
        .a_stride = p->depth + p->a_pad,
        .packed_b = o->packed.data,
        .bias = p->bias ? o->bias.data : NULL,
        .epilogue = p->epilogue,
        .residual = p->epilogue.residual ? o->residual.data : NULL,
        .c = o->c.data,
        .c_stride = p->columns + p->c_pad,
    };
}

static double expected(const struct problem *p, const struct operands *o, int row, int column)
{
    double sum = p->bias ? o->bias.data[column] : 0;
    for (int d = 0; d < p->depth; d++)
        sum += (double)o->a.data[(int64_t)row * (p->depth + p->a_pad) + d] *
               o->b.data[d * o->b_row_stride + column * o->b_column_stride];
    double residual = o->residual.data[(int64_t)row * (p->columns + p->c_pad) + column];
    if (p->epilogue.residual == KERNEL_RESIDUAL_BEFORE)
        sum += residual;
    if (p->epilogue.activation == KERNEL_RELU)
        sum = sum > 0 ? sum : 0;
    return p->epilogue.residual == KERNEL_RESIDUAL_AFTER ? sum + residual : sum;
}

static void check(const struct kernel_table *k, const struct problem *p)
{
    struct operands o = operands_open(k, p);
    struct guarded before = guarded_random(o.c.count, 5), split = guarded_random(o.c.count, 5);
    struct kernel_gemm gemm = gemm_of(p, &o);
    for (int part = 0; part < 3; part++)
        k->gemm_pack(o.b.data, o.b_row_stride, o.b_column_stride, p->depth, p->columns,
                     o.packed.data, part, 3);
    k->gemm_run(&gemm, 0, 1);
    for (int row = 0; row < p->rows; row++) {
        for (int column = 0; column < p->columns; column++)
            assert_near(o.c.data[row * gemm.c_stride + column], expected(p, &o, row, column),
                        1e-6 * (p->depth + 4));
        for (int gap = 0; gap < p->c_pad && p->columns > 0 && row + 1 < p->rows; gap++) {
            int64_t at = row * gemm.c_stride + p->columns + gap;
            assert_true(o.c.data[at] == before.data[at]);
        }
    }
    gemm.c = split.data;
    for (int part = 6; part >= 0; part--)
        k->gemm_run(&gemm, part, 7);
    assert_same_bits(&o.c, &split);
    guarded_close(&before);
    guarded_close(&split);
    operands_close(&o);
}

static void each_tier(const struct problem *p)
{
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        check(kernel_table((enum base_cpu_tier)tier), p);
}

static void test_gemm_odd_shapes(void **state)
{
    (void)state;
    static const int sizes[] = {0, 1, 2, 5, 7, 16, 17, 33, 66, 129};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    for (int r = 0; r < SIZES; r++) {
        for (int c = 0; c < SIZES; c++) {
            for (int d = 0; d < SIZES; d += 2) {
                struct problem p = {.rows = sizes[r],
                                    .columns = sizes[c],
                                    .depth = sizes[(d + r + c) % SIZES],
                                    .a_pad = d % 3,
                                    .c_pad = r % 2,
                                    .b_pad = c % 4,
                                    .bias = d % 4 == 0,
                                    .transposed = (r + c) % 2 == 0};
                each_tier(&p);
            }
        }
    }
}

static void test_gemm_epilogues(void **state)
{
    (void)state;
    for (int residual = KERNEL_NO_RESIDUAL; residual <= KERNEL_RESIDUAL_AFTER; residual++) {
        struct problem p = {.rows = 19, .columns = 77, .depth = 30, .c_pad = 3, .bias = true};
        p.epilogue.residual = (enum kernel_residual)residual;
        each_tier(&p);
        p.epilogue.activation = KERNEL_RELU;
        each_tier(&p);
    }
}

static void test_gemm_long_and_tall(void **state)
{
    (void)state;
    struct problem tall = {.rows = 1500, .columns = 40, .depth = 70, .bias = true};
    struct problem deep = {.rows = 3, .columns = 20, .depth = 5000};
    each_tier(&tall);
    each_tier(&deep);
}

static void test_gemm_row_alone_equals_row_among_many(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = kernel_table((enum base_cpu_tier)tier);
        struct problem p = {.rows = 23, .columns = 83, .depth = 51, .bias = true};
        struct operands o = operands_open(k, &p);
        struct guarded alone = guarded_open((size_t)p.columns);
        k->gemm_pack(o.b.data, o.b_row_stride, o.b_column_stride, p.depth, p.columns, o.packed.data,
                     0, 1);
        struct kernel_gemm gemm = gemm_of(&p, &o);
        k->gemm_run(&gemm, 0, 1);
        gemm.rows = 1;
        gemm.c = alone.data;
        for (int row = 0; row < p.rows; row++) {
            gemm.a = o.a.data + row * gemm.a_stride;
            k->gemm_run(&gemm, 0, 1);
            assert_memory_equal(alone.data, o.c.data + row * gemm.c_stride,
                                (size_t)p.columns * sizeof(float));
        }
        guarded_close(&alone);
        operands_close(&o);
    }
}

static void test_gemm_packs_any_strides(void **state)
{
    (void)state;
    enum { DEPTH = 21, COLUMNS = 37, STEP = 3 };
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = kernel_table((enum base_cpu_tier)tier);
        size_t bytes = k->gemm_packed_bytes(DEPTH, COLUMNS);
        struct guarded dense = guarded_random(DEPTH * COLUMNS, 8);
        struct guarded sparse = guarded_random((DEPTH * COLUMNS - 1) * STEP + 1, 9);
        struct guarded a = guarded_open(bytes / sizeof(float)), b = guarded_open(a.count);
        for (int i = 0; i < DEPTH * COLUMNS; i++)
            sparse.data[i * STEP] = dense.data[i];
        k->gemm_pack(dense.data, COLUMNS, 1, DEPTH, COLUMNS, a.data, 0, 1);
        k->gemm_pack(sparse.data, COLUMNS * STEP, STEP, DEPTH, COLUMNS, b.data, 0, 1);
        assert_same_bits(&a, &b);
        guarded_close(&dense);
        guarded_close(&sparse);
        guarded_close(&a);
        guarded_close(&b);
    }
}

struct bench {
    const struct kernel_table *k;
    struct kernel_gemm gemm;
    struct operands o;
    struct problem p;
};

static void bench_run(void *context)
{
    struct bench *b = context;
    b->k->gemm_run(&b->gemm, 0, 1);
}

static void bench_pack(void *context)
{
    struct bench *b = context;
    b->k->gemm_pack(b->o.b.data, b->o.b_row_stride, b->o.b_column_stride, b->p.depth, b->p.columns,
                    b->o.packed.data, 0, 1);
}

static void bench_problem(const struct kernel_table *k, int rows, int depth, int columns,
                          bool transposed)
{
    struct bench b = {.k = k,
                      .p = {.rows = rows,
                            .columns = columns,
                            .depth = depth,
                            .bias = true,
                            .transposed = transposed}};
    b.o = operands_open(k, &b.p);
    b.gemm = gemm_of(&b.p, &b.o);
    double pack = bench_seconds(bench_pack, &b), run = bench_seconds(bench_run, &b);
    printf("gemm %-6s %5d x %5d x %5d %s  run %8.1f us %7.1f GFLOP/s   pack %6.1f GB/s\n",
           base_cpu_name(k->tier), rows, depth, columns, transposed ? "B^T" : "B  ", run * 1e6,
           2e-9 * rows * depth * columns / run, 4e-9 * depth * columns / pack);
    operands_close(&b.o);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm_odd_shapes),
        cmocka_unit_test(test_gemm_epilogues),
        cmocka_unit_test(test_gemm_long_and_tall),
        cmocka_unit_test(test_gemm_row_alone_equals_row_among_many),
        cmocka_unit_test(test_gemm_packs_any_strides),
    };
    if (argc < 2 || strcmp(argv[1], "--bench") != 0)
        return cmocka_run_group_tests(tests, NULL, NULL);
    static const int shapes[][3] = {
        {1, 256, 512}, {1, 1024, 1024}, {17, 256, 512},   {17, 48, 256},    {17, 128, 17},
        {17, 17, 512}, {48, 512, 1024}, {136, 256, 1152}, {400, 256, 1024}, {6400, 64, 64}};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
            bench_problem(kernel_table((enum base_cpu_tier)tier), shapes[i][0], shapes[i][1],
                          shapes[i][2], i % 2 == 1);
    }
    return 0;
}
