/* 1×1 convolutions by Strassen's algorithm in Winograd's form, one level deep: output channels,
 * input channels and the pixels of a band are halved, and seven products with 15 additions take the
 * place of eight. The weights' additions happen when they are packed.
 *
 *   A: weights [output half][input half]     S1 = A21 + A22  S2 = S1 - A11
 *                                            S3 = A11 - A21  S4 = A12 - S2
 *   B: input [input half][pixel half]        T1 = B12 - B11  T2 = B22 - T1
 *                                            T3 = B22 - B12  T4 = T2 - B21
 *   P1 = A11 B11, P2 = A12 B21, P3 = S4 B22, P4 = A22 T4, P5 = S1 T1, P6 = S2 T2, P7 = S3 T3
 *   C11 = P1 + P2, C12 = P1 + P6 + P5 + P3, C21 = P1 + P6 + P7 - P4, C22 = P1 + P6 + P7 + P5 */
#include "kernel/simd/conv.h"
#include "kernel/simd/vec_math.h"

/* plan->tile[] of this method */
enum { BLOCKS, HALF, BANDS };

/* Products are made for so many pixels at a time; a tile has at most so many blocks, so that the
 * weights of one product stay in the first-level cache meanwhile. */
enum { PRODUCTS = 7, STRETCH = 48, MAX_BLOCKS = 3 };

/* What lies in scratch memory, one after another: B22 too, for the pixel that an odd band lacks. */
enum { T1, T2, T3, T4, B22, SUMS };

/* Floats of one product of a stretch. */
enum { PRODUCT = MAX_BLOCKS * STRETCH * VEC_LANES };

struct strassen {
    const struct kernel_conv_shape *s;
    int blocks, half;                  /* of output channels in a tile; pixels in half of a band */
    int bands;                         /* of an image */
    int in_blocks, out_blocks, groups; /* of half of the channels; groups of `blocks` */
    int64_t pixels;
    int64_t sum_stride;   /* floats of one of the SUMS */
    int64_t group_floats; /* weights of all products for one group */
};

static struct strassen strassen_of(const struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct strassen d = {
        .s = s,
        .blocks = plan->tile[BLOCKS],
        .half = plan->tile[HALF],
        .bands = plan->tile[BANDS],
        .in_blocks = s->in_channels / VEC_LANES / 2,
        .out_blocks = s->out_channels / VEC_LANES / 2,
        .pixels = (int64_t)s->out_height * s->out_width,
    };
    d.groups = d.blocks ? (d.out_blocks + d.blocks - 1) / d.blocks : 0;
    d.sum_stride = (int64_t)d.in_blocks * d.half * VEC_LANES;
    d.group_floats = (int64_t)PRODUCTS * d.in_blocks * VEC_LANES * d.blocks * VEC_LANES;
    return d;
}

/* ---- Plan and pack --------------------------------------------------------------------------- */

static bool supported(const struct kernel_conv_shape *s)
{
    return s->kernel_height == 1 && s->kernel_width == 1 && s->stride_height == 1 &&
           s->stride_width == 1 && s->pad_top == 0 && s->pad_left == 0 && s->groups == 1 &&
           s->in_height == s->out_height && s->in_width == s->out_width && !s->transposed &&
           !s->plain_input && !s->plain_output && s->in_channels % (2 * VEC_LANES) == 0 &&
           s->out_channels % (2 * VEC_LANES) == 0;
}

/* Pixels of half a band: few enough that the sums stay in the cache, and that a pool has its
 * shares. */
static int choose_half(const struct strassen *d)
{
    enum { CACHE = 192 << 10, LEAST = 24, SHARES = 8 };
    int64_t most = CACHE / ((int64_t)SUMS * d->in_blocks * VEC_LANES * 4);
    int64_t share = d->pixels / (2 * SHARES);
    most = most < share ? most : share;
    most = most < LEAST ? LEAST : most;
    int64_t bands = (d->pixels + 2 * most - 1) / (2 * most);
    int64_t half = (d->pixels + 2 * bands - 1) / (2 * bands);
    return (int)half;
}

