/* Steps for blocked spatial operators: pooling, global average, resize, graph convolution. Maxima
 * and copies of neighbours are made of bytes too. */
#include <string.h>

#include "engine/epilogue.h"
#include "engine/plan.h"
#include "engine/resize_axis.h"

struct pool_run {
    const struct engine_plan *plan;
    struct kernel_pool pool;
    const uint8_t *bytes; /* instead of the pool's input and output, or NULL */
    uint8_t *result;
};

bool engine_pool_shape(struct kernel_pool *out, const struct graph *graph,
                       const struct graph_node *node)
{
    bool average = strcmp(node->type, "AveragePool") == 0;
    if (!average && strcmp(node->type, "MaxPool") != 0)
        return false;
    const struct graph_value *input = &graph->values[node->inputs[0]];
    const struct graph_value *output = &graph->values[node->outputs[0]];
    bool bytes = !average && input->bytes.scale > 0;
    if ((input->dtype != STANCE_FLOAT32 && !bytes) || input->shape.rank != 4 ||
        !tensor_shape_known(&input->shape) || !tensor_shape_known(&output->shape) ||
        (node->output_count > 1 && node->outputs[1] >= 0))
        return false;
    struct graph_window window;
    if (graph_window_read(&window, node, &input->shape, NULL, false) < 0 ||
        !engine_window_fits(&window) || (average && window.ceil_mode))
        return false;
    *out = (struct kernel_pool){
        .batch = (int)input->shape.dims[0],
        .channels = (int)input->shape.dims[1],
        .in_height = (int)input->shape.dims[2],
        .in_width = (int)input->shape.dims[3],
        .out_height = (int)output->shape.dims[2],
        .out_width = (int)output->shape.dims[3],
        .kernel_height = (int)window.kernel[0],
        .kernel_width = (int)window.kernel[1],
        .stride_height = (int)window.stride[0],
        .stride_width = (int)window.stride[1],
        .dilation_height = (int)window.dilation[0],
        .dilation_width = (int)window.dilation[1],
        .pad_top = (int)window.pad_begin[0],
        .pad_left = (int)window.pad_begin[1],
        .average = average,
        .count_include_pad = graph_attr_int(node, "count_include_pad", 0) != 0,
    };
    return true;
}

static void share_pool(void *context, int part, int parts, int worker)
{
    struct pool_run *run = context;
    if (run->bytes)
        run->plan->kernels->pool_bytes(&run->pool, run->bytes, run->result, part, parts);
    else
        run->plan->kernels->pool_run(&run->pool, part, parts);
}

static int run_pool(struct engine_step *step, struct engine_plan *plan)
{
    int input = step->node->inputs[0], output = step->node->outputs[0];
    struct pool_run run = {.plan = plan, .pool = *(const struct kernel_pool *)step->data};
    if (plan->graph->values[input].dtype == STANCE_UINT8) {
        run.bytes = engine_memory(plan, input);
        run.result = engine_memory(plan, output);
    } else {
        run.pool.input = engine_data(plan, input);
        run.pool.output = engine_data(plan, output);
    }
    run.pool.input_batch_stride = engine_stride(plan, input);
    run.pool.output_batch_stride = engine_stride(plan, output);
    base_pool_share(plan->pool, share_pool, &run,
                    engine_parts(engine_elements(&plan->graph->values[output]), 2048));
    return 0;
}

static int make_pool(struct engine_plan *plan, struct engine_step *step)
{
    struct kernel_pool shape;
    if (!engine_pool_shape(&shape, plan->graph, step->node))
        return 0;
    struct kernel_pool *pool = base_arena_alloc(plan->arena, 1, sizeof *pool);
    if (!pool)
        return STANCE_ENOMEMORY;
    *pool = shape;
    step->data = pool;
    step->run = run_pool;
    return 1;
}

struct average_run {
    const struct engine_plan *plan;
    const float *input;
    float *output;
    int64_t input_stride, pixels;
    int batch, channels;
};

static void share_average(void *context, int part, int parts, int worker)
{
    struct average_run *run = context;
    run->plan->kernels->global_average(run->input, run->input_stride, run->batch, run->channels,
                                       run->pixels, run->output, part, parts);
}

/* The kernel writes the images without gaps; where they have some, it runs image by image. */
static int run_average(struct engine_step *step, struct engine_plan *plan)
{
    int input = step->node->inputs[0], output = step->node->outputs[0];
    const struct tensor_shape *shape = &plan->graph->values[input].shape;
    bool dense = engine_dense(plan, output);
    int64_t runs = dense ? 1 : shape->dims[0];
    struct average_run run = {.plan = plan,
                              .input_stride = engine_stride(plan, input),
                              .batch = dense ? (int)shape->dims[0] : 1,
                              .channels = (int)shape->dims[1],
                              .pixels = shape->dims[2] * shape->dims[3]};
    for (int64_t i = 0; i < runs; i++) {
        run.input = engine_data(plan, input) + i * engine_stride(plan, input);
        run.output = engine_data(plan, output) + i * engine_stride(plan, output);
        base_pool_share(plan->pool, share_average, &run,
                        engine_parts(engine_elements(&plan->graph->values[input]) / runs, 4096));
    }
    return 0;
}

