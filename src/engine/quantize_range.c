/* Ranges of activations: histograms of what was seen, and four ways to cut them. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"

enum { HALF = QUANTIZE_BINS / 2, LEVELS = 256, STEPS = 48 };

const char *const engine_quantize_method_names[] = {"auto", "minmax", "percentile", "mse",
                                                    "entropy"};

int engine_quantize_histogram_open(struct quantize_histogram *histogram)
{
    *histogram = (struct quantize_histogram){0};
    histogram->bins = base_alloc_zero(QUANTIZE_BINS, sizeof *histogram->bins);
    return histogram->bins
               ? 0
               : base_error_memory(QUANTIZE_BINS * sizeof *histogram->bins, "a histogram");
}

/* Twice the width: neighbours join, away from the middle. */
static void widen(struct quantize_histogram *histogram)
{
    int64_t *bins = histogram->bins;
    for (int i = 0; i < HALF; i++) {
        int64_t above = i < HALF / 2 ? bins[HALF + 2 * i] + bins[HALF + 2 * i + 1] : 0;
        bins[HALF + i] = above;
    }
    for (int i = 0; i < HALF; i++) {
        int64_t below = i < HALF / 2 ? bins[HALF - 1 - 2 * i] + bins[HALF - 2 - 2 * i] : 0;
        bins[HALF - 1 - i] = below;
    }
    histogram->limit *= 2;
}

static bool find_extent(const float *values, int64_t count, float *least, float *most)
{
    float low = 0, high = 0;
    bool finite = true;
    for (int64_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
        finite = finite && isfinite(values[i]);
    }
    *least = low;
    *most = high;
    return finite;
}

int engine_quantize_histogram_add(struct quantize_histogram *histogram, const float *values,
                                  int64_t count)
{
    float least, most;
    if (!find_extent(values, count, &least, &most))
        return base_error(STANCE_EFORMAT, "it holds values that are not finite");
    double reach = fmax(-(double)least, (double)most);
    if (histogram->limit == 0 && reach > 0)
        histogram->limit = exp2(ceil(log2(reach)));
    if (histogram->limit == 0) { /* zeros stay in the middle, whatever the limit will be */
        histogram->bins[HALF] += count;
        histogram->count += count;
        return 0;
    }
    while (reach > histogram->limit)
        widen(histogram);
    double scale = HALF / histogram->limit;
    for (int64_t i = 0; i < count; i++) {
        int bin = HALF + (int)floor((double)values[i] * scale);
        histogram->bins[bin < 0 ? 0 : bin < QUANTIZE_BINS ? bin : QUANTIZE_BINS - 1]++;
    }
    histogram->count += count;
    histogram->least = fminf(histogram->least, least);
    histogram->most = fmaxf(histogram->most, most);
    return 0;
}

static double width_of(const struct quantize_histogram *histogram)
{
    return histogram->limit / HALF;
}

/* The first and the last bin that hold anything. */
static void find_used(const struct quantize_histogram *histogram, int *first, int *last)
{
    *first = 0;
    *last = QUANTIZE_BINS - 1;
    while (*first < *last && !histogram->bins[*first])
        ++*first;
    while (*last > *first && !histogram->bins[*last])
        --*last;
}

struct quantize_bytes engine_quantize_bytes_of(struct quantize_range range)
{
    float low = fminf(range.low, 0), high = fmaxf(range.high, 0);
    float scale = (high - low) / (LEVELS - 1);
    if (!(scale > 1e-20f)) /* nothing but zeros */
        return (struct quantize_bytes){1, 0};
    return (struct quantize_bytes){scale, (uint8_t)rintf(fminf(-low / scale, LEVELS - 1))};
}

/* ---- Percentile ---- */

static struct quantize_range by_percentile(const struct quantize_histogram *histogram)
{
    int first, last;
    int64_t left = histogram->count / 20000, below = 0, above = 0; /* half of 1e-4 a side */
    find_used(histogram, &first, &last);
    while (first < last && (below += histogram->bins[first]) <= left)
        first++;
    while (last > first && (above += histogram->bins[last]) <= left)
        last--;
    double width = width_of(histogram);
    return (struct quantize_range){fmaxf(histogram->least, (float)((first - HALF) * width)),
                                   fminf(histogram->most, (float)((last + 1 - HALF) * width))};
}

/* ---- Mean squared error ---- */

