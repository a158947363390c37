/* Moving channels between plain and blocked tensors, squares transposed in registers. A share of
 * the work is a run of pieces; a piece is some pixels of one channel block of one image. All blocks of
 * some pixels come before the next ones, as in the convolutions around. */
#include <string.h>

#include "kernel/simd/simd.h"
#include "kernel/simd/transpose.h"
#include "kernel/simd/vec_more.h"

enum { PIECE_PIXELS = 128 };

/* Channels [first, end) of a blocked tensor's image, cut into pieces. */
struct cut {
    int first, end;
    int64_t blocks, strips, pieces; /* touched blocks, pixel strips, pieces in all */
    int64_t pixels;
};

struct piece {
    int64_t n, block, pixel, count;
    int low, high; /* the block's lanes that are moved */
    bool last;     /* no later block is touched */
};

static struct cut cut_make(int batch, int first, int channels, int64_t pixels)
{
    struct cut cut = {.first = first, .end = first + channels, .pixels = pixels};
    if (channels > 0)
        cut.blocks = (cut.end + VEC_LANES - 1) / VEC_LANES - first / VEC_LANES;
    cut.strips = (pixels + PIECE_PIXELS - 1) / PIECE_PIXELS;
    cut.pieces = batch * cut.blocks * cut.strips;
    return cut;
}

static struct piece cut_piece(const struct cut *cut, int64_t index)
{
    struct piece piece;
    int64_t touched = index % cut->blocks;
    piece.n = index / cut->strips / cut->blocks;
    piece.block = cut->first / VEC_LANES + touched;
    piece.pixel = index / cut->blocks % cut->strips * PIECE_PIXELS;
    piece.count =
        cut->pixels - piece.pixel < PIECE_PIXELS ? cut->pixels - piece.pixel : PIECE_PIXELS;
    int64_t base = piece.block * VEC_LANES;
    piece.low = cut->first > base ? (int)(cut->first - base) : 0;
    piece.high = cut->end - base < VEC_LANES ? (int)(cut->end - base) : VEC_LANES;
    piece.last = touched == cut->blocks - 1;
    return piece;
}

/* `from` is the plane of the block's lane `low`. */
static void piece_to_blocked(const struct piece *piece, const float *from, int64_t pixels,
                             int store_end, float *to)
{
    vec square[VEC_LANES];
    bool whole = piece->low == 0 && store_end == VEC_LANES;
    vec_mask mask = vec_lanes(piece->low, store_end);
    for (int64_t p = 0; p < piece->count; p += VEC_LANES) {
        int64_t count = piece->count - p < VEC_LANES ? piece->count - p : VEC_LANES;
        for (int c = 0; c < VEC_LANES; c++) {
            bool there = c >= piece->low && c < piece->high;
            square[c] =
                there ? vec_load_up_to(from + (c - piece->low) * pixels + p, count) : vec_zero();
        }
        vec_transpose(square);
        for (int i = 0; i < count; i++) {
            if (whole)
                vec_store(to + (p + i) * VEC_LANES, square[i]);
            else
                vec_store_masked(to + (p + i) * VEC_LANES, square[i], mask);
        }
    }
}

void KERNEL_NAME(kernel_to_blocked)(const float *plain, int64_t plain_stride, float *blocked,
                                    int64_t blocked_stride, int batch, int first, int channels,
                                    bool last, int64_t pixels, int part, int parts)
{
    struct cut cut = cut_make(batch, first, channels, pixels);
    int64_t i, end;
    kernel_share(cut.pieces, part, parts, &i, &end);
    for (; i < end; i++) {
        struct piece piece = cut_piece(&cut, i);
        int64_t channel = piece.block * VEC_LANES + piece.low - first;
        piece_to_blocked(&piece, plain + piece.n * plain_stride + channel * pixels + piece.pixel,
                         pixels, last && piece.last ? VEC_LANES : piece.high,
                         blocked + piece.n * blocked_stride +
                             (piece.block * pixels + piece.pixel) * VEC_LANES);
    }
}

/* `to` is the plane of the block's lane `low`. */
static void piece_to_plain(const struct piece *piece, const float *from, float *to, int64_t pixels)
{
    vec square[VEC_LANES];
    for (int64_t p = 0; p < piece->count; p += VEC_LANES) {
        int64_t count = piece->count - p < VEC_LANES ? piece->count - p : VEC_LANES;
        for (int i = 0; i < VEC_LANES; i++)
            square[i] = i < count ? vec_load(from + (p + i) * VEC_LANES) : vec_zero();
        vec_transpose(square);
        for (int c = piece->low; c < piece->high; c++)
            vec_store_up_to(to + (c - piece->low) * pixels + p, square[c], count);
    }
}

void KERNEL_NAME(kernel_to_plain)(const float *blocked, int64_t blocked_stride, float *plain,
                                  int64_t plain_stride, int batch, int first, int channels,
                                  int64_t pixels, int part, int parts)
{
    struct cut cut = cut_make(batch, first, channels, pixels);
    int64_t i, end;
    kernel_share(cut.pieces, part, parts, &i, &end);
    for (; i < end; i++) {
        struct piece piece = cut_piece(&cut, i);
        int64_t channel = piece.block * VEC_LANES + piece.low - first;
        piece_to_plain(&piece,
                       blocked + piece.n * blocked_stride +
                           (piece.block * pixels + piece.pixel) * VEC_LANES,
                       plain + piece.n * plain_stride + channel * pixels + piece.pixel, pixels);
    }
}

