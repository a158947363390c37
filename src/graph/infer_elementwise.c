/* Shapes and types of operators that work element by element: unary, binary with broadcasting,
 * casts, and those that keep the shape while looking along an axis (Softmax). */
#include <string.h>

#include "graph/infer.h"

static int infer_to_bool(struct graph_infer *infer)
{
    return graph_infer_output(infer, 0, STANCE_BOOL, graph_infer_shape(infer, 0));
}

static int infer_not(struct graph_infer *infer)
{
    BASE_TRY(graph_infer_expect(infer, 0, STANCE_BOOL));
    return infer_to_bool(infer);
}

/* Shape of inputs first … last broadcast together. */
static int broadcast(struct tensor_shape *out, const struct graph_infer *infer, int first, int last)
{
    *out = *graph_infer_shape(infer, first);
    for (int i = first + 1; i <= last; i++)
        BASE_TRY(tensor_shape_broadcast(out, out, graph_infer_shape(infer, i)));
    return 0;
}

static int infer_broadcast(struct graph_infer *infer)
{
    struct tensor_shape shape;
    int first = 0;
    for (int i = 0; i < infer->input_count; i++) {
        if (graph_infer_dtype(infer, first) == STANCE_DTYPE_NONE)
            first = i;
        BASE_TRY(graph_infer_same_type(infer, i, first));
    }
    BASE_TRY(broadcast(&shape, infer, 0, infer->input_count - 1));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, first), &shape);
}

static int infer_arithmetic(struct graph_infer *infer)
{
    struct tensor_shape shape;
    BASE_TRY(graph_infer_same_type(infer, 1, 0));
    BASE_TRY(broadcast(&shape, infer, 0, 1));
    int dtype = graph_infer_dtype(infer, 0);
    if (dtype == STANCE_DTYPE_NONE)
        dtype = graph_infer_dtype(infer, 1);
    return graph_infer_output(infer, 0, dtype, &shape);
}

static int infer_pow(struct graph_infer *infer)
{
    struct tensor_shape shape;
    BASE_TRY(broadcast(&shape, infer, 0, 1));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &shape);
}

static int infer_bit_shift(struct graph_infer *infer)
{
    const char *direction = graph_attr_string(infer->node, "direction", "");
    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        return base_error(STANCE_EARGUMENT, "direction '%s' is neither LEFT nor RIGHT", direction);
    return infer_arithmetic(infer);
}

static int infer_compare(struct graph_infer *infer)
{
    struct tensor_shape shape;
    BASE_TRY(graph_infer_same_type(infer, 1, 0));
    BASE_TRY(broadcast(&shape, infer, 0, 1));
    return graph_infer_output(infer, 0, STANCE_BOOL, &shape);
}

static int infer_logic(struct graph_infer *infer)
{
    BASE_TRY(graph_infer_expect(infer, 0, STANCE_BOOL));
    return infer_compare(infer);
}

static int infer_where(struct graph_infer *infer)
{
    struct tensor_shape shape;
    BASE_TRY(graph_infer_expect(infer, 0, STANCE_BOOL));
    BASE_TRY(graph_infer_same_type(infer, 2, 1));
    BASE_TRY(broadcast(&shape, infer, 0, 2));
    int dtype = graph_infer_dtype(infer, 1);
    if (dtype == STANCE_DTYPE_NONE)
        dtype = graph_infer_dtype(infer, 2);
    return graph_infer_output(infer, 0, dtype, &shape);
}

static int infer_prelu(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct tensor_shape *slope = graph_infer_shape(infer, 1);
    struct tensor_shape both;
    BASE_TRY(graph_infer_same_type(infer, 1, 0));
    BASE_TRY(tensor_shape_broadcast(&both, x, slope));
    bool grows = both.rank > x->rank && x->rank >= 0 && slope->rank >= 0;
    for (int i = 0; i < both.rank && !grows; i++)
        grows = x->dims[i] >= 0 && both.dims[i] >= 0 && both.dims[i] != x->dims[i];
    if (grows) {
        char a[TENSOR_SHAPE_TEXT], b[TENSOR_SHAPE_TEXT];
        return base_error(STANCE_ESHAPE, "the slope (%s) does not broadcast to the data (%s)",
                          tensor_shape_text(slope, a), tensor_shape_text(x, b));
    }
    return graph_infer_same(infer);
}

