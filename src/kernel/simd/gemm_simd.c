/* Matrix product. B is packed into panels of PANEL vectors side by side, [panel][depth][columns],
 * the last panel as wide as it must be; a tile of up to TILE_ROWS rows by one panel stays in
 * registers over the whole depth, so that every element is summed in order of depth whatever the
 * tile's shape. */
#include "kernel/simd/simd.h"
#include "kernel/simd/transpose.h"
#include "kernel/simd/vec_math.h"
#include "kernel/simd/vec_more.h"

#if VEC_REGISTERS == 32
enum { PANEL = 4, TILE_ROWS = 6 };
#else
enum { PANEL = 2, TILE_ROWS = 6 };
#endif

enum {
    PANEL_COLUMNS = PANEL * VEC_LANES,
    CHUNK_FLOATS = 1 << 16, /* of A, kept in the second-level cache while the panels pass */
    AHEAD_LEAST = 1 << 11,  /* floats of B that are asked for in advance: a panel */
    AHEAD_MOST = 1 << 15,
    LINE_FLOATS = 16,
};

static int panel_vectors(int columns, int column)
{
    int left = columns - column;
    return left >= PANEL_COLUMNS ? PANEL : (left + VEC_LANES - 1) / VEC_LANES;
}

size_t KERNEL_NAME(kernel_gemm_packed_bytes)(int depth, int columns)
{
    size_t vectors = ((size_t)columns + VEC_LANES - 1) / VEC_LANES;
    return vectors * VEC_LANES * (size_t)depth * sizeof(float);
}

/* Rows of B lie in memory: one panel is `count` columns cut out of each. */
static void pack_rows(const float *b, int64_t row_stride, int depth, int count, int width,
                      float *to)
{
    for (int d = 0; d < depth; d++, b += row_stride, to += width) {
        int c = 0;
        for (; c + VEC_LANES <= count; c += VEC_LANES)
            vec_store(to + c, vec_load(b + c));
        if (c < count)
            vec_store(to + c, vec_load_part(b + c, count - c));
    }
}

/* Columns of B lie in memory: squares are transposed. */
static void pack_columns(const float *b, int64_t column_stride, int depth, int count, int width,
                         float *to)
{
    vec square[VEC_LANES];
    int lanes = count < VEC_LANES ? count : VEC_LANES;
    for (int d = 0; d < depth; d += VEC_LANES) {
        int steps = depth - d < VEC_LANES ? depth - d : VEC_LANES;
        for (int c = 0; c < VEC_LANES; c++)
            square[c] = c < lanes ? vec_load_up_to(b + c * column_stride + d, steps) : vec_zero();
        vec_transpose(square);
        for (int s = 0; s < steps; s++)
            vec_store(to + (int64_t)(d + s) * width, square[s]);
    }
}

static void pack_strided(const float *b, int64_t row_stride, int64_t column_stride, int depth,
                         int count, int width, float *to)
{
    for (int d = 0; d < depth; d++, to += width) {
        for (int c = 0; c < width; c++)
            to[c] = c < count ? b[d * row_stride + c * column_stride] : 0;
    }
}