/* Estimated cycles for one image. */
static float cost_of(const struct strassen *d)
{
    float half = (float)d->half, channels = (float)(d->in_blocks * VEC_LANES);
    float products = (float)PRODUCTS * channels *
                     KERNEL_NAME(conv_tile_cost)(d->blocks, d->out_blocks * VEC_LANES, d->half);
    /* measured: it pays from some 128 channels in and 384 out on, or 256 in and out */
    float additions = half * (12.0f * (float)d->in_blocks + 21.0f * (float)d->out_blocks);
    return (products + additions) * (float)d->bands;
}

int KERNEL_NAME(conv_strassen_plan)(struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    if (!supported(s))
        return STANCE_EUNSUPPORTED;
    struct strassen d = strassen_of(plan);
    plan->tile[HALF] = d.half = choose_half(&d);
    plan->tile[BANDS] = (int)((d.pixels + 2 * d.half - 1) / (2 * d.half));
    int blocks = KERNEL_NAME(conv_tile_choose)(d.out_blocks * VEC_LANES, d.half);
    plan->tile[BLOCKS] = blocks > MAX_BLOCKS ? blocks / 2 : blocks;
    d = strassen_of(plan);
    int64_t units = (int64_t)s->batch * d.bands;
    int64_t floats = (int64_t)s->out_channels * (1 + (int64_t)s->in_channels * PRODUCTS / 4);
    plan->name = "strassen 1x1";
    plan->parts = units < 1 ? 1 : units > 64 ? 64 : (int)units;
    plan->tile[CONV_COST] = conv_cost(cost_of(&d), floats * 4);
    plan->packing = d.blocks;
    plan->packed_bytes = (size_t)floats * sizeof(float);
    plan->scratch_bytes = (size_t)(SUMS * d.sum_stride + PRODUCTS * PRODUCT) * sizeof(float);
    return plan->scratch_bytes > CONV_SCRATCH_LIMIT ? STANCE_EUNSUPPORTED : 0;
}

/* The weight that product `product` has for output k and input c of the halves. */
static float weight_of(const struct kernel_conv_shape *s, const float *weights, int product, int k,
                       int c)
{
    int ins = s->in_channels, half = ins / 2;
    const float *upper = weights + (int64_t)k * ins + c;
    const float *lower = upper + (int64_t)s->out_channels / 2 * ins;
    float a11 = upper[0], a12 = upper[half], a21 = lower[0], a22 = lower[half];
    float s1 = a21 + a22, s2 = s1 - a11;
    const float all[PRODUCTS] = {a11, a12, a12 - s2, a22, s1, s2, a11 - a21};
    return all[product];
}

