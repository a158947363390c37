/* Flat arrays of bytes that stand for numbers, and channel attention. Numbers go through the same
 * vector arithmetic at the end of an array as in its middle. */
#include "kernel/simd/simd.h"
#include "kernel/simd/vec_bytes.h"

enum { CHUNK = 4 * VEC_LANES };

/* A share of a flat array, in whole chunks but for the last. */
static void flat_share(int64_t count, int part, int parts, int64_t *first, int64_t *end)
{
    kernel_share((count + CHUNK - 1) / CHUNK, part, parts, first, end);
    *first *= CHUNK;
    *end = *end * CHUNK < count ? *end * CHUNK : count;
}

/* bytes at p to numbers */
VEC_INLINE vec load_numbers(const uint8_t *p, const struct kernel_bytes *bytes)
{
    vec_int x = vec_int_add(vec_int_from_bytes(p), vec_int_set1(-bytes->zero));
    return vec_mul(vec_set1(bytes->scale), vec_int_to_float(x));
}

/* The operands of one chunk: arrays that the operator has not stay NULL. */
struct chunk {
    const float *x;
    const uint8_t *a, *b;
    const struct kernel_bytes *a_bytes, *b_bytes;
};

VEC_INLINE void chunk_numbers(const struct chunk *c, int64_t at, const bool sum, vec numbers[4])
{
    VEC_UNROLL
    for (int i = 0; i < 4; i++, at += VEC_LANES) {
        numbers[i] = c->x ? vec_load(c->x + at) : load_numbers(c->a + at, c->a_bytes);
        if (sum)
            numbers[i] = vec_add(numbers[i], load_numbers(c->b + at, c->b_bytes));
    }
}

/* The numbers of one or two operands to bytes. */
VEC_INLINE void to_bytes(struct chunk c, const bool sum, uint8_t *y,
                         const struct kernel_bytes *y_bytes, int64_t count, int part, int parts)
{
    int64_t i, end;
    vec numbers[4];
    flat_share(count, part, parts, &i, &end);
    for (; i + CHUNK <= end; i += CHUNK) {
        chunk_numbers(&c, i, sum, numbers);
        vec_numbers_store(y + i, numbers, y_bytes, 4);
    }
    if (i >= end)
        return;
    float x[CHUNK] = {0};
    uint8_t a[CHUNK] = {0}, b[CHUNK] = {0}, result[CHUNK];
    size_t rest = (size_t)(end - i);
    if (c.x)
        memcpy(x, c.x + i, rest * sizeof(float));
    else
        memcpy(a, c.a + i, rest);
    if (sum)
        memcpy(b, c.b + i, rest);
    chunk_numbers(&(struct chunk){c.x ? x : NULL, a, b, c.a_bytes, c.b_bytes}, 0, sum, numbers);
    vec_numbers_store(result, numbers, y_bytes, 4);
    memcpy(y + i, result, rest);
}

void KERNEL_NAME(kernel_quantize)(const float *x, const struct kernel_bytes *bytes, uint8_t *y,
                                  int64_t count, int part, int parts)
{
    to_bytes((struct chunk){.x = x}, false, y, bytes, count, part, parts);
}

void KERNEL_NAME(kernel_requantize)(const uint8_t *x, const struct kernel_bytes *from, uint8_t *y,
                                    const struct kernel_bytes *to, int64_t count, int part,
                                    int parts)
{
    to_bytes((struct chunk){.a = x, .a_bytes = from}, false, y, to, count, part, parts);
}

void KERNEL_NAME(kernel_add_bytes)(const uint8_t *a, const struct kernel_bytes *a_bytes,
                                   const uint8_t *b, const struct kernel_bytes *b_bytes, uint8_t *y,
                                   const struct kernel_bytes *y_bytes, int64_t count, int part,
                                   int parts)
{
    to_bytes((struct chunk){.a = a, .a_bytes = a_bytes, .b = b, .b_bytes = b_bytes}, true, y,
             y_bytes, count, part, parts);
}

void KERNEL_NAME(kernel_dequantize)(const uint8_t *x, const struct kernel_bytes *bytes, float *y,
                                    int64_t count, int part, int parts)
{
    int64_t i, end;
    flat_share(count, part, parts, &i, &end);
    for (; i + VEC_LANES <= end; i += VEC_LANES)
        vec_store(y + i, load_numbers(x + i, bytes));
    if (i >= end)
        return;
    uint8_t last[VEC_LANES] = {0};
    memcpy(last, x + i, (size_t)(end - i));
    vec_store_part(y + i, load_numbers(last, bytes), (int)(end - i));
}

void KERNEL_NAME(kernel_scale_channels_bytes)(const uint8_t *input, const struct kernel_bytes *from,
                                              int64_t input_stride, const float *factor,
                                              uint8_t *output, const struct kernel_bytes *to,
                                              int64_t output_stride, int batch, int channels,
                                              int64_t pixels, int part, int parts)
{
    int64_t blocks = kernel_blocks(channels, VEC_LANES), i, end;
    kernel_share(batch * blocks, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t plane = i % blocks * pixels * VEC_LANES;
        const uint8_t *x = input + i / blocks * input_stride + plane;
        uint8_t *y = output + i / blocks * output_stride + plane;
        vec scale = vec_load(factor + i * VEC_LANES), numbers[4];
        for (int64_t p = 0; p < pixels; p += 4) {
            int count = pixels - p < 4 ? (int)(pixels - p) : 4;
            for (int j = 0; j < 4; j++) {
                int64_t at = p + (j < count ? j : 0);
                numbers[j] = vec_mul(load_numbers(x + at * VEC_LANES, from), scale);
            }
            vec_numbers_store(y + p * VEC_LANES, numbers, to, count);
        }
    }
}