/* Source positions and weights of each output row or column, as struct kernel_resize wants them. */
static int make_axis(struct base_arena *arena, const struct engine_resize_rule *rule, int in,
                     int out, const int **sources, const float **weights)
{
    struct engine_resize_axis axis = {
        .in = in, .out = out, .scale = (float)out / (float)in, .roi_end = 1};
    int *positions = base_arena_alloc(arena, (size_t)out * 2, sizeof *positions);
    float *shares = base_arena_alloc(arena, (size_t)out, sizeof *shares);
    if (!positions || !shares)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < out; i++) {
        int64_t index[2];
        double weight[2] = {1, 0};
        if (rule->mode == ENGINE_RESIZE_NEAREST)
            index[0] = index[1] = engine_resize_nearest(rule, &axis, i);
        else
            engine_resize_taps(rule, &axis, i, 2, index, weight);
        positions[2 * i] = (int)index[0];
        positions[2 * i + 1] = (int)index[1];
        shares[i] = (float)weight[1];
    }
    *sources = positions;
    *weights = shares;
    return 0;
}

struct resize_run {
    const struct engine_plan *plan;
    struct kernel_resize resize;
};

static void share_resize(void *context, int part, int parts, int worker)
{
    struct resize_run *run = context;
    run->plan->kernels->resize_run(&run->resize, part, parts);
}

static int run_resize(struct engine_step *step, struct engine_plan *plan)
{
    int input = step->node->inputs[0], output = step->node->outputs[0];
    struct resize_run run = {.plan = plan, .resize = *(const struct kernel_resize *)step->data};
    for (int64_t image = 0; image < plan->graph->values[input].shape.dims[0]; image++) {
        run.resize.input = engine_data(plan, input) + image * engine_stride(plan, input);
        run.resize.output = engine_data(plan, output) + image * engine_stride(plan, output);
        base_pool_share(plan->pool, share_resize, &run,
                        engine_parts(engine_elements(&plan->graph->values[output]), 2048));
    }
    return 0;
}

struct byte_resize_run {
    const struct kernel_resize *resize;
    const uint8_t *input;
    uint8_t *output;
    int block;
};

/* The nearest byte of each channel: pixels are copied as a whole. */
static void share_byte_resize(void *context, int part, int parts, int worker)
{
    const struct byte_resize_run *run = context;
    const struct kernel_resize *r = run->resize;
    size_t pixel = (size_t)run->block;
    int64_t row, end;
    kernel_share((int64_t)r->planes * r->out_height, part, parts, &row, &end);
    for (; row < end; row++) {
        int64_t plane = row / r->out_height, y = row % r->out_height;
        const uint8_t *from = run->input + plane * r->input_plane_stride +
                              (int64_t)r->rows[2 * y] * r->in_width * run->block;
        uint8_t *to = run->output + plane * r->output_plane_stride + y * r->out_width * run->block;
        for (int x = 0; x < r->out_width; x++)
            engine_copy_pixel(to + (size_t)x * pixel, from + (size_t)r->columns[2 * x] * pixel,
                              pixel);
    }
}

static int run_byte_resize(struct engine_step *step, struct engine_plan *plan)
{
    int input = step->node->inputs[0], output = step->node->outputs[0];
    struct byte_resize_run run = {.resize = step->data, .block = plan->graph->values[input].block};
    for (int64_t image = 0; image < plan->graph->values[input].shape.dims[0]; image++) {
        run.input = engine_memory(plan, input) + image * engine_stride(plan, input);
        run.output = engine_memory(plan, output) + image * engine_stride(plan, output);
        base_pool_share(plan->pool, share_byte_resize, &run,
                        engine_parts(engine_elements(&plan->graph->values[output]), 8192));
    }
    return 0;
}

static int make_resize(struct engine_plan *plan, struct engine_step *step)
{
    const struct graph_value *in = engine_input(plan, step, 0), *out = engine_output(plan, step, 0);
    if (in->block <= 1 || out->block <= 1)
        return 0;
    struct kernel_resize *resize = base_arena_alloc(plan->arena, 1, sizeof *resize);
    if (!resize)
        return STANCE_ENOMEMORY;
    int height = (int)in->shape.dims[2], width = (int)in->shape.dims[3];
    int out_height = (int)out->shape.dims[2], out_width = (int)out->shape.dims[3];
    struct engine_resize_rule rule;
    BASE_TRY(engine_resize_rule_read(&rule, step->node, plan->graph->opset));
    int block = in->block;
    *resize = (struct kernel_resize){
        .planes = kernel_blocks((int)in->shape.dims[1], block),
        .in_height = height,
        .in_width = width,
        .out_height = out_height,
        .out_width = out_width,
        .linear = rule.mode == ENGINE_RESIZE_LINEAR,
        .input_plane_stride = (int64_t)height * width * block,
        .output_plane_stride = (int64_t)out_height * out_width * block,
    };
    BASE_TRY(make_axis(plan->arena, &rule, height, out_height, &resize->rows, &resize->row_weight));
    BASE_TRY(
        make_axis(plan->arena, &rule, width, out_width, &resize->columns, &resize->column_weight));
    step->data = resize;
    step->run = in->dtype == STANCE_UINT8 ? run_byte_resize : run_resize;
    return 1;
}

int engine_make_pool(struct engine_plan *plan, struct engine_step *step)
{
    const char *type = step->node->type;
    const struct graph_value *in = engine_input(plan, step, 0);
    if (!in || in->block != plan->kernels->block || in->block <= 1)
        return 0;
    if (strcmp(type, "GlobalAveragePool") == 0) {
        step->run = run_average;
        return 1;
    }
    if (strcmp(type, "Resize") == 0 || strcmp(type, "Upsample") == 0)
        return make_resize(plan, step);
    return make_pool(plan, step);
}
