/* Where a row or a map is largest: eight lanes at once, which compilers turn into vectors. */
#include "model/refine.h"

enum { LANES = 8 };

static float maximum(const float *values, int64_t count)
{
    float most[LANES];
    int64_t i = 0;
    for (int lane = 0; lane < LANES; lane++)
        most[lane] = values[0];
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            most[lane] = values[i + lane] > most[lane] ? values[i + lane] : most[lane];
    for (; i < count; i++)
        most[0] = values[i] > most[0] ? values[i] : most[0];
    for (int lane = 1; lane < LANES; lane++)
        most[0] = most[lane] > most[0] ? most[lane] : most[0];
    return most[0];
}

int64_t model_arg_max(const float *values, int64_t count)
{
    float most = maximum(values, count);
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        int found = 0;
        for (int lane = 0; lane < LANES; lane++)
            found |= values[i + lane] == most;
        if (found)
            break;
    }
    while (i < count && !(values[i] == most))
        i++;
    return i < count ? i : 0;
}
