/* RoiAlign and MaxUnpool. */
#include <math.h>
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"

struct roi_align {
    bool half_pixel, maximum;
    int64_t sampling, out_height, out_width; /* sampling 0: by the size of the region */
    float scale;
    const struct stance_tensor *x, *regions, *images, *y;
};

/* A region in the feature map's coordinates. */
struct region {
    int64_t image, rows, columns; /* samples a bin */
    float top, left, bin_height, bin_width;
};

/* More samples a bin side than this only happens with nonsense coordinates. */
enum { ROI_SAMPLES = 1 << 12 };

static int read_region(const struct roi_align *roi, int64_t i, struct region *out)
{
    float box[4];
    engine_load(box, ENGINE_FLOAT, roi->regions, 4 * i, 1, 4);
    BASE_TRY(engine_index_read(roi->images, i, roi->x->dims[0], &out->image));
    float offset = roi->half_pixel ? 0.5f : 0;
    out->left = box[0] * roi->scale - offset;
    out->top = box[1] * roi->scale - offset;
    float width = box[2] * roi->scale - offset - out->left,
          height = box[3] * roi->scale - offset - out->top;
    if (!roi->half_pixel) { /* at least one pixel, as older models expect */
        width = width > 1 ? width : 1;
        height = height > 1 ? height : 1;
    }
    out->bin_width = width / (float)roi->out_width;
    out->bin_height = height / (float)roi->out_height;
    float rows = roi->sampling > 0 ? (float)roi->sampling : ceilf(out->bin_height),
          columns = roi->sampling > 0 ? (float)roi->sampling : ceilf(out->bin_width);
    if (!(fabsf(out->left) < 1e9f && fabsf(out->top) < 1e9f && rows <= ROI_SAMPLES &&
          columns <= ROI_SAMPLES))
        return base_error(STANCE_ELIMIT, "region %lld is %g × %g", (long long)i, (double)width,
                          (double)height);
    out->rows = rows > 0 ? (int64_t)rows : 0;
    out->columns = columns > 0 ? (int64_t)columns : 0;
    return 0;
}

/* Lower neighbour and the weight of the upper one; false outside. */
static bool neighbours(float at, int64_t extent, int64_t *low, int64_t *high, float *weight)
{
    if (at < -1 || at > (float)extent)
        return false;
    at = at < 0 ? 0 : at;
    *low = (int64_t)at;
    *high = *low + 1;
    if (*low >= extent - 1) {
        *low = *high = extent - 1;
        at = (float)*low;
    }
    *weight = at - (float)*low;
    return true;
}

/* Adds one bilinear sample; in the maximum form each weighted neighbour competes alone, and a
 * sample outside competes as zero, as the operator's reference does it. */
static void add_sample(const struct roi_align *roi, const float *plane, float y, float x,
                       float *sum, bool *first)
{
    int64_t height = roi->x->dims[2], width = roi->x->dims[3], top, bottom, left, right;
    float wy, wx, parts[4] = {0};
    if (neighbours(y, height, &top, &bottom, &wy) && neighbours(x, width, &left, &right, &wx)) {
        parts[0] = (1 - wy) * (1 - wx) * plane[top * width + left];
        parts[1] = (1 - wy) * wx * plane[top * width + right];
        parts[2] = wy * (1 - wx) * plane[bottom * width + left];
        parts[3] = wy * wx * plane[bottom * width + right];
    }
    for (int i = 0; i < 4; i++) {
        if (!roi->maximum)
            *sum += parts[i];
        else if (*first || parts[i] > *sum)
            *sum = parts[i];
        *first = false;
    }
}

static float align_bin(const struct roi_align *roi, const struct region *region, const float *plane,
                       int64_t bin_y, int64_t bin_x)
{
    float sum = 0;
    bool first = true;
    for (int64_t r = 0; r < region->rows; r++)
        for (int64_t c = 0; c < region->columns; c++) {
            float y = region->top + (float)bin_y * region->bin_height +
                      ((float)r + 0.5f) * region->bin_height / (float)region->rows;
            float x = region->left + (float)bin_x * region->bin_width +
                      ((float)c + 0.5f) * region->bin_width / (float)region->columns;
            add_sample(roi, plane, y, x, &sum, &first);
        }
    int64_t samples = region->rows * region->columns;
    return roi->maximum ? sum : sum / (float)(samples > 0 ? samples : 1);
}

static int read_roi_align(struct engine_call *call, struct roi_align *roi)
{
    BASE_TRY(engine_need_inputs(call, 3));
    const struct stance_tensor *x = &call->in[0], *regions = &call->in[1], *images = &call->in[2];
    bool offset = call->opset >= 16; /* half_pixel came with opset 16, as the default */
    const char *mode = graph_attr_string(call->node, "coordinate_transformation_mode",
                                         offset ? "half_pixel" : "output_half_pixel");
    *roi = (struct roi_align){
        .half_pixel = strcmp(mode, "half_pixel") == 0,
        .maximum = strcmp(graph_attr_string(call->node, "mode", "avg"), "max") == 0,
        .sampling = graph_attr_int(call->node, "sampling_ratio", 0),
        .out_height = graph_attr_int(call->node, "output_height", 1),
        .out_width = graph_attr_int(call->node, "output_width", 1),
        .scale = graph_attr_float(call->node, "spatial_scale", 1),
        .x = x,
        .regions = regions,
        .images = images,
    };
    if (x->rank != 4 || regions->rank != 2 || regions->dims[1] != 4 || images->rank != 1 ||
        images->dims[0] != regions->dims[0])
        return base_error(STANCE_ESHAPE, "data, regions and image numbers do not fit together");
    if (!engine_is_float(x->dtype) || !engine_is_float(regions->dtype))
        return base_error(STANCE_ETYPE, "data and regions must be of a float type");
    if (roi->out_height < 1 || roi->out_width < 1 || roi->sampling < 0)
        return base_error(STANCE_EARGUMENT, "output size or sampling_ratio out of range");
    struct tensor_shape shape = {
        .rank = 4, .dims = {regions->dims[0], x->dims[1], roi->out_height, roi->out_width}};
    BASE_TRY(engine_call_output(call, 0, x->dtype, &shape));
    roi->y = &call->out[0];
    return 0;
}

