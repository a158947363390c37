/* Steps for matrix products: Gemm, and MatMul with a constant right side (packed once) or a
 * computed one (packed at every run into memory of the plan). */
#include <string.h>

#include "engine/epilogue.h"
#include "engine/plan.h"

struct matmul {
    struct kernel_gemm gemm; /* sizes and epilogue; pointers are set at every run */
    int64_t matrices;        /* products one after another; 1 when B is constant */
    int64_t a_step, b_step;  /* floats from one matrix to the next; 0: the same for all */
    int64_t b_row, b_column; /* strides of B's elements */
    size_t packed_bytes;     /* of one B */
    int bias;                /* value, or -1 */
    int parts;
};

struct matmul_run {
    const struct kernel_table *kernels;
    const struct matmul *matmul;
    struct kernel_gemm gemm;
    const float *b;
    void *packed;
};

static void share_pack(void *context, int part, int parts, int worker)
{
    struct matmul_run *run = context;
    const struct matmul *m = run->matmul;
    run->kernels->gemm_pack(run->b, m->b_row, m->b_column, m->gemm.depth, m->gemm.columns,
                            run->packed, part, parts);
}

static void share_run(void *context, int part, int parts, int worker)
{
    struct matmul_run *run = context;
    run->kernels->gemm_run(&run->gemm, part, parts);
}

static int run_matmul(struct engine_step *step, struct engine_plan *plan)
{
    const struct matmul *m = step->data;
    const struct graph_node *node = step->node;
    int residual = node->epilogue.residual;
    struct matmul_run run = {.kernels = plan->kernels, .matmul = m, .gemm = m->gemm};
    const float *a = engine_data(plan, node->inputs[0]);
    const float *b = step->packed ? NULL : engine_data(plan, node->inputs[1]);
    float *c = engine_data(plan, node->outputs[0]);
    const float *r = residual < 0 ? NULL : engine_data(plan, residual);
    int64_t c_step = (int64_t)m->gemm.rows * m->gemm.columns;
    run.packed = step->packed ? step->packed->data : step->temp;
    run.gemm.packed_b = run.packed;
    run.gemm.bias = m->bias < 0 ? NULL : engine_data(plan, m->bias);
    for (int64_t i = 0; i < m->matrices; i++) {
        if (b && (i == 0 || m->b_step)) {
            run.b = b + i * m->b_step;
            base_pool_share(plan->pool, share_pack, &run,
                            engine_parts((int64_t)m->gemm.depth * m->gemm.columns, 8192));
        }
        run.gemm.a = a + i * m->a_step;
        run.gemm.c = c + i * c_step;
        run.gemm.residual = r ? r + i * c_step : NULL;
        base_pool_share(plan->pool, share_run, &run, m->parts);
    }
    return 0;
}

static void pack(const struct engine_packing *packing, void *data)
{
    const struct matmul *m = packing->context;
    packing->kernels->gemm_pack(packing->weights->view.data, m->b_row, m->b_column, m->gemm.depth,
                                m->gemm.columns, data, 0, 1);
}

static bool is_float(const struct graph_value *value)
{
    return value && value->dtype == STANCE_FLOAT32 && tensor_shape_known(&value->shape);
}

static int64_t count_of(const struct tensor_shape *shape, int first, int end)
{
    int64_t count = 1;
    for (int i = first; i < end; i++)
        count *= shape->dims[i];
    return count;
}

/* A[…, rows, depth] × B[depth, columns] or B[…same…, depth, columns]; B's last two axes may be
 * the other way round. */
static bool matmul_shape(struct matmul *m, const struct graph_node *node,
                         const struct graph_value *a, const struct graph_value *b)
{
    bool transposed = graph_attr_int(node, "transB", 0) != 0;
    int ra = a->shape.rank, rb = b->shape.rank;
    if (ra < 2 || rb < 2)
        return false;
    int64_t outer_a = count_of(&a->shape, 0, ra - 2), outer_b = count_of(&b->shape, 0, rb - 2);
    int64_t rows = a->shape.dims[ra - 2];
    m->matrices = outer_a;
    m->a_step = rows * a->shape.dims[ra - 1];
    if (outer_b == 1 && ra >= rb) {
        rows *= outer_a;
        m->matrices = 1;
    } else if (outer_a == outer_b && ra == rb) {
        for (int i = 0; i < ra - 2; i++)
            if (a->shape.dims[i] != b->shape.dims[i])
                return false;
        m->b_step = b->shape.dims[rb - 2] * b->shape.dims[rb - 1];
    } else {
        return false;
    }
    m->gemm.rows = (int)rows;
    m->gemm.depth = (int)a->shape.dims[ra - 1];
    m->gemm.columns = (int)b->shape.dims[transposed ? rb - 2 : rb - 1];
    m->gemm.a_stride = m->gemm.depth;
    m->b_row = transposed ? 1 : m->gemm.columns;
    m->b_column = transposed ? m->gemm.depth : 1;
    return true;
}

