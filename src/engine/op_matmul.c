/* MatMul and Gemm on any number type.
 *
 * float32 matrices go through the kernel table's packed product; the rest, and products too small
 * to be worth packing, through one plain loop. Which of the two depends on the right-hand matrix
 * alone, so a row's result does not depend on how many rows there are. */
#include <string.h>

#include "engine/op_broadcast.h"
#include "engine/op_chunk.h"
#include "engine/op_memory.h"

/* Right-hand matrices with fewer elements are not packed. */
enum { SMALL_MATRIX = 512, MANY_MULTIPLIES = 1 << 18 };

struct matrix {
    const void *data; /* of the product's domain */
    int64_t row_stride, column_stride;
};

struct product {
    struct engine_call *call;
    enum engine_domain domain;
    int64_t rows, columns, depth, batches;
    struct matrix a, b;
    struct engine_broadcast plan; /* which matrices of a and b belong to a batch */
    float alpha, beta;
    const struct stance_tensor *addend; /* Gemm's C, MatMul's bias, or NULL */
    struct engine_broadcast addend_plan;
    void *packed; /* of all workers, or shared */
    size_t packed_bytes;
    int64_t batch;    /* the one that all workers are at */
    uint64_t *buffer; /* one row of results per worker, plain loop */
};

static size_t domain_size(enum engine_domain domain)
{
    return domain == ENGINE_FLOAT ? sizeof(float) : sizeof(double);
}

static const void *matrix_at(const struct product *product, const struct matrix *matrix,
                             int64_t index, int64_t elements)
{
    return (const char *)matrix->data + (size_t)(index * elements) * domain_size(product->domain);
}

static const void *left_matrix(const struct product *product, const int64_t *offsets)
{
    return matrix_at(product, &product->a, offsets[0], product->rows * product->depth);
}

static const void *right_matrix(const struct product *product, const int64_t *offsets)
{
    return matrix_at(product, &product->b, offsets[1], product->depth * product->columns);
}

/* ---- Plain loop ------------------------------------------------------------------------------ */

#define ROW_LOOP(type)                                                                             \
    do {                                                                                           \
        const type *x = a, *y = b;                                                                 \
        type *sum = out;                                                                           \
        for (int64_t j = 0; j < product->columns; j++)                                             \
            sum[j] = 0;                                                                            \
        for (int64_t k = 0; k < product->depth; k++) {                                             \
            const type factor = x[k * product->a.column_stride];                                   \
            const type *row = y + k * product->b.row_stride;                                       \
            for (int64_t j = 0; j < product->columns; j++)                                         \
                sum[j] += factor * row[j * product->b.column_stride];                              \
        }                                                                                          \
    } while (0)

static void row_product(const struct product *product, const void *a, const void *b, void *out)
{
    if (product->domain == ENGINE_FLOAT)
        ROW_LOOP(float);
    else if (product->domain == ENGINE_DOUBLE)
        ROW_LOOP(double);
    else
        ROW_LOOP(uint64_t);
}

/* out = alpha out + beta C, one row. */
static void finish_row(const struct product *product, int64_t row, void *out)
{
    int64_t offsets[ENGINE_OPERANDS];
    float *f = out;
    double *d = out;
    int64_t *n = out;
    union engine_chunk c;
    const struct engine_broadcast *plan = &product->addend_plan;
    enum engine_domain domain = product->domain;
    int64_t last = product->columns;
    for (int64_t at = 0, count; at < last; at += count) {
        count = last - at < ENGINE_CHUNK ? last - at : ENGINE_CHUNK;
        memset(&c, 0, sizeof c);
        if (product->addend) {
            int64_t run = engine_broadcast_at(plan, row * last + at, offsets);
            count = run < count ? run : count;
            engine_load(&c, domain, product->addend, offsets[0], plan->strides[0][plan->rank - 1],
                        count);
        }
        for (int64_t i = 0; i < count; i++) {
            if (domain == ENGINE_FLOAT)
                f[at + i] = product->alpha * f[at + i] + product->beta * c.f[i];
            else if (domain == ENGINE_DOUBLE)
                d[at + i] = (double)product->alpha * d[at + i] + (double)product->beta * c.d[i];
            else
                n[at + i] = (int64_t)((uint64_t)product->alpha * (uint64_t)n[at + i] +
                                      (uint64_t)product->beta * c.u[i]);
        }
    }
}

/* One number per column, which packed products add themselves; or NULL. */
static const float *bias_of(const struct product *product)
{
    const struct stance_tensor *c = product->addend;
    bool row = c && c->dtype == STANCE_FLOAT32 && product->alpha == 1 && product->beta == 1 &&
               c->rank > 0 && c->dims[c->rank - 1] == product->columns &&
               stance_tensor_count(c) == product->columns;
    return row ? c->data : NULL;
}

static bool needs_finish(const struct product *product)
{
    return product->addend || product->alpha != 1;
}