void KERNEL_NAME(kernel_gemm_pack)(const float *b, int64_t row_stride, int64_t column_stride,
                                   int depth, int columns, void *packed, int part, int parts)
{
    int64_t panel, end;
    kernel_share(((int64_t)columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS, part, parts, &panel, &end);
    for (; panel < end; panel++) {
        int first = (int)(panel * PANEL_COLUMNS);
        int vectors = panel_vectors(columns, first), width = vectors * VEC_LANES;
        int count = columns - first < width ? columns - first : width;
        const float *from = b + first * column_stride;
        float *to = (float *)packed + (int64_t)first * depth;
        if (column_stride == 1) {
            pack_rows(from, row_stride, depth, count, width, to);
        } else if (row_stride == 1) {
            for (int c = 0; c < count; c += VEC_LANES)
                pack_columns(from + c * column_stride, column_stride, depth, count - c, width,
                             to + c);
        } else {
            pack_strided(from, row_stride, column_stride, depth, count, width, to);
        }
    }
}

/* Where one tile lies: C[row …][column …] from A's rows and one panel of B. */
struct tile {
    const float *a, *b;
    int64_t a_stride;
    int depth, rows, vectors;
};

VEC_INLINE void tile_sum(const struct tile *tile, int rows, int vectors, float *out)
{
    vec sums[TILE_ROWS][PANEL];
    const float *a = tile->a, *b = tile->b;
    int64_t a_stride = tile->a_stride, panel = (int64_t)tile->depth * vectors * VEC_LANES;
    int64_t ahead = panel < AHEAD_LEAST ? AHEAD_LEAST : panel < AHEAD_MOST ? panel : AHEAD_MOST;
    VEC_UNROLL
    for (int r = 0; r < rows; r++) {
        VEC_UNROLL
        for (int v = 0; v < vectors; v++)
            sums[r][v] = vec_zero();
    }
    for (int d = tile->depth; d > 0; d--, a++, b += vectors * VEC_LANES) {
        vec columns[PANEL];
        VEC_UNROLL
        for (int v = 0; v < vectors; v++) {
            columns[v] = vec_load(b + v * VEC_LANES);
            if (v * VEC_LANES % LINE_FLOATS == 0)
                __builtin_prefetch(b + v * VEC_LANES + ahead, 0, 2);
        }
        VEC_UNROLL
        for (int r = 0; r < rows; r++) {
            vec factor = vec_set1(a[r * a_stride]);
            VEC_UNROLL
            for (int v = 0; v < vectors; v++)
                sums[r][v] = vec_fma(factor, columns[v], sums[r][v]);
        }
    }
    VEC_UNROLL
    for (int r = 0; r < rows; r++) {
        VEC_UNROLL
        for (int v = 0; v < vectors; v++)
            vec_store(out + (r * PANEL + v) * VEC_LANES, sums[r][v]);
    }
}

VEC_INLINE void tile_rows(const struct tile *tile, int vectors, float *out)
{
    switch (tile->rows) {
    case 1: tile_sum(tile, 1, vectors, out); break;
    case 2: tile_sum(tile, 2, vectors, out); break;
    case 3: tile_sum(tile, 3, vectors, out); break;
    case 4: tile_sum(tile, 4, vectors, out); break;
    case 5: tile_sum(tile, 5, vectors, out); break;
    default: tile_sum(tile, 6, vectors, out); break;
    }
}

static void tile_dispatch(const struct tile *tile, float *out)
{
    switch (tile->vectors) {
    case 1: tile_rows(tile, 1, out); break;
    case 2: tile_rows(tile, 2, out); break;
#if VEC_REGISTERS == 32
    case 3: tile_rows(tile, 3, out); break;
    default: tile_rows(tile, 4, out); break;
#endif
    }
}

/* Bias, activation and residual of a finished tile, and the store. */
static void tile_store(const struct kernel_gemm *gemm, int row, int column, const struct tile *tile,
                       const float *sums)
{
    const struct kernel_epilogue *epilogue = &gemm->epilogue;
    for (int v = 0; v < tile->vectors; v++) {
        int first = column + v * VEC_LANES;
        int lanes = gemm->columns - first < VEC_LANES ? gemm->columns - first : VEC_LANES;
        vec bias = gemm->bias ? vec_load_part(gemm->bias + first, lanes) : vec_zero();
        for (int r = 0; r < tile->rows; r++) {
            int64_t at = (row + r) * gemm->c_stride + first;
            vec sum = vec_load(sums + (r * PANEL + v) * VEC_LANES);
            if (gemm->bias)
                sum = vec_add(sum, bias);
            if (epilogue->residual == KERNEL_RESIDUAL_BEFORE)
                sum = vec_add(sum, vec_load_part(gemm->residual + at, lanes));
            sum = vec_activate(epilogue->activation, epilogue->alpha, epilogue->beta, sum);
            if (epilogue->residual == KERNEL_RESIDUAL_AFTER)
                sum = vec_add(sum, vec_load_part(gemm->residual + at, lanes));
            vec_store_part(gemm->c + at, sum, lanes);
        }
    }
}

/* The same for whole vectors with nothing to do but the bias. */
static void tile_store_plain(const struct kernel_gemm *gemm, int row, int column,
                             const struct tile *tile, const float *sums)
{
    for (int v = 0; v < tile->vectors; v++) {
        float *to = gemm->c + row * gemm->c_stride + column + v * VEC_LANES;
        vec bias = gemm->bias ? vec_load(gemm->bias + column + v * VEC_LANES) : vec_zero();
        for (int r = 0; r < tile->rows; r++, to += gemm->c_stride) {
            vec sum = vec_load(sums + (r * PANEL + v) * VEC_LANES);
            vec_store(to, gemm->bias ? vec_add(sum, bias) : sum);
        }
    }
}

/* The rows of the next tile, for the first panel: later ones find them in the cache. */
static void prefetch_rows(const struct kernel_gemm *gemm, int64_t row, int64_t count)
{
    const float *a = gemm->a + row * gemm->a_stride;
    for (int64_t at = 0; at < count * gemm->a_stride; at += LINE_FLOATS)
        __builtin_prefetch(a + at);
}

/* Tiles [first, end) of the rows [row, row + rows) × panels, panel by panel. */
static void run_chunk(const struct kernel_gemm *gemm, int row, int rows, int64_t first, int64_t end)
{
    int tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    _Alignas(64) float sums[TILE_ROWS * PANEL_COLUMNS];
    for (int64_t i = first; i < end; i++) {
        int64_t top, bottom;
        int column = (int)(i / tiles) * PANEL_COLUMNS;
        kernel_share(rows, (int)(i % tiles), tiles, &top, &bottom);
        if (column == 0 && bottom < rows)
            prefetch_rows(gemm, row + bottom, bottom - top);
        struct tile tile = {
            .a = gemm->a + (row + top) * gemm->a_stride,
            .b = (const float *)gemm->packed_b + (int64_t)column * gemm->depth,
            .a_stride = gemm->a_stride,
            .depth = gemm->depth,
            .rows = (int)(bottom - top),
            .vectors = panel_vectors(gemm->columns, column),
        };
        tile_dispatch(&tile, sums);
        bool plain = gemm->epilogue.activation == KERNEL_LINEAR &&
                     gemm->epilogue.residual == KERNEL_NO_RESIDUAL &&
                     column + tile.vectors * VEC_LANES <= gemm->columns;
        if (plain)
            tile_store_plain(gemm, row + (int)top, column, &tile, sums);
        else
            tile_store(gemm, row + (int)top, column, &tile, sums);
    }
}

void KERNEL_NAME(kernel_gemm_run)(const struct kernel_gemm *gemm, int part, int parts)
{
    int64_t panels = ((int64_t)gemm->columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
    int chunk_rows = CHUNK_FLOATS / (gemm->depth > 0 ? gemm->depth : 1) / TILE_ROWS * TILE_ROWS;
    if (chunk_rows < 8 * TILE_ROWS)
        chunk_rows = 8 * TILE_ROWS;
    int64_t chunk_tiles = chunk_rows / TILE_ROWS * panels;
    int64_t chunks = gemm->rows / chunk_rows, rest = gemm->rows % chunk_rows;
    int64_t rest_tiles = (rest + TILE_ROWS - 1) / TILE_ROWS * panels;
    int64_t first, end;
    kernel_share(chunks * chunk_tiles + rest_tiles, part, parts, &first, &end);
    for (int64_t chunk = first / (chunk_tiles ? chunk_tiles : 1); first < end; chunk++) {
        int64_t begin = chunk * chunk_tiles;
        int64_t stop = end - begin < chunk_tiles ? end - begin : chunk_tiles;
        run_chunk(gemm, (int)chunk * chunk_rows, chunk < chunks ? chunk_rows : (int)rest,
                  first - begin, stop);
        first = begin + stop;
    }
}