static bool gemm_shape(struct matmul *m, const struct graph_node *node, const struct graph_value *a,
                       const struct graph_value *b)
{
    if (a->shape.rank != 2 || b->shape.rank != 2 || graph_attr_int(node, "transA", 0) ||
        graph_attr_float(node, "alpha", 1) != 1.0f || graph_attr_float(node, "beta", 1) != 1.0f)
        return false;
    bool transposed = graph_attr_int(node, "transB", 0) != 0;
    m->matrices = 1;
    m->gemm.rows = (int)a->shape.dims[0];
    m->gemm.depth = (int)a->shape.dims[1];
    m->gemm.columns = (int)b->shape.dims[transposed ? 0 : 1];
    m->gemm.a_stride = m->gemm.depth;
    m->b_row = transposed ? 1 : m->gemm.columns;
    m->b_column = transposed ? m->gemm.depth : 1;
    return true;
}

/* The bias is per column: [columns], or [1, columns]. */
static bool bias_fits(const struct graph_value *bias, int columns)
{
    int rank = bias->shape.rank;
    return is_float(bias) && rank >= 1 && bias->shape.dims[rank - 1] == columns &&
           count_of(&bias->shape, 0, rank) == columns;
}

static int pack_constant(struct engine_plan *plan, struct engine_step *step, struct matmul *m,
                         struct tensor *weights)
{
    int64_t key[4] = {m->b_row, m->b_column, m->gemm.depth, m->gemm.columns};
    struct engine_packing packing = {.kernels = plan->kernels,
                                     .weights = weights,
                                     .key = key,
                                     .key_size = sizeof key,
                                     .bytes = m->packed_bytes,
                                     .pack = pack,
                                     .context = m};
    return engine_pack(&step->packed, plan->model, &packing);
}

int engine_make_matmul(struct engine_plan *plan, struct engine_step *step)
{
    const struct graph_node *node = step->node;
    bool is_gemm = strcmp(node->type, "Gemm") == 0;
    if (!is_gemm && strcmp(node->type, "MatMul") != 0)
        return 0;
    const struct graph_value *a = engine_input(plan, step, 0), *b = engine_input(plan, step, 1);
    struct matmul shape = {.bias = -1};
    if (!is_float(a) || !is_float(b) ||
        !(is_gemm ? gemm_shape(&shape, node, a, b) : matmul_shape(&shape, node, a, b)))
        return 0;
    int residual = node->epilogue.residual;
    if (node->input_count > 2 && node->inputs[2] >= 0 && node->inputs[2] != residual) {
        if (!bias_fits(&plan->graph->values[node->inputs[2]], shape.gemm.columns))
            return 0;
        shape.bias = node->inputs[2];
    }
    if (stance_tensor_count(&plan->views[node->outputs[0]]) == 0 || shape.gemm.depth == 0)
        return 0;
    struct matmul *m = base_arena_alloc(plan->arena, 1, sizeof *m);
    if (!m)
        return STANCE_ENOMEMORY;
    *m = shape;
    m->gemm.c_stride = m->gemm.columns;
    m->gemm.epilogue = engine_epilogue(node);
    m->packed_bytes = plan->kernels->gemm_packed_bytes(m->gemm.depth, m->gemm.columns);
    step->multiply_adds = m->matrices * m->gemm.rows * m->gemm.depth * m->gemm.columns;
    m->parts = engine_parts(step->multiply_adds / m->matrices, 50000);
    if (b->constant && m->matrices == 1)
        BASE_TRY(pack_constant(plan, step, m, b->constant));
    else
        step->temp_bytes = m->packed_bytes;
    step->run = run_matmul;
    step->data = m;
    return 1;
}