static int infer_clip(struct graph_infer *infer)
{
    for (int i = 1; i < 3; i++) {
        const struct tensor_shape *bound = graph_infer_shape(infer, i);
        BASE_TRY(graph_infer_same_type(infer, i, 0));
        if (tensor_shape_known(bound) && graph_shape_product(bound, 0, bound->rank) != 1)
            return base_error(STANCE_ESHAPE, "input %d must be a single number", i);
    }
    return graph_infer_same(infer);
}

static int infer_cast(struct graph_infer *infer)
{
    int64_t to = graph_attr_int(infer->node, "to", 0);
    if (to < 0 || to > 1000 || stance_dtype_size((int)to) == 0)
        return base_error(STANCE_EUNSUPPORTED, "cannot cast to element type %lld", (long long)to);
    return graph_infer_output(infer, 0, (int)to, graph_infer_shape(infer, 0));
}

static int infer_cast_like(struct graph_infer *infer)
{
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 1), graph_infer_shape(infer, 0));
}

static int infer_dropout(struct graph_infer *infer)
{
    const struct stance_tensor *training = graph_infer_value(infer, 2);
    if (training && stance_tensor_count(training) == 1 && tensor_int(training, 0) != 0)
        return base_error(STANCE_EUNSUPPORTED,
                          "training_mode is true: export the model in evaluation mode");
    int mask = infer->opset < 10 ? graph_infer_dtype(infer, 0) : STANCE_BOOL;
    BASE_TRY(graph_infer_output(infer, 1, mask, graph_infer_shape(infer, 0)));
    return graph_infer_same(infer);
}

/* Softmax and its kin: the axis must exist. Before opset 13 the default was 1, and the data was
 * seen as a matrix cut at the axis, which may therefore also be the rank itself. */
static int infer_along_axis(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    int64_t axis = graph_attr_int(infer->node, "axis", infer->opset < 13 ? 1 : -1);
    int index;
    bool at_end = infer->opset < 13 && axis == x->rank;
    if (x->rank > 0 && !at_end)
        BASE_TRY(graph_infer_axis(&index, axis, x->rank));
    return graph_infer_same(infer);
}

static int infer_cumsum(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct graph_ints axis;
    BASE_TRY(graph_infer_ints(&axis, infer, NULL, 1));
    if (axis.known && axis.count != 1)
        return base_error(STANCE_ESHAPE, "the axis must be a single number");
    if (axis.known && x->rank >= 0)
        BASE_TRY(graph_infer_axes(&axis, x->rank));
    return graph_infer_same(infer);
}

static int infer_trilu(struct graph_infer *infer)
{
    BASE_TRY(graph_infer_rank(infer, 0, 2, STANCE_MAX_RANK));
    return graph_infer_same(infer);
}

static int infer_reverse_sequence(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct tensor_shape *lengths = graph_infer_shape(infer, 1);
    int64_t batch = graph_attr_int(infer->node, "batch_axis", 1);
    int64_t time = graph_attr_int(infer->node, "time_axis", 0);
    BASE_TRY(graph_infer_rank(infer, 0, 2, STANCE_MAX_RANK));
    BASE_TRY(graph_infer_rank(infer, 1, 1, 1));
    if (batch < 0 || batch > 1 || time != 1 - batch)
        return base_error(STANCE_EARGUMENT, "batch_axis and time_axis must be 0 and 1 or 1 and 0");
    int64_t dim = x->rank < 0 ? -1 : x->dims[batch];
    if (lengths->rank == 1 && !graph_dim_merge(&dim, lengths->dims[0]))
        return base_error(STANCE_ESHAPE, "%lld sequence lengths for a batch of %lld",
                          (long long)lengths->dims[0], (long long)dim);
    return graph_infer_same(infer);
}

