/* A network's first convolution, over the few channels of an NCHW picture. Lanes are neighbouring
 * pixels of a row instead of channels, which the picture already has side by side, so that no lane
 * is idle and nothing is unfolded; the sums are transposed on their way out. Rows are copied with
 * zeros around them, for a stride of two even and odd columns apart. AVX-512 alone. */
#include <string.h>

#include "kernel/simd/conv.h"
#include "kernel/simd/transpose.h"
#include "kernel/simd/vec_half.h"
#include "kernel/simd/vec_math.h"
#include "kernel/simd/vec_more.h"

#if defined(KERNEL_AVX512)

/* plan->tile[] of this method */
enum { ROWS };

enum { SET = VEC_LANES / 2 /* output channels at once */, STEP = 2 * VEC_LANES /* pixels */ };
/* With more output channels the other methods leave nothing idle. */
enum { MAX_OUTPUTS = 16 };
enum { MAX_CHANNELS = 4, MAX_SIDE = 8, MAX_TAPS = MAX_CHANNELS * MAX_SIDE * MAX_SIDE };

struct stem {
    const struct kernel_conv_shape *shape;
    int rows, bands;  /* output rows per band */
    int sets, taps;   /* output channels in sets; channels × taps */
    int pitch;        /* floats of one copied row, and of one column phase */
    int64_t in_row;   /* of the copies of one input row: [channel][phase][pitch] */
    int64_t in_plane; /* pixels */
};

static struct stem stem_of(const struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct stem stem = {
        .shape = s,
        .rows = plan->tile[ROWS],
        .sets = kernel_blocks(s->out_channels, SET),
        .taps = s->in_channels * s->kernel_height * s->kernel_width,
        .pitch = (s->out_width + STEP - 1) / STEP * STEP +
                 kernel_blocks(s->kernel_width, VEC_LANES) * VEC_LANES,
        .in_plane = (int64_t)s->in_height * s->in_width,
    };
    stem.bands = (s->out_height + stem.rows - 1) / stem.rows;
    stem.in_row = (int64_t)s->in_channels * s->stride_width * stem.pitch;
    return stem;
}

static bool supported(const struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    return s->plain_input && !s->plain_output && !s->transposed && s->groups == 1 &&
           s->in_channels <= MAX_CHANNELS && s->out_channels <= MAX_OUTPUTS &&
           s->kernel_height <= MAX_SIDE && s->kernel_width <= MAX_SIDE && s->stride_width <= 2 &&
           s->dilation_height == 1 && s->dilation_width == 1 &&
           plan->epilogue.residual == KERNEL_NO_RESIDUAL;
}

int KERNEL_NAME(conv_stem_plan)(struct kernel_conv_plan *plan)
{
    enum { CACHE = 48 << 10, SHARES = 16 };
    const struct kernel_conv_shape *s = &plan->shape;
    if (!supported(plan))
        return STANCE_EUNSUPPORTED;
    plan->tile[ROWS] = 1;
    struct stem d = stem_of(plan);
    int64_t row = d.in_row * (int64_t)sizeof(float);
    while (plan->tile[ROWS] * 2 * SHARES <= s->out_height &&
           (plan->tile[ROWS] * 2 * s->stride_height + s->kernel_height) * row <= CACHE)
        plan->tile[ROWS] *= 2;
    d = stem_of(plan);
    int64_t bytes = ((int64_t)(d.rows - 1) * s->stride_height + s->kernel_height) * row;
    if (bytes > CONV_SCRATCH_LIMIT)
        return STANCE_EUNSUPPORTED;
    int64_t steps = (int64_t)s->out_height * ((s->out_width + STEP - 1) / STEP);
    int64_t sums = steps * d.sets * d.taps * VEC_LANES; /* vectors of multiply-adds */
    int64_t units = (int64_t)s->batch * d.bands;
    int64_t parts = s->batch * sums * VEC_LANES / 250000; /* as of direct ones */
    parts = parts < units ? parts : units;
    plan->name = "stem";
    plan->parts = parts < 1 ? 1 : parts > 64 ? 64 : (int)parts;
    size_t blocks = (size_t)kernel_blocks(s->out_channels, VEC_LANES);
    plan->packed_bytes =
        (blocks * VEC_LANES + (size_t)d.sets * (size_t)d.taps * SET) * sizeof(float);
    plan->scratch_bytes = (size_t)bytes;
    plan->tile[CONV_COST] = conv_cost((float)sums * 0.5f, (int64_t)plan->packed_bytes);
    return 0;
}