static void run_plain_share(void *context, int part, int parts, int worker)
{
    const struct product *product = context;
    int64_t at, end, offsets[ENGINE_OPERANDS];
    void *out = product->buffer + (int64_t)worker * product->columns;
    kernel_share(product->batches * product->rows, part, parts, &at, &end);
    for (; at < end; at++) {
        int64_t row = at % product->rows;
        engine_broadcast_at(&product->plan, at / product->rows, offsets);
        const char *a = left_matrix(product, offsets);
        a += (size_t)(row * product->a.row_stride) * domain_size(product->domain);
        row_product(product, a, right_matrix(product, offsets), out);
        if (needs_finish(product))
            finish_row(product, row, out);
        engine_store(out, product->domain, &product->call->out[0], at * product->columns,
                     product->columns);
    }
}

static int run_plain(struct product *product)
{
    struct engine_call *call = product->call;
    size_t workers = (size_t)base_pool_threads(call->pool);
    product->buffer = engine_call_scratch(call, workers * (size_t)product->columns * 8);
    if (!product->buffer)
        return engine_memory_code(call->memory);
    int64_t work = product->batches * product->rows * product->columns * (product->depth + 1);
    base_pool_run(call->pool, run_plain_share, product, engine_call_parts(work));
    return 0;
}

/* ---- Packed product -------------------------------------------------------------------------- */

static void pack(const struct product *product, int64_t batch, void *packed, int part, int parts)
{
    int64_t offsets[ENGINE_OPERANDS];
    engine_broadcast_at(&product->plan, batch, offsets);
    product->call->kernels->gemm_pack(right_matrix(product, offsets), product->b.row_stride,
                                      product->b.column_stride, (int)product->depth,
                                      (int)product->columns, packed, part, parts);
}

static void multiply(const struct product *product, int64_t batch, const void *packed, int part,
                     int parts)
{
    int64_t offsets[ENGINE_OPERANDS];
    engine_broadcast_at(&product->plan, batch, offsets);
    float *out = product->call->out[0].data;
    struct kernel_gemm gemm = {.rows = (int)product->rows,
                               .columns = (int)product->columns,
                               .depth = (int)product->depth,
                               .a = left_matrix(product, offsets),
                               .a_stride = product->a.row_stride,
                               .packed_b = packed,
                               .bias = bias_of(product),
                               .c = out + batch * product->rows * product->columns,
                               .c_stride = product->columns};
    product->call->kernels->gemm_run(&gemm, part, parts);
}

static void pack_share(void *context, int part, int parts, int worker)
{
    const struct product *product = context;
    pack(product, product->batch, product->packed, part, parts);
}

static void multiply_share(void *context, int part, int parts, int worker)
{
    const struct product *product = context;
    multiply(product, product->batch, product->packed, part, parts);
}

static void batch_share(void *context, int part, int parts, int worker)
{
    const struct product *product = context;
    char *packed = (char *)product->packed + (size_t)worker * product->packed_bytes;
    pack(product, part, packed, 0, 1);
    multiply(product, part, packed, 0, 1);
}

static void finish_share(void *context, int part, int parts, int worker)
{
    const struct product *product = context;
    float *out = product->call->out[0].data;
    int64_t row, end;
    kernel_share(product->rows, part, parts, &row, &end);
    for (; row < end; row++)
        finish_row(product, row, out + row * product->columns);
}

/* Small batches are shares of their own; large ones are cut, one after the other. */
static int run_packed(struct product *product)
{
    struct engine_call *call = product->call;
    size_t bytes = call->kernels->gemm_packed_bytes((int)product->depth, (int)product->columns);
    int64_t multiplies = product->rows * product->columns * product->depth;
    bool cut = product->batches == 1 || multiplies >= MANY_MULTIPLIES;
    size_t copies = cut ? 1 : (size_t)base_pool_threads(call->pool);
    product->packed_bytes = (bytes + 63) / 64 * 64;
    product->packed = engine_call_scratch(call, copies * product->packed_bytes);
    if (!product->packed)
        return engine_memory_code(call->memory);
    if (!cut) {
        base_pool_run(call->pool, batch_share, product, (int)product->batches);
    } else {
        for (product->batch = 0; product->batch < product->batches; product->batch++) {
            base_pool_run(call->pool, pack_share, product,
                          engine_call_parts(product->depth * product->columns));
            base_pool_run(call->pool, multiply_share, product, engine_call_parts(multiplies));
        }
    }
    if (needs_finish(product) && !bias_of(product))
        base_pool_run(call->pool, finish_share, product,
                      engine_call_parts(product->rows * product->columns));
    return 0;
}

/* ---- Operators ------------------------------------------------------------------------------- */

/* The tensor's elements in the domain's type: itself, or converted into scratch. */
static int as_domain(const void **out, struct engine_call *call, const struct stance_tensor *in,
                     enum engine_domain domain)
{
    static const int native[ENGINE_DOMAINS] = {STANCE_FLOAT32, STANCE_FLOAT64, STANCE_INT64,
                                               STANCE_UINT64};
    *out = in->data;
    if (in->dtype == native[domain])
        return 0;
    int64_t count = stance_tensor_count(in);
    void *copy = engine_call_scratch(call, (size_t)count * domain_size(domain));
    if (!copy)
        return engine_memory_code(call->memory);
    if (count > 0)
        engine_load(copy, domain, in, 0, 1, count);
    *out = copy;
    return 0;
}