/* A block of the target takes its lanes from two blocks of the source: lane i from lane i + shift
 * of `low` followed by `high`. */
static void piece_copy(const struct piece *piece, const float *low, const float *high, int shift,
                       int store_end, float *to)
{
    if (piece->low == 0 && piece->high == VEC_LANES && shift == 0) {
        memcpy(to, low, (size_t)piece->count * VEC_LANES * sizeof(float));
        return;
    }
    if (piece->low == 0 && piece->high == VEC_LANES) {
        for (int64_t p = 0; p < piece->count * VEC_LANES; p += VEC_LANES)
            vec_store(to + p, vec_align(vec_load(low + p), vec_load(high + p), shift));
        return;
    }
    vec_mask moved = vec_lanes(piece->low, piece->high), stored = vec_lanes(piece->low, store_end);
    for (int64_t p = 0; p < piece->count * VEC_LANES; p += VEC_LANES) {
        vec x = vec_align(vec_load(low + p), vec_load(high + p), shift);
        vec_store_masked(to + p, vec_select(moved, x, vec_zero()), stored);
    }
}

void KERNEL_NAME(kernel_copy_channels)(const float *from, int64_t from_stride, int from_first,
                                       float *to, int64_t to_stride, int to_first, int channels,
                                       bool last, int batch, int64_t pixels, int part, int parts)
{
    struct cut cut = cut_make(batch, to_first, channels, pixels);
    int64_t i, end;
    kernel_share(cut.pieces, part, parts, &i, &end);
    for (; i < end; i++) {
        struct piece piece = cut_piece(&cut, i);
        /* the source's channels that would meet lane 0 and the moved lanes */
        int64_t channel = from_first - to_first + piece.block * VEC_LANES;
        int64_t block_low = (channel + piece.low) / VEC_LANES;
        int64_t block_high = (channel + piece.high - 1) / VEC_LANES;
        int shift = (int)((channel % VEC_LANES + VEC_LANES) % VEC_LANES);
        const float *image = from + piece.n * from_stride;
        piece_copy(&piece, image + (block_low * pixels + piece.pixel) * VEC_LANES,
                   image + (block_high * pixels + piece.pixel) * VEC_LANES, shift,
                   last && piece.last ? VEC_LANES : piece.high,
                   to + piece.n * to_stride + (piece.block * pixels + piece.pixel) * VEC_LANES);
    }
}

static void transpose_square(const float *from, int64_t from_stride, float *to, int64_t to_stride,
                             int64_t high, int64_t wide)
{
    vec square[VEC_LANES];
    for (int i = 0; i < VEC_LANES; i++)
        square[i] = i < high ? vec_load_up_to(from + i * from_stride, wide) : vec_zero();
    vec_transpose(square);
    for (int i = 0; i < VEC_LANES && i < wide; i++)
        vec_store_up_to(to + i * to_stride, square[i], high);
}

/* By strips of columns: a strip of the target stays in the cache until its rows are full, and the
 * source is read in runs that are long enough to be foreseen. */
void KERNEL_NAME(kernel_transpose)(const float *from, int64_t from_stride, float *to,
                                   int64_t to_stride, int64_t rows, int64_t columns, int part,
                                   int parts)
{
    enum { STRIP = 128 };
    int64_t strip, end_strip;
    kernel_share((columns + STRIP - 1) / STRIP, part, parts, &strip, &end_strip);
    for (; strip < end_strip; strip++) {
        int64_t first = strip * STRIP, end = first + STRIP < columns ? first + STRIP : columns;
        for (int64_t y = 0; y < rows; y += VEC_LANES)
            for (int64_t x = first; x < end; x += VEC_LANES)
                transpose_square(from + y * from_stride + x, from_stride, to + x * to_stride + y,
                                 to_stride, rows - y, end - x);
    }
}

void KERNEL_NAME(kernel_scale_channels)(const float *input, int64_t input_stride,
                                        const float *factor, float *output, int64_t output_stride,
                                        int batch, int channels, int64_t pixels, int part,
                                        int parts)
{
    struct cut cut = cut_make(batch, 0, channels, pixels);
    int64_t i, end;
    kernel_share(cut.pieces, part, parts, &i, &end);
    for (; i < end; i++) {
        struct piece piece = cut_piece(&cut, i);
        int64_t at = (piece.block * pixels + piece.pixel) * VEC_LANES;
        const float *from = input + piece.n * input_stride + at;
        float *to = output + piece.n * output_stride + at;
        vec scale = vec_load(factor + (piece.n * cut.blocks + piece.block) * VEC_LANES);
        for (int64_t p = 0; p < piece.count * VEC_LANES; p += VEC_LANES)
            vec_store(to + p, vec_mul(vec_load(from + p), scale));
    }
}