/* Bias, then [set][input channel][row][column][output channel]. */
void KERNEL_NAME(conv_stem_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                 const float *bias, float *packed)
{
    struct stem d = stem_of(plan);
    int outs = plan->shape.out_channels;
    memset(packed, 0, plan->packed_bytes);
    if (bias)
        memcpy(packed, bias, (size_t)outs * sizeof(float));
    packed += kernel_blocks(outs, VEC_LANES) * VEC_LANES;
    for (int k = 0; k < outs; k++)
        for (int t = 0; t < d.taps; t++)
            packed[((int64_t)(k / SET) * d.taps + t) * SET + k % SET] =
                weights[(int64_t)k * d.taps + t];
}

/* Element i of a phase is column first + i * stride; outside of the row it is zero. */
static void fill_phase(const struct stem *d, const float *from, int first, float *to)
{
    int width = d->shape->in_width, stride = d->shape->stride_width, i = 0;
    for (; i < d->pitch && first + i * stride < 0; i++)
        to[i] = 0;
    for (; i + VEC_LANES <= d->pitch && first + (i + VEC_LANES) * stride <= width; i += VEC_LANES) {
        vec x = vec_load(from + first + i * stride);
        if (stride == 2)
            x = vec_every_second(x, vec_load(from + first + i * 2 + VEC_LANES), 0);
        vec_store(to + i, x);
    }
    for (; i < d->pitch && first + i * stride < width; i++)
        to[i] = from[first + i * stride];
    if (i < d->pitch)
        memset(to + i, 0, (size_t)(d->pitch - i) * sizeof(float));
}

/* Copies what `rows` output rows from `row` on read of an image. */
static void fill(const struct stem *d, const float *image, int row, int rows, float *to)
{
    const struct kernel_conv_shape *s = d->shape;
    int top = row * s->stride_height - s->pad_top;
    int count = (rows - 1) * s->stride_height + s->kernel_height;
    for (int y = top; y < top + count; y++, to += d->in_row) {
        if (y < 0 || y >= s->in_height) {
            memset(to, 0, (size_t)d->in_row * sizeof(float));
            continue;
        }
        for (int i = 0; i < s->in_channels * s->stride_width; i++)
            fill_phase(d, image + i / s->stride_width * d->in_plane + (int64_t)y * s->in_width,
                       i % s->stride_width - s->pad_left, to + (int64_t)i * d->pitch);
    }
}

/* Where each tap of an output row's first pixel lies in the copies. */
static void find_taps(const struct stem *d, int32_t *taps)
{
    const struct kernel_conv_shape *s = d->shape;
    for (int c = 0; c < s->in_channels; c++)
        for (int y = 0; y < s->kernel_height; y++)
            for (int x = 0; x < s->kernel_width; x++)
                *taps++ = (int32_t)(y * d->in_row) +
                          (c * s->stride_width + x % s->stride_width) * d->pitch +
                          x / s->stride_width;
}

VEC_INLINE void activate(const struct conv_finish *finish, vec *sums)
{
    if (finish->kind == CONV_FINISH_SWISH) {
        VEC_UNROLL
        for (int i = 0; i < VEC_LANES; i++)
            sums[i] = vec_swish(sums[i]);
    } else if (finish->kind == CONV_FINISH_CLAMP) {
        vec low = vec_set1(finish->low), high = vec_set1(finish->high);
        VEC_UNROLL
        for (int i = 0; i < VEC_LANES; i++)
            sums[i] = vec_clamp(sums[i], low, high);
    } else {
        const struct kernel_epilogue *e = &finish->epilogue;
        float memory[VEC_LANES * VEC_LANES];
        VEC_UNROLL
        for (int i = 0; i < VEC_LANES; i++)
            vec_store(memory + i * VEC_LANES, sums[i]);
        VEC_UNROLL_NOT
        for (int i = 0; i < VEC_LANES; i++)
            vec_store(memory + i * VEC_LANES, vec_activate(e->activation, e->alpha, e->beta,
                                                           vec_load(memory + i * VEC_LANES)));
        VEC_UNROLL
        for (int i = 0; i < VEC_LANES; i++)
            sums[i] = vec_load(memory + i * VEC_LANES);
    }
}