#define UNARY(type)                                                                                \
    {                                                                                              \
        type, 1, 1, 1, graph_infer_same, false                                                     \
    }
#define BINARY(type, infer)                                                                        \
    {                                                                                              \
        type, 2, 2, 1, infer, false                                                                \
    }
#define VARIADIC(type)                                                                             \
    {                                                                                              \
        type, 1, -1, 1, infer_broadcast, false                                                     \
    }
#define ALONG_AXIS(type)                                                                           \
    {                                                                                              \
        type, 1, 1, 1, infer_along_axis, false                                                     \
    }

const struct graph_op graph_ops_elementwise[] = {
    BINARY("Add", infer_arithmetic),
    BINARY("Mul", infer_arithmetic),
    BINARY("Sub", infer_arithmetic),
    BINARY("Div", infer_arithmetic),
    UNARY("Relu"),
    UNARY("Sigmoid"),
    {"Clip", 1, 3, 1, infer_clip, false},
    {"Cast", 1, 1, 1, infer_cast, false},
    {"CastLike", 2, 2, 1, infer_cast_like, false},
    UNARY("Abs"),
    UNARY("Acos"),
    UNARY("Acosh"),
    UNARY("Asin"),
    UNARY("Asinh"),
    UNARY("Atan"),
    UNARY("Atanh"),
    UNARY("BitwiseNot"),
    UNARY("Ceil"),
    UNARY("Celu"),
    UNARY("Cos"),
    UNARY("Cosh"),
    UNARY("Elu"),
    UNARY("Erf"),
    UNARY("Exp"),
    UNARY("Floor"),
    UNARY("Gelu"),
    UNARY("HardSigmoid"),
    UNARY("HardSwish"),
    UNARY("Identity"),
    UNARY("LeakyRelu"),
    UNARY("Log"),
    UNARY("Mish"),
    UNARY("Neg"),
    UNARY("Reciprocal"),
    UNARY("Round"),
    UNARY("Selu"),
    UNARY("Shrink"),
    UNARY("Sign"),
    UNARY("Sin"),
    UNARY("Sinh"),
    UNARY("Softplus"),
    UNARY("Softsign"),
    UNARY("Sqrt"),
    UNARY("Tan"),
    UNARY("Tanh"),
    UNARY("ThresholdedRelu"),
    ALONG_AXIS("Hardmax"),
    ALONG_AXIS("LogSoftmax"),
    ALONG_AXIS("Softmax"),
    {"CumSum", 2, 2, 1, infer_cumsum, false},
    {"Trilu", 1, 2, 1, infer_trilu, false},
    {"ReverseSequence", 2, 2, 1, infer_reverse_sequence, false},
    {"IsInf", 1, 1, 1, infer_to_bool, false},
    {"IsNaN", 1, 1, 1, infer_to_bool, false},
    {"Not", 1, 1, 1, infer_not, false},
    BINARY("And", infer_logic),
    BINARY("Or", infer_logic),
    BINARY("Xor", infer_logic),
    BINARY("Equal", infer_compare),
    BINARY("Greater", infer_compare),
    BINARY("GreaterOrEqual", infer_compare),
    BINARY("Less", infer_compare),
    BINARY("LessOrEqual", infer_compare),
    BINARY("Pow", infer_pow),
    BINARY("Mod", infer_arithmetic),
    BINARY("BitShift", infer_bit_shift),
    BINARY("BitwiseAnd", infer_arithmetic),
    BINARY("BitwiseOr", infer_arithmetic),
    BINARY("BitwiseXor", infer_arithmetic),
    BINARY("PRelu", infer_prelu),
    VARIADIC("Max"),
    VARIADIC("Mean"),
    VARIADIC("Min"),
    VARIADIC("Sum"),
    {"Where", 3, 3, 1, infer_where, false},
    {"Dropout", 1, 3, 2, infer_dropout, false},
    {NULL, 0, 0, 0, NULL, false},
};
