/* Type and shape inference of operators that compute: one line per behaviour (see
 * support/infer_rows.h for how they are written). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/infer_rows.h"

static void test_elementwise_keeps_the_shape(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Relu", 13, "f1x3x8x8", "", "f1x3x8x8"},
        {"Erf", 13, "h2x?", "", "h2x?"},
        {"Identity", 13, ".*", "", ".*"},
        {"Softmax", 13, "f2x3", "axis=-1", "f2x3"},
        {"Softmax", 13, "f2x3", "axis=2", "!EARGUMENT"},
        {"Softmax", 11, "f2x3", "axis=2", "f2x3"},
        {"IsNaN", 13, "f2x3", "", "b2x3"},
        {"Not", 13, "b2", "", "b2"},
        {"Not", 13, "f2", "", "!ETYPE"},
        {"Cast", 13, "f2x3", "to=7", "l2x3"},
        {"Cast", 13, "f2x3", "to=8", "!EUNSUPPORTED"},
        {"CastLike", 15, "f2x3 l1", "", "l2x3"},
        {"Clip", 6, "f2", "min=0.0 max=6.0", "f2"},
        {"Clip", 13, "f2 f f", "", "f2"},
        {"Clip", 13, "f2 - f(6)", "", "f2"},
        {"Clip", 13, "f2 f2", "", "!ESHAPE"},
        {"Dropout", 13, "f2x3", "", "f2x3 b2x3"},
        {"Dropout", 7, "f2x3", "ratio=0.5", "f2x3 f2x3"},
        {"Dropout", 13, "f2x3 f(0.5) b(0)", "", "f2x3"},
        {"Dropout", 13, "f2x3 f(0.5) b(1)", "", "!EUNSUPPORTED"},
        {"CumSum", 14, "f2x3 l(1)", "", "f2x3"},
        {"CumSum", 14, "f2x3 l(2)", "", "!EARGUMENT"},
        {"Trilu", 14, "f3", "", "!ESHAPE"},
        {"ReverseSequence", 10, "f4x2 l2", "", "f4x2"},
        {"ReverseSequence", 10, "f4x2 l3", "", "!ESHAPE"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_binary_operators_broadcast(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Add", 13, "f1x3x8x8 f3x1x1", "", "f1x3x8x8"},
        {"Add", 13, "f2x1 f1x3", "", "f2x3"},
        {"Add", 13, "f2x? f1x3", "", "f2x3"},
        {"Add", 13, "f?x3 f1x3", "", "f?x3"},
        {"Add", 13, "f* f1x3", "", "f*"},
        {"Add", 13, "f2x3 f2x4", "", "!ESHAPE"},
        {"Add", 13, "f0x3 f2x3", "", "!ESHAPE"},
        {"Add", 13, "f0x3 f1x3", "", "f0x3"},
        {"Add", 13, "f2 l2", "", "!ETYPE"},
        {"Pow", 13, "f2x3 l", "", "f2x3"},
        {"Mod", 13, "l4 l", "fmod=0", "l4"},
        {"BitShift", 11, "u4 u4", "direction=LEFT", "u4"},
        {"BitShift", 11, "u4 u4", "", "!EARGUMENT"},
        {"Equal", 13, "l2x1 l3", "", "b2x3"},
        {"And", 13, "b2 b1", "", "b2"},
        {"And", 13, "f2 f1", "", "!ETYPE"},
        {"Where", 16, "b2x1 f1x3 f", "", "f2x3"},
        {"Where", 16, "f2x1 f1x3 f", "", "!ETYPE"},
        {"Max", 13, "f2x1 f1x3 f4x1x1", "", "f4x2x3"},
        {"Sum", 13, "f2", "", "f2"},
        {"PRelu", 16, "f1x3x8x8 f3x1x1", "", "f1x3x8x8"},
        {"PRelu", 16, "f1x3x1x8 f3x8x1", "", "!ESHAPE"},
        {"PRelu", 16, "f1 f?", "", "f1"},
        {"Mul", 13, "f1000000x1 f1x1000000", "", "!ELIMIT"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_convolutions_resolve_windows(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Conv", 11, "f1x3x256x192 f32x3x3x3 f32", "strides=[2,2] pads=[1,1,1,1]", "f1x32x128x96"},
        {"Conv", 11, "f?x3x?x192 f32x3x3x3", "strides=[2,2] pads=[1,1,1,1]", "f?x32x?x96"},
        {"Conv", 11, "f1x8x9 f8x1x3", "group=8 dilations=[2]", "f1x8x5"},
        {"Conv", 11, "f1x1x4x4x4 f2x1x2x2x2", "", "f1x2x3x3x3"},
        {"Conv", 11, "f1x1x7x8 f1x1x3x3", "auto_pad=SAME_UPPER strides=[2,2]", "f1x1x4x4"},
        {"Conv", 11, "f1x1x7x8 f1x1x3x3", "auto_pad=VALID strides=[2,2] pads=[9,9,9,9]",
         "f1x1x3x3"},
        {"Conv", 11, "f1x3x8x8 f*", "", "f1x?x?x?"},
        {"Conv", 11, "f1x3x8x8 f*", "kernel_shape=[3,3]", "f1x?x6x6"},
        {"Conv", 11, "f* f4x3x3x3", "", "f?x4x?x?"},
        {"Conv", 11, "f1x3x8x8 f4x4x3x3", "", "!ESHAPE"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3 f5", "", "!ESHAPE"},
        {"Conv", 11, "f1x4x8x8 f3x2x3x3", "group=2", "!ESHAPE"},
        {"Conv", 11, "f1x3x8x8 f4x3x3", "", "!ESHAPE"},
        {"Conv", 11, "f1x3x2x2 f4x3x3x3", "", "!ESHAPE"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3", "kernel_shape=[5,5]", "!ESHAPE"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3", "strides=[0,1]", "!EARGUMENT"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3", "pads=[-1,0,0,0]", "!EARGUMENT"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3", "pads=[1,1]", "!EARGUMENT"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3", "group=0", "!EARGUMENT"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3", "auto_pad=BOTH", "!EARGUMENT"},
        {"Conv", 11, "f1x3x8x8 l4x3x3x3", "", "!ETYPE"},
        {"Conv", 11, "f1x3x8x8 f4x3x3x3", "pads=[999999999999,0,0,0]", "!EARGUMENT"},
        {"ConvTranspose", 11, "f1x256x8x6 f256x32x4x4", "strides=[2,2] pads=[1,1,1,1]",
         "f1x32x16x12"},
        {"ConvTranspose", 11, "f1x1x3x3 f1x2x3x3",
         "strides=[3,2] output_shape=[10,8] output_padding=[1,1]", "f1x2x10x8"},
        {"ConvTranspose", 11, "f1x1x3x3 f1x2x3x3", "strides=[2,2] auto_pad=SAME_UPPER", "f1x2x6x6"},
        {"ConvTranspose", 11, "f1x4x3x3 f4x2x3x3", "group=2", "f1x4x5x5"},
        {"ConvTranspose", 11, "f1x1x2x2 f1x1x3x3", "pads=[4,4,4,4]", "!ESHAPE"},
        {"ConvInteger", 10, "u1x1x3x3 u1x1x2x2 u", "", "i1x1x2x2"},
        {"QLinearConv", 10, "u1x1x7x7 f u c1x1x1x1 f1 c1 f u", "", "u1x1x7x7"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_poolings_follow_the_ceil_rule(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"MaxPool", 12, "f1x1x4x4", "kernel_shape=[3,3] strides=[2,2] ceil_mode=1",
         "f1x1x2x2 l1x1x2x2"},
        {"MaxPool", 12, "f1x1x4x4", "kernel_shape=[3,3] strides=[2,2]", "f1x1x1x1"},
        {"MaxPool", 12, "f1x1x8x8", "kernel_shape=[5,5] pads=[2,2,2,2]", "f1x1x8x8"},
        {"MaxPool", 12, "f1x1x4x4", "", "!EARGUMENT"},
        /* Without the rule the third window would start in the padding behind the data. */
        {"AveragePool", 11, "f1x1x2x2", "kernel_shape=[1,1] strides=[2,2] ceil_mode=1", "f1x1x1x1"},
        {"AveragePool", 19, "f1x1x5", "kernel_shape=[3] strides=[3] pads=[0,1] ceil_mode=1",
         "f1x1x2"},
        {"AveragePool", 19, "f1x1x9", "kernel_shape=[3] dilations=[2]", "f1x1x5"},
        {"AveragePool", 11, "f1x1x4x4", "kernel_shape=[2,2] pads=[2,0,0,0]", "!EARGUMENT"},
        {"GlobalAveragePool", 11, "f2x5x7x?", "", "f2x5x1x1"},
        {"GlobalMaxPool", 11, "f2x5x0x3", "", "!ESHAPE"},
        {"MaxUnpool", 11, "f1x1x2x2 l1x1x2x2", "kernel_shape=[2,2] strides=[2,2]", "f1x1x4x4"},
        {"MaxUnpool", 11, "f1x1x2x2 l1x1x2x2 l[1,1,5,5]", "kernel_shape=[2,2] strides=[2,2]",
         "f1x1x5x5"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_matrix_products(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"MatMul", 13, "f2x3 f3x4", "", "f2x4"},
        {"MatMul", 13, "f5x1x2x3 f7x3x4", "", "f5x7x2x4"},
        {"MatMul", 13, "f3 f3x4", "", "f4"},
        {"MatMul", 13, "f2x3 f3", "", "f2"},
        {"MatMul", 13, "f3 f3", "", "f"},
        {"MatMul", 13, "f?x17x? f48x256", "", "f?x17x256"},
        {"MatMul", 13, "f2x3 f4x5", "", "!ESHAPE"},
        {"MatMul", 13, "f f3", "", "!ESHAPE"},
        {"MatMulInteger", 10, "u4x3 u3x2", "", "i4x2"},
        {"QLinearMatMul", 10, "u2x4 f1 u1 u4x3 f1 u1 f1 u1", "", "u2x3"},
        {"Gemm", 13, "f2x3 f4x3 f4", "transB=1", "f2x4"},
        {"Gemm", 13, "f3x2 f3x4", "transA=1", "f2x4"},
        {"Gemm", 13, "f2x3 f4x4", "transB=1", "!ESHAPE"},
        {"Gemm", 13, "f2x3 f3x4 f5", "", "!ESHAPE"},
        {"Gemm", 13, "f2x3x1 f3x4", "", "!ESHAPE"},
        {"Det", 11, "f2x3x3", "", "f2"},
        {"Det", 11, "f2x3x4", "", "!ESHAPE"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_einsum_equations(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Einsum", 12, "f2x3x4x5 f3x5x5", "equation=nkct,kcv->nctv", "!ESHAPE"},
        {"Einsum", 12, "f2x3x64x10x17 f3x17x17", "equation=nkctv,kvw->nctw", "f2x64x10x17"},
        {"Einsum", 12, "f2x3 f3x4", "equation=ij,jk", "f2x4"},
        {"Einsum", 12, "f2x3", "equation=ba", "f3x2"},
        {"Einsum", 12, "f3x3", "equation=ii", "f"},
        {"Einsum", 12, "f3x3", "equation=ii->i", "f3"},
        {"Einsum", 12, "f5x2x3 f3x4", "equation=...ij,jk->...ik", "f5x2x4"},
        {"Einsum", 12, "f5x2x3 f1x3x4", "equation=...ij,...jk", "f5x2x4"},
        {"Einsum", 12, "f*", "equation=...i->...", "f*"},
        {"Einsum", 12, "f*", "equation=ij->ji", "f?x?"},
        {"Einsum", 12, "f2x3", "equation=ij->ik", "!EARGUMENT"},
        {"Einsum", 12, "f2x3", "equation=ij->ii", "!EARGUMENT"},
        {"Einsum", 12, "f2x3", "equation=ijk->i", "!ESHAPE"},
        {"Einsum", 12, "f2x3", "equation=ij,jk", "!EARGUMENT"},
        {"Einsum", 12, "f2x3", "equation=i1->i", "!EARGUMENT"},
        {"Einsum", 12, "f2x3", "equation=ij-i", "!EARGUMENT"},
        {"Einsum", 12, "f2x3", "equation=ij->i->j", "!EARGUMENT"},
        {"Einsum", 12, "f2x3", "", "!ESHAPE"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_normalisations_check_their_vectors(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"BatchNormalization", 9, "f1x3x8x8 f3 f3 f3 f3", "", "f1x3x8x8"},
        {"BatchNormalization", 7, "f1x3x8x8 f3x8x8 f3x8x8 f3x8x8 f3x8x8", "spatial=0", "f1x3x8x8"},
        {"BatchNormalization", 9, "f1x3x8x8 f3 f3 f4 f3", "", "!ESHAPE"},
        {"BatchNormalization", 15, "f1x3x8x8 f3 f3 f3 f3", "training_mode=1", "f1x3x8x8"},
        {"InstanceNormalization", 6, "f1x3x8x8 f3 f3", "", "f1x3x8x8"},
        {"LayerNormalization", 17, "f2x3x4 f4 f4", "", "f2x3x4 f2x3x1 f2x3x1"},
        {"LayerNormalization", 17, "f2x3x4 f3x4", "axis=1", "f2x3x4 f2x1x1"},
        {"LayerNormalization", 17, "f2x3x4 f3", "", "!ESHAPE"},
        {"GroupNormalization", 21, "f1x6x4 f6 f6", "num_groups=2", "f1x6x4"},
        {"GroupNormalization", 18, "f1x6x4 f2 f2", "num_groups=2", "f1x6x4"},
        {"GroupNormalization", 18, "f1x6x4 f2 f2", "num_groups=4", "!ESHAPE"},
        {"GroupNormalization", 18, "f1x6x4 f2 f2", "", "!EARGUMENT"},
        {"LpNormalization", 1, "f2x3", "p=3", "!EARGUMENT"},
        {"LRN", 13, "f1x3x4x4", "size=3", "f1x3x4x4"},
        {"MeanVarianceNormalization", 13, "f1x3x4x4", "axes=[0,2,3]", "f1x3x4x4"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_window_shares_padding(void **state)
{
    (void)state;
    int64_t kernel[2] = {3, 3}, strides[2] = {2, 2};
    struct graph_attr attrs[] = {
        {.name = "strides", .kind = GRAPH_ATTR_INTS, .count = 2, .ints = strides},
        {.name = "auto_pad", .kind = GRAPH_ATTR_STRING, .s = "SAME_UPPER"},
    };
    struct graph_node node = {.type = "Conv", .attrs = attrs, .attr_count = 2};
    struct tensor_shape x = {4, {1, 1, 8, 7}};
    struct graph_window window;
    assert_int_equal(graph_window_read(&window, &node, &x, kernel, false), 0);
    assert_int_equal(window.pad_begin[0], 0);
    assert_int_equal(window.pad_end[0], 1);
    assert_int_equal(window.pad_begin[1], 1);
    assert_int_equal(window.pad_end[1], 1);
    attrs[1].s = "SAME_LOWER";
    assert_int_equal(graph_window_read(&window, &node, &x, kernel, false), 0);
    assert_int_equal(window.pad_begin[0], 1);
    assert_int_equal(window.pad_end[0], 0);
    x.rank = 6;
    assert_int_equal(graph_window_read(&window, &node, &x, kernel, false), STANCE_EUNSUPPORTED);
}

static void test_operators_are_found_by_domain(void **state)
{
    (void)state;
    assert_non_null(graph_op_find("", "Conv"));
    assert_non_null(graph_op_find("ai.onnx", "Conv"));
    assert_null(graph_op_find("com.microsoft", "Conv"));
    assert_null(graph_op_find("", "Reorder"));
    assert_non_null(graph_op_find("stance", "Reorder"));
    assert_non_null(graph_op_find("stance", "Swish"));
    assert_true(graph_op_find("", "NonMaxSuppression")->data_dependent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elementwise_keeps_the_shape),
        cmocka_unit_test(test_binary_operators_broadcast),
        cmocka_unit_test(test_convolutions_resolve_windows),
        cmocka_unit_test(test_poolings_follow_the_ceil_rule),
        cmocka_unit_test(test_matrix_products),
        cmocka_unit_test(test_einsum_equations),
        cmocka_unit_test(test_normalisations_check_their_vectors),
        cmocka_unit_test(test_window_shares_padding),
        cmocka_unit_test(test_operators_are_found_by_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