/* A set of channels of STEP neighbouring pixels, of which `count` exist. `alone`: the other half of
 * the block has no channels. */
static void run_step(const struct stem *d, const float *input, const int32_t *taps,
                     const float *weights, const float *bias, const struct conv_finish *finish,
                     bool alone, int count, float *output)
{
    vec sums[VEC_LANES];
    VEC_UNROLL
    for (int i = 0; i < VEC_LANES; i++)
        sums[i] = vec_zero();
    VEC_UNROLL_NOT
    for (int t = 0; t < d->taps; t++, weights += SET) {
        VEC_FORGET(weights);
        vec near = vec_load(input + taps[t]), far = vec_load(input + taps[t] + VEC_LANES);
        VEC_UNROLL
        for (int k = 0; k < SET; k++) {
            vec weight = vec_set1(weights[k]);
            sums[k] = vec_fma(weight, near, sums[k]);
            sums[SET + k] = vec_fma(weight, far, sums[SET + k]);
        }
    }
    VEC_UNROLL
    for (int i = 0; i < VEC_LANES; i++)
        sums[i] = vec_add(sums[i], vec_set1(bias[i % SET]));
    activate(finish, sums);
    vec_transpose(sums);
    VEC_UNROLL
    for (int i = 0; i < VEC_LANES; i++) {
        float *near = output + i * VEC_LANES, *far = near + VEC_LANES * VEC_LANES;
        if (i < count && alone)
            vec_store(near, half_widen(half_first(sums[i])));
        else if (i < count)
            half_store(near, half_first(sums[i]));
        if (VEC_LANES + i < count && alone)
            vec_store(far, half_widen(half_second(sums[i])));
        else if (VEC_LANES + i < count)
            half_store(far, half_second(sums[i]));
    }
}

static void run_row(const struct stem *d, const float *input, const int32_t *taps,
                    const float *packed, const struct conv_finish *finish, float *output)
{
    const struct kernel_conv_shape *s = d->shape;
    int64_t plane = (int64_t)s->out_height * s->out_width * VEC_LANES;
    const float *weights = packed + kernel_blocks(s->out_channels, VEC_LANES) * VEC_LANES;
    for (int set = 0; set < d->sets; set += 2, output += plane)
        for (int x = 0; x < s->out_width; x += STEP)
            for (int i = set; i < set + 2 && i < d->sets; i++)
                run_step(d, input + x, taps, weights + (int64_t)i * d->taps * SET, packed + i * SET,
                         finish, set + 1 == d->sets, s->out_width - x,
                         output + x * VEC_LANES + i % 2 * SET);
}

void KERNEL_NAME(conv_stem_run)(const struct kernel_conv_plan *plan,
                                const struct kernel_conv_buffers *buffers, int part, int parts)
{
    struct stem d = stem_of(plan);
    const struct kernel_conv_shape *s = d.shape;
    struct conv_finish finish = KERNEL_NAME(conv_finish_of)(&plan->epilogue);
    int32_t taps[MAX_TAPS];
    int64_t unit, end;
    float *rows = buffers->scratch;
    find_taps(&d, taps);
    kernel_share((int64_t)s->batch * d.bands, part, parts, &unit, &end);
    for (; unit < end; unit++) {
        int64_t image = unit / d.bands;
        int first = (int)(unit % d.bands) * d.rows;
        int count = s->out_height - first < d.rows ? s->out_height - first : d.rows;
        fill(&d, buffers->input + image * buffers->input_batch_stride, first, count, rows);
        for (int y = 0; y < count; y++)
            run_row(&d, rows + y * s->stride_height * d.in_row, taps, buffers->packed, &finish,
                    buffers->output + image * buffers->output_batch_stride +
                        (int64_t)(first + y) * s->out_width * VEC_LANES);
    }
}

#else

int KERNEL_NAME(conv_stem_plan)(struct kernel_conv_plan *plan)
{
    (void)plan;
    return STANCE_EUNSUPPORTED;
}

void KERNEL_NAME(conv_stem_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                 const float *bias, float *packed)
{
    (void)plan, (void)weights, (void)bias, (void)packed;
}

void KERNEL_NAME(conv_stem_run)(const struct kernel_conv_plan *plan,
                                const struct kernel_conv_buffers *buffers, int part, int parts)
{
    (void)plan, (void)buffers, (void)part, (void)parts;
}

#endif