/* A[rows][depth] from its transpose. */
static int transpose_left(struct product *product)
{
    struct engine_call *call = product->call;
    size_t count = (size_t)(product->rows * product->depth);
    char *copy = engine_call_scratch(call, count * domain_size(product->domain));
    if (!copy)
        return engine_memory_code(call->memory);
    size_t row_bytes = (size_t)product->depth * domain_size(product->domain);
    for (int64_t row = 0; row < product->rows && product->depth > 0; row++)
        engine_load(copy + (size_t)row * row_bytes, product->domain, &call->in[0], row,
                    product->rows, product->depth);
    product->a.data = copy;
    return 0;
}

static int run_product(struct product *product, bool transposed)
{
    struct engine_call *call = product->call;
    if (transposed)
        BASE_TRY(transpose_left(product));
    else
        BASE_TRY(as_domain(&product->a.data, call, &call->in[0], product->domain));
    BASE_TRY(as_domain(&product->b.data, call, &call->in[1], product->domain));
    if (product->batches * product->rows * product->columns == 0)
        return 0;
    bool packed =
        call->in[0].dtype == STANCE_FLOAT32 && product->depth * product->columns >= SMALL_MATRIX;
    return packed ? run_packed(product) : run_plain(product);
}

/* The dims in front of a matrix, as a tensor whose elements are matrices. */
static struct stance_tensor batch_dims(const struct stance_tensor *in, int matrix_rank)
{
    struct stance_tensor batch = *in;
    batch.rank = in->rank > matrix_rank ? in->rank - matrix_rank : 0;
    return batch;
}

static int run_matmul(struct engine_call *call)
{
    const struct stance_tensor *a = &call->in[0], *b = &call->in[1];
    struct product product = {.call = call, .domain = engine_domain_of(a->dtype), .alpha = 1};
    product.depth = a->dims[a->rank - 1];
    product.rows = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    bool transposed = graph_attr_int(call->node, "transB", 0) && b->rank > 1;
    product.columns = b->rank > 1 ? b->dims[b->rank - 1 - transposed] : 1;
    product.a = (struct matrix){NULL, product.depth, 1};
    product.b = transposed ? (struct matrix){NULL, 1, product.depth}
                           : (struct matrix){NULL, product.columns, 1};
    struct stance_tensor left = batch_dims(a, 2), right = batch_dims(b, 2);
    struct stance_tensor out = batch_dims(&call->out[0], (a->rank > 1) + (b->rank > 1));
    const struct stance_tensor *in[2] = {&left, &right};
    BASE_TRY(engine_broadcast_plan(&product.plan, &out, in, 2));
    product.batches = product.plan.count;
    bool shared = stance_tensor_count(&right) == 1 && stance_tensor_count(&left) == product.batches;
    if (shared && product.batches > 1) {
        product.rows *= product.batches;
        product.batches = 1;
    }
    if (call->input_count > 2 && call->in[2].dtype != STANCE_DTYPE_NONE) {
        struct stance_tensor matrix = {.rank = 2, .dims = {product.rows, product.columns}};
        product.addend = &call->in[2];
        product.beta = 1;
        BASE_TRY(engine_broadcast_plan(&product.addend_plan, &matrix, &product.addend, 1));
    }
    return run_product(&product, false);
}

static int run_gemm(struct engine_call *call)
{
    const struct stance_tensor *a = &call->in[0], *b = &call->in[1], *out = &call->out[0];
    bool ta = graph_attr_int(call->node, "transA", 0) != 0;
    bool tb = graph_attr_int(call->node, "transB", 0) != 0;
    struct product product = {.call = call, .domain = engine_domain_of(a->dtype), .batches = 1};
    product.rows = out->dims[0];
    product.columns = out->dims[1];
    product.depth = a->dims[ta ? 0 : 1];
    product.alpha = graph_attr_float(call->node, "alpha", 1);
    product.beta = graph_attr_float(call->node, "beta", 1);
    product.plan = (struct engine_broadcast){.rank = 1, .operands = 2, .count = 1, .dims = {1}};
    if (call->input_count > 2 && call->in[2].dtype != STANCE_DTYPE_NONE) {
        product.addend = &call->in[2];
        BASE_TRY(engine_broadcast_plan(&product.addend_plan, out, &product.addend, 1));
    }
    product.b = tb ? (struct matrix){NULL, 1, b->dims[1]} : (struct matrix){NULL, b->dims[1], 1};
    product.a = (struct matrix){NULL, product.depth, 1};
    if (product.domain >= ENGINE_INT && (product.alpha != 1 || product.beta != 1))
        return base_error(STANCE_EUNSUPPORTED, "alpha %g and beta %g with integers",
                          (double)product.alpha, (double)product.beta);
    return run_product(&product, ta);
}

const struct engine_op engine_ops_matmul[] = {
    {"Gemm", run_gemm},
    {"MatMul", run_matmul},
    {NULL, NULL},
};