static double squared_error(const struct quantize_histogram *histogram, int first, int last,
                            struct quantize_range range)
{
    struct quantize_bytes bytes = engine_quantize_bytes_of(range);
    double width = width_of(histogram), scale = (double)bytes.scale, sum = 0;
    for (int i = first; i <= last; i++) {
        if (!histogram->bins[i])
            continue;
        double x = (i - HALF + 0.5) * width;
        double byte = fmin(fmax(rint(x / scale) + bytes.zero, 0), LEVELS - 1);
        double error = x - (byte - bytes.zero) * scale;
        sum += error * error * (double)histogram->bins[i];
    }
    return sum;
}

static struct quantize_range by_squared_error(const struct quantize_histogram *histogram)
{
    struct quantize_range best = {histogram->least, histogram->most};
    int first, last;
    find_used(histogram, &first, &last);
    double least = squared_error(histogram, first, last, best);
    for (int high = 0; high < STEPS; high++)
        for (int low = 0; low < (histogram->least < 0 ? 4 : 1); low++) {
            struct quantize_range range = {histogram->least * (1 - 0.2f * (float)low),
                                           histogram->most * (1 - (float)high / STEPS)};
            double error = squared_error(histogram, first, last, range);
            if (error < least) {
                least = error;
                best = range;
            }
        }
    return best;
}

/* ---- Entropy ---- */

/* Divergence of the histogram, cut to a range, from what 256 levels make of it (Migacz, 8-bit
 * Inference with TensorRT, 2017): each level spreads its count over its bins that hold anything. */
static double divergence(const struct quantize_histogram *histogram, int first, int last,
                         struct quantize_range range)
{
    struct quantize_bytes bytes = engine_quantize_bytes_of(range);
    int64_t sums[LEVELS] = {0};
    int32_t used[LEVELS] = {0};
    double width = width_of(histogram), sum = 0;
    int64_t outside[LEVELS] = {0}, inside_all = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = first; i <= last; i++) {
            int64_t count = histogram->bins[i];
            if (!count)
                continue;
            double level = rint((i - HALF + 0.5) * width / (double)bytes.scale) + bytes.zero;
            int at = level < 0 ? 0 : level > LEVELS - 1 ? LEVELS - 1 : (int)level;
            bool inside = at == (int)fmin(fmax(level, -1), LEVELS);
            if (pass == 0) {
                sums[at] += inside ? count : 0;
                inside_all += inside ? count : 0;
                used[at] += inside;
                outside[at] += inside ? 0 : count;
            } else if (inside) {
                /* What lies outside is seen at the edge, but not in what the levels know. */
                double seen = (double)count + (double)outside[at] / used[at];
                double known = (double)sums[at] / used[at];
                sum += seen * log(seen / known);
            }
        }
    double total = (double)histogram->count;
    for (int i = 0; i < LEVELS; i++)
        if (outside[i] && !used[i]) /* what is cut must lie somewhere */
            return INFINITY;
    return sum / total + log((double)inside_all / total);
}

static struct quantize_range by_entropy(const struct quantize_histogram *histogram)
{
    struct quantize_range best = {histogram->least, histogram->most};
    double least = INFINITY;
    int first, last;
    find_used(histogram, &first, &last);
    /* Narrower ranges have a bin or two for each level, which says nothing about rounding. */
    for (int high = 0; high < STEPS * 2 / 3; high++) {
        float share = 1 - (float)high / STEPS;
        struct quantize_range range = {fmaxf(histogram->least, -histogram->most * share),
                                       histogram->most * share};
        if (histogram->most <= -histogram->least)
            range = (struct quantize_range){histogram->least * share,
                                            fminf(histogram->most, -histogram->least * share)};
        double value = divergence(histogram, first, last, range);
        if (value < least) {
            least = value;
            best = range;
        }
    }
    return best;
}

struct quantize_range engine_quantize_histogram_range(const struct quantize_histogram *histogram,
                                                      int method)
{
    struct quantize_range all = {histogram->least, histogram->most};
    if (histogram->limit == 0)
        return all;
    switch (method) {
    case STANCE_QUANTIZE_PERCENTILE: return by_percentile(histogram);
    case STANCE_QUANTIZE_MSE: return by_squared_error(histogram);
    case STANCE_QUANTIZE_ENTROPY: return by_entropy(histogram);
    default: return all;
    }
}