/* [group][product][channel][block][lane] after the bias. */
void KERNEL_NAME(conv_strassen_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                     const float *bias, float *packed)
{
    struct strassen d = strassen_of(plan);
    for (int k = 0; k < d.s->out_channels; k++)
        *packed++ = bias ? bias[k] : 0.0f;
    for (int first = 0; first < d.out_blocks; first += d.blocks) {
        int left = d.out_blocks - first, blocks = left < d.blocks ? left : d.blocks;
        for (int product = 0; product < PRODUCTS; product++)
            for (int c = 0; c < d.in_blocks * VEC_LANES; c++)
                for (int lane = 0; lane < blocks * VEC_LANES; lane++)
                    *packed++ = weight_of(d.s, weights, product, first * VEC_LANES + lane, c);
    }
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* A band of one image: `first` pixels in the first half, `second` in the other, which has as many
 * or one fewer. */
struct band {
    const struct strassen *d;
    int64_t plane; /* floats between the input's blocks, and the output's */
    int first, second;
    const float *input; /* B11 */
    float *sums, *products;
};

static void add_pixels(const struct band *at)
{
    const struct strassen *d = at->d;
    for (int block = 0; block < d->in_blocks; block++) {
        const float *b11 = at->input + block * at->plane, *b12 = b11 + at->first * VEC_LANES;
        const float *b21 = b11 + d->in_blocks * at->plane, *b22 = b21 + at->first * VEC_LANES;
        float *to = at->sums + (int64_t)block * d->half * VEC_LANES;
        for (int i = 0; i < at->first; i++) {
            int64_t p = (int64_t)i * VEC_LANES;
            vec x12 = i < at->second ? vec_load(b12 + p) : vec_zero();
            vec x22 = i < at->second ? vec_load(b22 + p) : vec_zero();
            vec t1 = vec_sub(x12, vec_load(b11 + p)), t2 = vec_sub(x22, t1);
            vec_store(to + T1 * d->sum_stride + p, t1);
            vec_store(to + T2 * d->sum_stride + p, t2);
            vec_store(to + T3 * d->sum_stride + p, vec_sub(x22, x12));
            vec_store(to + T4 * d->sum_stride + p, vec_sub(t2, vec_load(b21 + p)));
            vec_store(to + B22 * d->sum_stride + p, x22);
        }
    }
}

/* The products of `count` pixels with one group's weights: [block][pixel][lane] each. */
static void multiply(const struct band *at, const float *weights, int blocks, int pixel, int count)
{
    static const int32_t no_offset;
    const struct strassen *d = at->d;
    const float *inputs[PRODUCTS] = {
        at->input,
        at->input + d->in_blocks * at->plane,
        at->sums + B22 * d->sum_stride,
        at->sums + T4 * d->sum_stride,
        at->sums + T1 * d->sum_stride,
        at->sums + T2 * d->sum_stride,
        at->sums + T3 * d->sum_stride,
    };
    for (int i = 0; i < PRODUCTS; i++) {
        const struct conv_tile tile = {
            .input = inputs[i] + (int64_t)pixel * VEC_LANES,
            .weights = weights + (int64_t)i * d->in_blocks * VEC_LANES * blocks * VEC_LANES,
            .taps = &no_offset,
            .tap_count = 1,
            .in_blocks = d->in_blocks,
            .last_channels = VEC_LANES,
            .in_block_stride = i < 2 ? at->plane : (int64_t)d->half * VEC_LANES,
            .output = at->products + (int64_t)i * PRODUCT,
            .out_block_stride = count * VEC_LANES,
            .out_pixel_stride = VEC_LANES,
        };
        KERNEL_NAME(conv_tile_line)(tile, blocks, count);
    }
}

/* C11, C12, C21, C22 of one vector of the products. */
VEC_INLINE void add_products(const float *p, vec upper, vec lower, vec *c)
{
    vec p1 = vec_load(p), p5 = vec_load(p + 4 * PRODUCT);
    vec u2 = vec_add(p1, vec_load(p + 5 * PRODUCT));
    vec u3 = vec_add(u2, vec_load(p + 6 * PRODUCT));
    c[0] = vec_add(vec_add(p1, vec_load(p + PRODUCT)), upper);
    c[1] = vec_add(vec_add(vec_add(u2, p5), vec_load(p + 2 * PRODUCT)), upper);
    c[2] = vec_add(vec_sub(u3, vec_load(p + 3 * PRODUCT)), lower);
    c[3] = vec_add(vec_add(u3, p5), lower);
}

/* Where a stretch goes: the quarters of the output, and how many pixels of the second half. */
struct quarters {
    float *to[4];
    int count, second;
};

/* Sums that only have to be clamped go straight to the output. */
static void finish_clamped(const struct quarters *q, const struct conv_tile *tile, float *products,
                           int64_t lower_bias)
{
    vec low = vec_set1(tile->finish->low), high = vec_set1(tile->finish->high), c[4];
    vec upper = vec_load(tile->bias), lower = vec_load(tile->bias + lower_bias);
    int i = 0;
    for (; i < q->second; i++) {
        add_products(products + i * VEC_LANES, upper, lower, c);
        VEC_UNROLL
        for (int k = 0; k < 4; k++)
            vec_store(q->to[k] + i * VEC_LANES, vec_clamp(c[k], low, high));
    }
    for (; i < q->count; i++) {
        add_products(products + i * VEC_LANES, upper, lower, c);
        vec_store(q->to[0] + i * VEC_LANES, vec_clamp(c[0], low, high));
        vec_store(q->to[2] + i * VEC_LANES, vec_clamp(c[2], low, high));
    }
}

/* The same with a residual or another activation; the products are overwritten. */
static void finish_other(const struct quarters *q, const struct conv_tile *tile, float *products,
                         int64_t lower_bias)
{
    vec upper = vec_load(tile->bias), lower = vec_load(tile->bias + lower_bias), c[4];
    for (int i = 0; i < q->count; i++) {
        add_products(products + i * VEC_LANES, upper, lower, c);
        VEC_UNROLL
        for (int k = 0; k < 4; k++)
            vec_store(products + k * PRODUCT + i * VEC_LANES, c[k]);
    }
    for (int k = 0; k < 4; k++) {
        struct conv_tile now = *tile;
        now.output = q->to[k];
        if (now.residual)
            now.residual += q->to[k] - tile->output;
        KERNEL_NAME(conv_tile_finish)
        (&now, products + k * PRODUCT, 1, k % 2 ? q->second : q->count);
    }
}

/* All pixels of a band with one group; `tile` is at the band's first pixel of the group. */
static void run_group(const struct band *at, struct conv_tile tile, int blocks)
{
    const struct strassen *d = at->d;
    for (int pixel = 0, count; pixel < at->first; pixel += count) {
        count = at->first - pixel < STRETCH ? at->first - pixel : STRETCH;
        multiply(at, tile.weights, blocks, pixel, count);
        for (int b = 0; b < blocks; b++) {
            struct conv_tile now = tile;
            int64_t move = b * at->plane + pixel * VEC_LANES;
            now.bias += b * VEC_LANES;
            now.output += move;
            if (now.residual)
                now.residual += move;
            struct quarters q = {
                .count = count,
                .second = at->second - pixel < count ? at->second - pixel : count,
            };
            for (int k = 0; k < 4; k++)
                q.to[k] =
                    now.output + k % 2 * at->first * VEC_LANES + k / 2 * d->out_blocks * at->plane;
            (now.finish->kind == CONV_FINISH_CLAMP ? finish_clamped : finish_other)(
                &q, &now, at->products + (int64_t)b * count * VEC_LANES,
                (int64_t)d->out_blocks * VEC_LANES);
        }
    }
}

void KERNEL_NAME(conv_strassen_run)(const struct kernel_conv_plan *plan,
                                    const struct kernel_conv_buffers *buffers, int part, int parts)
{
    struct strassen d = strassen_of(plan);
    struct conv_finish finish_of = KERNEL_NAME(conv_finish_of)(&plan->epilogue);
    int64_t unit, end;
    kernel_share((int64_t)d.s->batch * d.bands, part, parts, &unit, &end);
    for (; unit < end; unit++) {
        int64_t image = unit / d.bands, first = unit % d.bands * 2 * d.half;
        int count = (int)(d.pixels - first < 2 * d.half ? d.pixels - first : 2 * d.half);
        struct band band = {
            .d = &d,
            .plane = d.pixels * VEC_LANES,
            .first = (count + 1) / 2,
            .second = count / 2,
            .input = buffers->input + image * buffers->input_batch_stride + first * VEC_LANES,
            .sums = buffers->scratch,
            .products = (float *)buffers->scratch + SUMS * d.sum_stride,
        };
        add_pixels(&band);
        const float *weights = (const float *)buffers->packed + d.s->out_channels;
        for (int group = 0; group < d.groups; group++, weights += d.group_floats) {
            int block = group * d.blocks, left = d.out_blocks - block;
            int64_t at = block * band.plane + first * VEC_LANES;
            struct conv_tile tile = {
                .weights = weights,
                .bias = (const float *)buffers->packed + block * VEC_LANES,
                .output = buffers->output + image * buffers->output_batch_stride + at,
                .out_block_stride = band.plane,
                .out_pixel_stride = VEC_LANES,
                .finish = &finish_of,
            };
            if (buffers->residual)
                tile.residual = buffers->residual + image * buffers->residual_batch_stride + at;
            run_group(&band, tile, left < d.blocks ? left : d.blocks);
        }
    }
}
