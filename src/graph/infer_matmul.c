/* Shapes and types of matrix products: MatMul and its integer forms, Gemm, Einsum. */
#include "graph/einsum.h"
#include "graph/infer.h"

/* Numpy's matmul: a vector is a row on the left and a column on the right. */
static int matmul_shape(struct tensor_shape *out, const struct tensor_shape *a,
                        const struct tensor_shape *b)
{
    *out = graph_shape_unknown(-1);
    if (a->rank < 0 || b->rank < 0)
        return 0;
    if (a->rank == 0 || b->rank == 0)
        return base_error(STANCE_ESHAPE, "a scalar is not a matrix");
    struct tensor_shape left = *a, right = *b;
    int64_t depth = a->dims[a->rank - 1];
    if (!graph_dim_merge(&depth, b->dims[b->rank > 1 ? b->rank - 2 : 0])) {
        char x[TENSOR_SHAPE_TEXT], y[TENSOR_SHAPE_TEXT];
        return base_error(STANCE_ESHAPE, "matrices of shapes %s and %s cannot be multiplied",
                          tensor_shape_text(a, x), tensor_shape_text(b, y));
    }
    left.rank = a->rank > 2 ? a->rank - 2 : 0;
    right.rank = b->rank > 2 ? b->rank - 2 : 0;
    BASE_TRY(tensor_shape_broadcast(out, &left, &right));
    if (a->rank > 1)
        BASE_TRY(graph_shape_push(out, a->dims[a->rank - 2]));
    if (b->rank > 1)
        BASE_TRY(graph_shape_push(out, b->dims[b->rank - 1]));
    return 0;
}

/* `transB` is ours: fusion gives it to a MatMul of transposed matrices. */
static int infer_matmul(struct graph_infer *infer)
{
    struct tensor_shape out, right = *graph_infer_shape(infer, 1);
    BASE_TRY(graph_infer_same_type(infer, 1, 0));
    if (graph_attr_int(infer->node, "transB", 0) && right.rank > 1) {
        int64_t rows = right.dims[right.rank - 2];
        right.dims[right.rank - 2] = right.dims[right.rank - 1];
        right.dims[right.rank - 1] = rows;
    }
    BASE_TRY(matmul_shape(&out, graph_infer_shape(infer, 0), &right));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_matmul_integer(struct graph_infer *infer)
{
    struct tensor_shape out;
    BASE_TRY(matmul_shape(&out, graph_infer_shape(infer, 0), graph_infer_shape(infer, 1)));
    return graph_infer_output(infer, 0, STANCE_INT32, &out);
}

static int infer_qlinear_matmul(struct graph_infer *infer)
{
    struct tensor_shape out;
    BASE_TRY(matmul_shape(&out, graph_infer_shape(infer, 0), graph_infer_shape(infer, 3)));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 7), &out);
}

static int infer_gemm(struct graph_infer *infer)
{
    const struct tensor_shape *a = graph_infer_shape(infer, 0), *b = graph_infer_shape(infer, 1);
    int ta = graph_attr_int(infer->node, "transA", 0) != 0;
    int tb = graph_attr_int(infer->node, "transB", 0) != 0;
    for (int i = 0; i < 2; i++)
        BASE_TRY(graph_infer_rank(infer, i, 2, 2));
    BASE_TRY(graph_infer_same_type(infer, 1, 0));
    int64_t depth = a->rank < 0 ? -1 : a->dims[1 - ta];
    int64_t other = b->rank < 0 ? -1 : b->dims[tb];
    if (!graph_dim_merge(&depth, other))
        return base_error(STANCE_ESHAPE, "depth %lld of A meets depth %lld of B", (long long)depth,
                          (long long)other);
    struct tensor_shape out = {.rank = 2};
    out.dims[0] = a->rank < 0 ? -1 : a->dims[ta];
    out.dims[1] = b->rank < 0 ? -1 : b->dims[1 - tb];
    const struct tensor_shape *c = graph_infer_shape(infer, 2);
    if (c->rank >= 0) {
        struct tensor_shape both;
        BASE_TRY(tensor_shape_broadcast(&both, &out, c));
        bool grows = both.rank > 2;
        for (int i = 0; i < 2 && !grows; i++)
            grows = out.dims[i] >= 0 && both.dims[i] >= 0 && both.dims[i] != out.dims[i];
        if (grows)
            return base_error(STANCE_ESHAPE, "C does not broadcast to the %lld×%lld product",
                              (long long)out.dims[0], (long long)out.dims[1]);
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_einsum(struct graph_infer *infer)
{
    struct tensor_shape shapes[GRAPH_EINSUM_INPUTS];
    struct graph_einsum einsum;
    for (int i = 0; i < infer->input_count && i < GRAPH_EINSUM_INPUTS; i++) {
        shapes[i] = *graph_infer_shape(infer, i);
        BASE_TRY(graph_infer_same_type(infer, i, 0));
    }
    const char *equation = graph_attr_string(infer->node, "equation", "");
    BASE_TRY(graph_einsum_read(&einsum, equation, shapes, infer->input_count));
    struct tensor_shape out = {.rank = einsum.out_rank};
    for (int i = 0; i < einsum.out_rank; i++)
        out.dims[i] = einsum.dims[einsum.out[i]];
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_det(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    BASE_TRY(graph_infer_rank(infer, 0, 2, STANCE_MAX_RANK));
    if (out.rank >= 2) {
        int64_t side = out.dims[out.rank - 1];
        if (!graph_dim_merge(&side, out.dims[out.rank - 2]))
            return base_error(STANCE_ESHAPE, "the matrix is not square");
        out.rank -= 2;
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

const struct graph_op graph_ops_matmul[] = {
    {"MatMul", 2, 2, 1, infer_matmul, false},
    {"Gemm", 2, 3, 1, infer_gemm, false},
    {"Einsum", 1, -1, 1, infer_einsum, false},
    {"MatMulInteger", 2, 4, 1, infer_matmul_integer, false},
    {"QLinearMatMul", 8, 8, 1, infer_qlinear_matmul, false},
    {"Det", 1, 1, 1, infer_det, false},
    {NULL, 0, 0, 0, NULL, false},
};