static int run_roi_align(struct engine_call *call)
{
    struct roi_align roi;
    BASE_TRY(read_roi_align(call, &roi));
    if (!engine_wants_output(call, 0))
        return 0;
    int64_t channels = roi.x->dims[1], pixels = roi.x->dims[2] * roi.x->dims[3], at = 0;
    float *plane = engine_call_scratch(call, (size_t)pixels * sizeof *plane);
    if (!plane)
        return engine_memory_code(call->memory);
    int64_t bins = channels * roi.out_height * roi.out_width, steps = 0;
    for (int64_t i = 0; i < roi.regions->dims[0]; i++) {
        struct region region;
        BASE_TRY(read_region(&roi, i, &region));
        steps += region.rows * region.columns;
        BASE_TRY(engine_check_work(bins, steps));
        for (int64_t c = 0; c < channels; c++) {
            engine_load(plane, ENGINE_FLOAT, roi.x, (region.image * channels + c) * pixels, 1,
                        pixels);
            for (int64_t y = 0; y < roi.out_height; y++)
                for (int64_t x = 0; x < roi.out_width; x++, at++) {
                    float value = pixels > 0 ? align_bin(&roi, &region, plane, y, x) : 0;
                    engine_store(&value, ENGINE_FLOAT, roi.y, at, 1);
                }
        }
    }
    return 0;
}

/* The shape the indices refer to: the pooling's input as its attributes tell it. */
static int unpooled_shape(const struct engine_call *call, struct tensor_shape *shape)
{
    struct engine_ints kernel, strides, pads;
    const struct stance_tensor *x = &call->in[0];
    int spatial = x->rank - 2;
    BASE_TRY(engine_ints_read(&kernel, call, -1, "kernel_shape"));
    BASE_TRY(engine_ints_read(&strides, call, -1, "strides"));
    BASE_TRY(engine_ints_read(&pads, call, -1, "pads"));
    if (spatial < 1 || kernel.count != spatial ||
        (strides.count >= 0 && strides.count != spatial) ||
        (pads.count >= 0 && pads.count != 2 * spatial))
        return base_error(STANCE_ESHAPE, "kernel_shape, strides or pads do not fit rank %d",
                          x->rank);
    *shape = tensor_shape_of(x);
    for (int i = 0; i < spatial; i++) {
        int64_t stride = strides.count < 0 ? 1 : strides.values[i],
                begin = pads.count < 0 ? 0 : pads.values[i],
                end = pads.count < 0 ? 0 : pads.values[spatial + i];
        int64_t values[4] = {stride, kernel.values[i], begin, end};
        for (int k = 0; k < 4; k++)
            if (values[k] < 0 || values[k] > TENSOR_MAX_COUNT)
                return base_error(STANCE_EARGUMENT, "kernel, stride or padding of %lld",
                                  (long long)values[k]);
        shape->dims[2 + i] = (x->dims[2 + i] - 1) * stride + kernel.values[i] - begin - end;
    }
    return 0;
}

static int run_max_unpool(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 2));
    const struct stance_tensor *x = &call->in[0], *indices = &call->in[1];
    struct tensor_shape inner = {.rank = 0}, shape;
    int64_t inner_count, count = stance_tensor_count(x), strides[STANCE_MAX_RANK], index;
    BASE_TRY(unpooled_shape(call, &inner));
    BASE_TRY(tensor_shape_count(&inner, &inner_count));
    shape = inner;
    if (engine_has_input(call, 2)) {
        struct engine_ints dims;
        BASE_TRY(engine_ints_read(&dims, call, 2, NULL));
        if (dims.count != x->rank)
            return base_error(STANCE_ESHAPE, "output_shape has %d dims", dims.count);
        shape = tensor_shape_make(x->rank, dims.values);
    }
    if (indices->dtype != STANCE_INT64 || stance_tensor_count(indices) != count)
        return base_error(STANCE_ESHAPE, "the indices do not fit the data");
    BASE_TRY(engine_call_output(call, 0, x->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    const struct stance_tensor *y = &call->out[0];
    size_t element = stance_dtype_size(x->dtype);
    memset(y->data, 0, tensor_bytes(y));
    engine_strides(y, strides);
    for (int64_t n = 0; n < count; n++) {
        int64_t offset = 0;
        BASE_TRY(engine_index_read(indices, n, inner_count, &index));
        for (int i = x->rank - 1; i >= 0; index /= inner.dims[i], i--) {
            int64_t at = index % inner.dims[i];
            if (at >= y->dims[i])
                return base_error(STANCE_EARGUMENT, "an index lies outside of output_shape");
            offset += at * strides[i];
        }
        memcpy((char *)y->data + (size_t)offset * element,
               (const char *)x->data + (size_t)n * element, element);
    }
    return 0;
}

const struct engine_op engine_ops_roi[] = {
    {"RoiAlign", run_roi_align},
    {"MaxUnpool", run_max_unpool},
    {NULL, NULL},
};
