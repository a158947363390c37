/* Steps for transposed convolutions of bytes.
 *
 * With stride s, output row o = s·q + r - pad takes input rows q, q - 1, … through every s-th row of
 * the kernel from r on: each remainder r is a convolution of its own with ⌈kernel / s⌉ rows. One
 * convolution makes them all, as s·s times the output channels, over the input and a border; then
 * its pixels are put beside each other. */
#include "base/memory.h"
#include "engine/epilogue.h"
#include "engine/plan.h"

struct qphases {
    const struct kernel_table *kernels;
    struct kernel_qconv_plan plan; /* of the convolution that makes all phases */
    int blocks;                    /* of one phase's channels */
    int stride_height, stride_width, pad_top, pad_left;
    int out_height, out_width;
    size_t element; /* bytes */
};

static bool transposed_shape(struct kernel_conv_shape *out, const struct graph *graph,
                             const struct graph_node *node)
{
    const struct tensor *weights = graph->values[node->inputs[1]].constant;
    return engine_window_shape(out, graph, node, weights->view.dims, true) && out->groups == 1 &&
           out->dilation_height == 1 && out->dilation_width == 1;
}

static int phases_along(int kernel, int stride)
{
    return (kernel + stride - 1) / stride;
}

static struct kernel_conv_shape phases_shape(const struct kernel_conv_shape *from, int block)
{
    int rows = phases_along(from->kernel_height, from->stride_height);
    int columns = phases_along(from->kernel_width, from->stride_width);
    return (struct kernel_conv_shape){
        .batch = from->batch,
        .in_channels = from->in_channels,
        .out_channels = from->stride_height * from->stride_width *
                        kernel_blocks(from->out_channels, block) * block,
        .groups = 1,
        .in_height = from->in_height,
        .in_width = from->in_width,
        .out_height = from->in_height + rows - 1,
        .out_width = from->in_width + columns - 1,
        .kernel_height = rows,
        .kernel_width = columns,
        .stride_height = 1,
        .stride_width = 1,
        .dilation_height = 1,
        .dilation_width = 1,
        .pad_top = rows - 1,
        .pad_left = columns - 1,
    };
}

bool engine_qphases_plan(struct kernel_qconv_plan *out, const struct kernel_table *kernels,
                         const struct graph *graph, const struct graph_node *node)
{
    enum { PHASES = 16 };
    struct kernel_conv_shape from, shape;
    const struct tensor *bias =
        node->inputs[3] < 0 ? NULL : graph->values[node->inputs[3]].constant;
    if (node->epilogue.residual >= 0 || !transposed_shape(&from, graph, node) ||
        from.stride_height * from.stride_width > PHASES ||
        (node->inputs[3] >= 0 && (!bias || bias->view.dtype != STANCE_FLOAT32 ||
                                  stance_tensor_count(&bias->view) != from.out_channels)))
        return false;
    shape = phases_shape(&from, kernels->block);
    if ((from.out_height - 1 + from.pad_top) / from.stride_height >= shape.out_height ||
        (from.out_width - 1 + from.pad_left) / from.stride_width >= shape.out_width)
        return false;
    struct kernel_epilogue epilogue = engine_epilogue(node);
    struct kernel_bytes input = engine_bytes(graph, node->inputs[0]), none = {0};
    struct kernel_bytes output = engine_bytes(graph, node->outputs[0]);
    return kernels->qconv_plan(out, &shape, &epilogue, &input, &none, &output) == 0;
}

/* ---- Running --------------------------------------------------------------------------------- */

struct spread_run {
    const struct qphases *phases;
    const unsigned char *from;
    unsigned char *to;
    int64_t from_stride, to_stride; /* bytes from one image to the next */
};

/* One row of one block of output channels. */
static void spread_row(const struct qphases *p, const unsigned char *from, unsigned char *to,
                       int block, int row)
{
    const struct kernel_conv_shape *s = &p->plan.shape;
    size_t pixel = (size_t)p->kernels->block * p->element;
    size_t plane = (size_t)s->out_height * (size_t)s->out_width * pixel;
    int at = row + p->pad_top, first = at % p->stride_height * p->stride_width;
    from += (size_t)(at / p->stride_height * s->out_width) * pixel;
    to += ((size_t)block * (size_t)p->out_height + (size_t)row) * (size_t)p->out_width * pixel;
    for (int x = 0; x < p->out_width; x++) {
        int column = x + p->pad_left, phase = first + column % p->stride_width;
        size_t source = (size_t)(phase * p->blocks + block) * plane +
                        (size_t)(column / p->stride_width) * pixel;
        engine_copy_pixel(to + (size_t)x * pixel, from + source, pixel);
    }
}

static void share_spread(void *context, int part, int parts, int worker)
{
    const struct spread_run *run = context;
    const struct qphases *p = run->phases;
    int64_t i, end, rows = (int64_t)p->blocks * p->out_height;
    kernel_share(rows * p->plan.shape.batch, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t image = i / rows, row = i % rows;
        spread_row(p, run->from + image * run->from_stride, run->to + image * run->to_stride,
                   (int)(row / p->out_height), (int)(row % p->out_height));
    }
}

static int64_t phase_elements(const struct qphases *p)
{
    const struct kernel_conv_shape *s = &p->plan.shape;
    return (int64_t)s->out_channels * s->out_height * s->out_width;
}

