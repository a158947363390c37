/* Type and shape inference of operators that reduce, rearrange, pick or make values: one line per
 * behaviour (see support/infer_rows.h for how they are written). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/infer_rows.h"

static void test_reductions(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"ReduceMean", 11, "f2x3x4", "axes=[1]", "f2x1x4"},
        {"ReduceMean", 11, "f2x3x4", "axes=[-1,0] keepdims=0", "f3"},
        {"ReduceSum", 13, "f2x3x4 l[1]", "keepdims=0", "f2x4"},
        {"ReduceSum", 13, "f2x3x4", "keepdims=0", "f"},
        {"ReduceSum", 13, "f2x3x4", "", "f1x1x1"},
        {"ReduceSum", 13, "f2x3x4", "noop_with_empty_axes=1", "f2x3x4"},
        {"ReduceSum", 13, "f2x3x4 l[]", "keepdims=0", "f"},
        {"ReduceSum", 13, "f2x3x4 l2", "keepdims=0", "f?"},
        {"ReduceSum", 13, "f2x3x4 l2", "", "f?x?x?"},
        {"ReduceMax", 11, "f2x3", "axes=[2]", "!EARGUMENT"},
        {"ReduceMax", 11, "f2x3", "axes=[0,0]", "!EARGUMENT"},
        {"ArgMax", 13, "f2x3", "axis=1", "l2x1"},
        {"ArgMin", 13, "f2x3", "axis=-1 keepdims=0", "l2"},
        {"ArgMax", 13, "f2x0", "axis=1", "!ESHAPE"},
        {"TopK", 11, "f2x10 l[3]", "", "f2x3 l2x3"},
        {"TopK", 9, "f2x10", "k=4 axis=0", "!ESHAPE"},
        {"TopK", 9, "f2x10", "k=4", "f2x4 l2x4"},
        {"TopK", 11, "f2x10 l1", "", "f2x? l2x?"},
        {"TopK", 11, "f2x10 l[-1]", "", "!EARGUMENT"},
        {"TopK", 11, "f l[1]", "", "!ESHAPE"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_reshapes(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Reshape", 13, "f2x3x4 l[6,-1]", "", "f6x4"},
        {"Reshape", 13, "f2x3x4 l[0,-1]", "", "f2x12"},
        {"Reshape", 13, "f?x3x4 l[0,-1]", "", "f?x12"},
        {"Reshape", 13, "f?x3x4 l[-1,12]", "", "f?x12"},
        {"Reshape", 13, "f2x3x4 l2", "", "f?x?"},
        {"Reshape", 13, "f? l[0,2,1]", "", "f?x2x1"},
        {"Reshape", 13, "f2x3x4 l?", "", "f*"},
        {"Reshape", 14, "f0x3 l[0,5]", "allowzero=1", "f0x5"},
        {"Reshape", 14, "f0x3 l[0,-1]", "allowzero=1", "!ESHAPE"},
        {"Reshape", 13, "f1 l[]", "", "f"},
        {"Reshape", 13, "f2x3 l[4]", "", "!ESHAPE"},
        {"Reshape", 13, "f2x3 l[-1,-1]", "", "!EARGUMENT"},
        {"Reshape", 13, "f2x3 l[-2]", "", "!EARGUMENT"},
        {"Reshape", 13, "f2x3 l[6,1,0]", "", "!ESHAPE"},
        {"Reshape", 13, "f1 l[1,1,1,1,1,1,1,1,1]", "", "!EUNSUPPORTED"},
        {"Reshape", 13, "f1 l[1000000000,1000000000]", "", "!ESHAPE"},
        {"Flatten", 13, "f2x3x4", "", "f2x12"},
        {"Flatten", 13, "f2x3x4", "axis=0", "f1x24"},
        {"Flatten", 13, "f2x3x4", "axis=-1", "f6x4"},
        {"Flatten", 13, "f2x3x4", "axis=4", "!EARGUMENT"},
        {"Squeeze", 11, "f1x3x1", "axes=[0]", "f3x1"},
        {"Squeeze", 13, "f1x3x1 l[-1]", "", "f1x3"},
        {"Squeeze", 13, "f1x3x1", "", "f3"},
        {"Squeeze", 13, "f?x3x1", "", "f*"},
        {"Squeeze", 13, "f?x3x1 l[0]", "", "f3x1"},
        {"Squeeze", 13, "f1x3 l[1]", "", "!ESHAPE"},
        {"Unsqueeze", 11, "f3x4", "axes=[0,-1]", "f1x3x4x1"},
        {"Unsqueeze", 13, "f3 l[0]", "", "f1x3"},
        {"Unsqueeze", 13, "f3 l1", "", "f?x?"},
        {"Unsqueeze", 13, "f3 l[0,0]", "", "!EARGUMENT"},
        {"Transpose", 13, "f2x3x4", "", "f4x3x2"},
        {"Transpose", 13, "f2x3x4", "perm=[0,2,1]", "f2x4x3"},
        {"Transpose", 13, "f*", "perm=[0,2,1]", "f?x?x?"},
        {"Transpose", 13, "f2x3", "perm=[0,2,1]", "!ESHAPE"},
        {"Transpose", 13, "f2x3", "perm=[0,0]", "!EARGUMENT"},
        {"Shape", 15, "f2x3x4", "", "l3"},
        {"Shape", 15, "f2x3x4", "start=1 end=-1", "l1"},
        {"Size", 13, "f2x3", "", "l"},
        {"Expand", 13, "f3x1 l[2,1,6]", "", "f2x3x6"},
        {"Expand", 13, "f3x1 l[3]", "", "f3x3"},
        {"Expand", 13, "f3x4 l[2]", "", "!ESHAPE"},
        {"Expand", 13, "f1 l[1000000000,1000000000]", "", "!ELIMIT"},
        {"Tile", 13, "f2x3 l[2,1]", "", "f4x3"},
        {"Tile", 13, "f2x3 l[2]", "", "!ESHAPE"},
        {"Tile", 13, "f2x3 l[1000000000,1000000000]", "", "!ELIMIT"},
        {"DepthToSpace", 13, "f1x8x2x3", "blocksize=2", "f1x2x4x6"},
        {"DepthToSpace", 13, "f1x6x2x3", "blocksize=2", "!ESHAPE"},
        {"SpaceToDepth", 13, "f1x2x4x6", "blocksize=2", "f1x8x2x3"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_cutting_and_joining(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Concat", 13, "f2x3 f2x5", "axis=1", "f2x8"},
        {"Concat", 13, "f2x? f?x5", "axis=1", "f2x?"},
        {"Concat", 13, "f2x3 f3x5", "axis=1", "!ESHAPE"},
        {"Concat", 13, "f2x3 f2", "axis=1", "!ESHAPE"},
        {"Concat", 13, "f2x3 l2x3", "axis=1", "!ETYPE"},
        {"Concat", 13, "f2x3", "", "!EARGUMENT"},
        {"Split", 13, "f2x6", "axis=1", "f2x3 f2x3"},
        {"Split", 11, "f2x6", "axis=1 split=[2,4]", "f2x2 f2x4"},
        {"Split", 13, "f2x6 l[1,5]", "axis=-1", "f2x1 f2x5"},
        {"Split", 18, "f7", "num_outputs=3", "f3 f3 f1"},
        {"Split", 18, "f5", "num_outputs=4", "!ESHAPE"},
        {"Split", 13, "f7", "", "!ESHAPE"},
        {"Split", 13, "f2x6 l2", "axis=1", "f2x? f2x?"},
        {"Split", 13, "f6 l[1,1,1]", "", "!ESHAPE"},
        {"Slice", 13, "f10 l[2] l[8] - l[3]", "", "f2"},
        {"Slice", 13, "f10x20 l[0] l[9223372036854775807] l[1]", "", "f10x20"},
        {"Slice", 13, "f10 l[-1] l[-9223372036854775807] l[0] l[-1]", "", "f10"},
        {"Slice", 13, "f10 l[-3] l[9]", "", "f2"},
        {"Slice", 13, "f10 l[5] l[2]", "", "f0"},
        {"Slice", 13, "f? l[5] l[2]", "", "f?"},
        {"Slice", 13, "f4x5 l1 l1 l[1]", "", "f4x?"},
        {"Slice", 13, "f4x5 l1 l1 l1", "", "f?x?"},
        {"Slice", 9, "f10x20", "starts=[1] ends=[3] axes=[1]", "f10x2"},
        {"Slice", 13, "f10 l[0] l[5] l[0] l[0]", "", "!EARGUMENT"},
        {"Slice", 13, "f10 l[0] l[5] l[1]", "", "!EARGUMENT"},
        {"Slice", 13, "f10 l[0,0] l[5]", "", "!ESHAPE"},
        {"Slice", 13, "f10 f[0] l[5]", "", "!ETYPE"},
        {"Pad", 13, "f2x3 l[0,1,0,2]", "", "f2x6"},
        {"Pad", 10, "f2x3", "pads=[1,0,0,0] value=0.0", "f3x3"},
        {"Pad", 18, "f2x3 l[1,1] - l[1]", "mode=edge", "f2x5"},
        {"Pad", 13, "f2x3 l4", "", "f?x?"},
        {"Pad", 13, "f2x3 l[0,-2,0,-2]", "", "!ESHAPE"},
        {"Pad", 13, "f2x3 l[0,1]", "", "!ESHAPE"},
        {"Pad", 13, "f2x3 l[0,1,0,9223372036854775807]", "", "!ELIMIT"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_picking_and_placing(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Gather", 13, "f5x4 l2x3", "", "f2x3x4"},
        {"Gather", 13, "f5x4 l(1)", "axis=1", "f5"},
        {"Gather", 13, "f5x4 l", "axis=2", "!EARGUMENT"},
        {"Gather", 13, "f5x4 f2", "", "!ETYPE"},
        {"Gather", 13, "f1x1x1x1x1 l1x1x1x1x1", "", "!EUNSUPPORTED"},
        {"GatherElements", 13, "f3x3 l2x3", "axis=0", "f2x3"},
        {"GatherElements", 13, "f3x3 l3x4", "axis=0", "!ESHAPE"},
        {"GatherND", 13, "f2x3x4 l5x2", "", "f5x4"},
        {"GatherND", 13, "f2x3x4 l2x1", "batch_dims=1", "f2x4"},
        {"GatherND", 13, "f2x3x4 l5x4", "", "!ESHAPE"},
        {"ScatterElements", 16, "f3x3 l2x3 f2x3", "", "f3x3"},
        {"ScatterElements", 16, "f3x3 l2x3 f3x3", "", "!ESHAPE"},
        {"ScatterND", 16, "f4x5 l2x1 f2x5", "", "f4x5"},
        {"ScatterND", 16, "f4x5 l2x1 f2x4", "", "!ESHAPE"},
        {"OneHot", 11, "l3 l(5) f[0,1]", "", "f3x5"},
        {"OneHot", 11, "l3 l(5) f[0,1]", "axis=0", "f5x3"},
        {"OneHot", 11, "l3 l f2", "", "f3x?"},
        {"Compress", 11, "f3x2 b[0,1,1]", "axis=0", "f2x2"},
        {"Compress", 11, "f3x2 b[0,1,1]", "", "f2"},
        {"Compress", 11, "f3x2 b3", "axis=0", "f?x2"},
        {"NonZero", 13, "f3x2", "", "l2x?"},
        {"Unique", 11, "f3x2", "", "f? l? l6 l?"},
        {"Unique", 11, "f3x2", "axis=0", "f?x2 l? l3 l?"},
        {"NonMaxSuppression", 11, "f1x6x4 f1x2x6 l(3)", "", "l?x3"},
        {"NonMaxSuppression", 11, "f1x6x4 f1x2x7", "", "!ESHAPE"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_sampling(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Resize", 10, "f1x1x2x4 f[1,1,2,2]", "", "f1x1x4x8"},
        {"Resize", 11, "f1x3x5x5 f[] f[1,1,0.6,0.6]", "", "f1x3x3x3"},
        {"Resize", 11, "f1x3x5x5 f[] f[] l[1,3,7,9]", "", "f1x3x7x9"},
        {"Resize", 13, "f1x3x5x5 - - l[1,3,7,9]", "", "f1x3x7x9"},
        {"Resize", 13, "f1x3x5x5 - f4", "", "f?x?x?x?"},
        {"Resize", 13, "f1x3x5x5 - f* l*", "", "f?x?x?x?"},
        {"Resize", 13, "f1x3x4x4 f[0,0,0.5,0.5,1,1,1,1] f[1,1,2,2]",
         "coordinate_transformation_mode=tf_crop_and_resize", "f1x3x4x4"},
        {"Resize", 18, "f1x3x5x5 - - l[7,9]", "axes=[2,3]", "f1x3x7x9"},
        {"Resize", 18, "f1x3x4x8 - - l[8,8]", "axes=[2,3] keep_aspect_ratio_policy=not_larger",
         "f1x3x4x8"},
        {"Resize", 18, "f1x3x4x8 - - l[8,8]", "axes=[2,3] keep_aspect_ratio_policy=not_smaller",
         "f1x3x8x16"},
        {"Resize", 13, "f1x3x5x5", "", "!EARGUMENT"},
        {"Resize", 13, "f1x3x5x5 - f[1,1,2,2] l[1,3,7,9]", "", "!EARGUMENT"},
        {"Resize", 13, "f1x3x5x5 - f[1,1,2]", "", "!ESHAPE"},
        {"Resize", 13, "f1x3x5x5 - f[1,1,0,2]", "", "!EARGUMENT"},
        {"Resize", 13, "f1x3x5x5 - f[1,1,1e9,2]", "", "!ELIMIT"},
        {"Upsample", 9, "f1x1x2x2 f[1,1,2,3]", "", "f1x1x4x6"},
        {"Upsample", 7, "f1x1x2x2", "scales=[1.0,1.0,2.0,3.0]", "f1x1x4x6"},
        {"GridSample", 16, "f2x3x4x4 f2x6x5x2", "", "f2x3x6x5"},
        {"GridSample", 16, "f2x3x4x4 f2x6x5x3", "", "!ESHAPE"},
        {"RoiAlign", 16, "f1x3x10x10 f7x4 l7", "output_height=5 output_width=6", "f7x3x5x6"},
        {"RoiAlign", 16, "f1x3x10x10 f7x4 l6", "", "!ESHAPE"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

static void test_made_values_quantisation_and_recurrence(void **state)
{
    (void)state;
    check_rows((const struct row[]){
        {"Range", 11, "l(0) l(10) l(3)", "", "l4"},
        {"Range", 11, "l(10) l(0) l(-3)", "", "l4"},
        {"Range", 11, "l(10) l(0) l(3)", "", "l0"},
        {"Range", 11, "f(0) f(1) f(0.25)", "", "f4"},
        {"Range", 11, "l l l", "", "l?"},
        {"Range", 11, "l(0) l(10) l(0)", "", "!EARGUMENT"},
        {"Range", 11, "l(0) l(4000000000) l(1)", "", "!ELIMIT"},
        {"Range", 11, "f(0) f(1e30) f(1e-30)", "", "!ELIMIT"},
        {"ConstantOfShape", 9, "l[2,3]", "", "f2x3"},
        {"ConstantOfShape", 9, "l[]", "", "f"},
        {"ConstantOfShape", 9, "l3", "", "f?x?x?"},
        {"ConstantOfShape", 9, "l[-1]", "", "!EARGUMENT"},
        {"ConstantOfShape", 9, "l[1000000000,1000000000]", "", "!ELIMIT"},
        {"EyeLike", 9, "i3x4", "dtype=1", "f3x4"},
        {"EyeLike", 9, "i3", "", "!ESHAPE"},
        {"QuantizeLinear", 13, "f2x3 f u", "", "u2x3"},
        {"QuantizeLinear", 13, "f2x3 f c", "", "c2x3"},
        {"QuantizeLinear", 13, "f2x3 f", "", "u2x3"},
        {"QuantizeLinear", 21, "f2x3 f", "output_dtype=3", "c2x3"},
        {"QuantizeLinear", 13, "f2x3 f4 u4", "axis=1", "!ESHAPE"},
        {"QuantizeLinear", 13, "f8 f? u?", "", "u8"},
        {"DequantizeLinear", 13, "u2x3 f3 u3", "axis=1", "f2x3"},
        {"DynamicQuantizeLinear", 11, "f2x3", "", "u2x3 f u"},
        {"LSTM", 14, "f5x2x3 f1x16x3 f1x16x4", "hidden_size=4", "f5x1x2x4 f1x2x4 f1x2x4"},
        {"GRU", 14, "f5x2x3 f2x12x3 f2x12x4", "direction=bidirectional", "f5x2x2x4 f2x2x4"},
        {"RNN", 14, "f2x5x3 f1x4x3 f1x4x4", "layout=1", "f2x5x1x4 f2x1x4"},
        {"LSTM", 14, "f5x2x3 f1x12x3 f1x16x4", "hidden_size=4", "!ESHAPE"},
        {"LSTM", 14, "f5x2x3 f1x16x3 f1x16x4", "direction=up", "!EARGUMENT"},
        {NULL, 0, NULL, NULL, NULL},
    });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_reshapes),
        cmocka_unit_test(test_cutting_and_joining),
        cmocka_unit_test(test_picking_and_placing),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_made_values_quantisation_and_recurrence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
