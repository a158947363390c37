/* Histograms of times with bins that grow by a fixed ratio. */
#include <math.h>
#include <stdio.h>

#include "stage_times.h"

static const double ratio = 1.04, least_ns = 1000;

void stage_times_add(struct stage_times *times, enum stage stage, int64_t ns)
{
    struct stage_histogram *h = &times->stages[stage];
    double bin = ns > 0 ? log((double)ns / least_ns) / log(ratio) : 0;
    h->bins[bin < 0 ? 0 : bin > STAGE_BINS - 1 ? STAGE_BINS - 1 : (int)bin]++;
    h->frames++;
    h->total_ns += ns;
}

double stage_times_quantile(const struct stage_times *times, enum stage stage, double share)
{
    const struct stage_histogram *h = &times->stages[stage];
    double wanted = share * (double)h->frames;
    int64_t below = 0;
    for (int i = 0; i < STAGE_BINS; i++) {
        below += h->bins[i];
        if (below > 0 && (double)below >= wanted)
            return least_ns * pow(ratio, i + 0.5) / 1e6;
    }
    return 0;
}

void stage_times_print(const struct stage_times *times)
{
    static const char *const names[STAGES] = {"read", "detect", "pose", "track", "draw", "write"};
    printf("  stage   frames      mean       p50       p95       p99 ms\n");
    for (int s = 0; s < STAGES; s++) {
        const struct stage_histogram *h = &times->stages[s];
        if (h->frames)
            printf("  %-6s %7lld %9.2f %9.2f %9.2f %9.2f\n", names[s], (long long)h->frames,
                   (double)h->total_ns / 1e6 / (double)h->frames,
                   stage_times_quantile(times, (enum stage)s, 0.5),
                   stage_times_quantile(times, (enum stage)s, 0.95),
                   stage_times_quantile(times, (enum stage)s, 0.99));
    }
}