static int run_qphases(struct engine_step *step, struct engine_plan *plan)
{
    const struct qphases *p = step->data;
    int output = step->node->outputs[0];
    engine_qconv_run(plan, step, p->kernels, &p->plan, step->temp, phase_elements(p));
    struct spread_run run = {.phases = p,
                             .from = step->temp,
                             .to = engine_memory(plan, output),
                             .from_stride = phase_elements(p) * (int64_t)p->element,
                             .to_stride = engine_stride(plan, output) * (int64_t)p->element};
    base_pool_run(plan->pool, share_spread, &run,
                  engine_parts(engine_elements(&plan->graph->values[output]), 32768));
    return 0;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Kernel row (or column) of tap `tap` in phase `phase`; the taps of a convolution run backwards. */
static int kernel_at(int phase, int stride, int taps, int tap)
{
    return phase + stride * (taps - 1 - tap);
}

/* Weights of output channel `to` of the convolution: those of phase (row, column) of channel c. */
static void gather(int8_t *to, const int8_t *weights, const struct kernel_conv_shape *from,
                   const struct kernel_conv_shape *shape, int channel, int row, int column)
{
    for (int in = 0; in < from->in_channels; in++) {
        const int8_t *filter = weights + ((int64_t)in * from->out_channels + channel) *
                                             from->kernel_height * from->kernel_width;
        for (int i = 0; i < shape->kernel_height; i++)
            for (int k = 0; k < shape->kernel_width; k++, to++) {
                int y = kernel_at(row, from->stride_height, shape->kernel_height, i);
                int x = kernel_at(column, from->stride_width, shape->kernel_width, k);
                bool inside = y < from->kernel_height && x < from->kernel_width;
                *to = inside ? filter[y * from->kernel_width + x] : 0;
            }
    }
}

/* Channels beyond the last get weights and a bias of 0. */
static void fill_phases(const struct engine_plan *plan, const struct engine_step *step,
                        const struct kernel_conv_shape *from, const struct kernel_conv_shape *shape,
                        int8_t *weights, float *scales, float *biases)
{
    const struct stance_tensor *scale = &engine_input(plan, step, 2)->constant->view;
    const struct graph_value *bias = engine_input(plan, step, 3);
    int channels = shape->out_channels / (from->stride_height * from->stride_width);
    int64_t depth = (int64_t)shape->in_channels * shape->kernel_height * shape->kernel_width;
    bool single = stance_tensor_count(scale) == 1;
    for (int i = 0; i < shape->out_channels; i++) {
        int phase = i / channels, channel = i % channels;
        bool there = channel < from->out_channels;
        scales[i] = there ? ((const float *)scale->data)[single ? 0 : channel] : 1;
        biases[i] = there && bias ? ((const float *)bias->constant->view.data)[channel] : 0;
        if (there)
            gather(weights + i * depth, engine_input(plan, step, 1)->constant->view.data, from,
                   shape, channel, phase / from->stride_width, phase % from->stride_width);
    }
}

static int pack_phases(struct engine_plan *plan, struct engine_step *step, const struct qphases *p,
                       const struct kernel_conv_shape *from)
{
    const struct kernel_conv_shape *shape = &p->plan.shape;
    size_t outputs = (size_t)shape->out_channels;
    size_t depth =
        (size_t)shape->in_channels * (size_t)shape->kernel_height * (size_t)shape->kernel_width;
    int8_t *weights = base_alloc_zero(outputs, depth);
    float *scales = base_alloc(outputs * 2 * sizeof *scales);
    int code = weights && scales ? 0 : base_error_memory(outputs * depth, "packed weights");
    if (code == 0) {
        fill_phases(plan, step, from, shape, weights, scales, scales + outputs);
        struct engine_qweights given = {weights, scales, scales + outputs};
        code = engine_qconv_pack(plan, step, p->kernels, &p->plan, &given);
    }
    base_free(weights);
    base_free(scales);
    return code;
}

int engine_make_qphases(struct engine_plan *plan, struct engine_step *step)
{
    struct kernel_conv_shape from;
    if (strcmp(step->node->type, "QConvTranspose") != 0)
        return 0;
    struct qphases *p = base_arena_alloc(plan->arena, 1, sizeof *p);
    if (!p)
        return STANCE_ENOMEMORY;
    p->kernels =
        engine_input(plan, step, 0)->block > 1 ? plan->kernels : kernel_table(BASE_CPU_REF);
    if (!transposed_shape(&from, plan->graph, step->node) ||
        !engine_qphases_plan(&p->plan, p->kernels, plan->graph, step->node))
        return base_error(STANCE_EUNSUPPORTED, "no kernel of bytes for this convolution");
    p->blocks = kernel_blocks(from.out_channels, p->kernels->block);
    p->stride_height = from.stride_height;
    p->stride_width = from.stride_width;
    p->pad_top = from.pad_top;
    p->pad_left = from.pad_left;
    p->out_height = from.out_height;
    p->out_width = from.out_width;
    p->element = stance_dtype_size(engine_output(plan, step, 0)->dtype);
    BASE_TRY(pack_phases(plan, step, p, &from));
    step->run = run_qphases;
    step->data = p;
    step->method = p->plan.name;
    step->scratch_bytes = p->plan.scratch_bytes;
    step->temp_bytes = (size_t)from.batch * (size_t)phase_elements(p) * p->element;
    step->multiply_adds = graph_node_multiply_adds(plan->graph, step->node);
    return 1;
}
