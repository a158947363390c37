/* DARK: the answer is smoothed by a Gaussian, scaled back to its old maximum, and a parabola
 * through its logarithm around the maximum gives the peak.
 * Sources: DARK (arXiv 1910.06278), UDP (arXiv 1911.07524), the stencils and bounds of MMPose's
 * codecs/utils/refinement.py. */
#include "model/refine.h"

#include <math.h>
#include <stdbool.h>

/* A step beyond what the stencils see comes from flat answers and borders, where MMPose's jumps out
 * of the picture: the maximum's own place is the better answer there. */
#define REACH 2.0f

int model_dark_kernel(double sigma)
{
    int kernel = (int)floor((20 * sigma - 7) / 3);
    kernel -= kernel % 2 == 0;
    return kernel < 3 ? 3 : kernel > MODEL_MAX_KERNEL ? MODEL_MAX_KERNEL : kernel;
}

/* The deviation that OpenCV derives from a kernel's size; its weights sum up to 1. */
static void gaussian(float *weights, int size)
{
    double sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8, sum = 0;
    for (int i = 0; i < size; i++) {
        double x = i - (size - 1) * 0.5;
        sum += exp(-x * x / (2 * sigma * sigma));
    }
    for (int i = 0; i < size; i++) {
        double x = i - (size - 1) * 0.5;
        weights[i] = (float)(exp(-x * x / (2 * sigma * sigma)) / sum);
    }
}

/* Value `at` of a smoothed row; nothing lies outside of it. */
static float smooth(const float *values, int64_t count, int64_t step, int64_t at,
                    const float *weights, int size)
{
    int64_t first = at - size / 2;
    int begin = first < 0 ? (int)-first : 0;
    int end = first + size > count ? (int)(count - first) : size;
    float sum = 0;
    for (int i = begin; i < end; i++)
        sum += weights[i] * values[(first + i) * step];
    return sum;
}

static float log_between(float value, float least, float most)
{
    return logf(fminf(fmaxf(value, least), most));
}

float model_dark_row(const float *values, int64_t count, int64_t at, int kernel)
{
    float weights[MODEL_MAX_KERNEL], most = 0, around[5];
    gaussian(weights, kernel);
    for (int64_t i = 0; i < count; i++)
        most = fmaxf(most, smooth(values, count, 1, i, weights, kernel));
    if (!(most > 0))
        return (float)at;
    for (int i = -2; i <= 2; i++) {
        int64_t place = at + i < 0 ? 0 : at + i >= count ? count - 1 : at + i;
        float value = smooth(values, count, 1, place, weights, kernel);
        around[i + 2] = log_between(value * values[at] / most, 1e-3f, 50);
    }
    float slope = 0.5f * (around[3] - around[1]);
    float bend = 1e-9f + 0.25f * (around[4] - 2 * around[2] + around[0]);
    float offset = slope / bend;
    return fabsf(offset) <= REACH ? (float)at - offset : (float)at;
}

/* The smoothed map into `out`, with the maximum of the old one; false when it has none. */
static bool smooth_map(const float *map, int64_t width, int64_t height, int kernel, float largest,
                       float *out, float *rows)
{
    float weights[MODEL_MAX_KERNEL], most = 0;
    gaussian(weights, kernel);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            rows[y * width + x] = smooth(map + y * width, width, 1, x, weights, kernel);
    for (int64_t i = 0; i < width * height; i++) {
        out[i] = smooth(rows + i % width, height, width, i / width, weights, kernel);
        most = fmaxf(most, out[i]);
    }
    for (int64_t i = 0; i < width * height; i++)
        out[i] *= largest / (most + 1e-12f);
    return most > 0;
}

/* (x, y) minus the inverse of the Hessian times the slope. */
static void step(float slope_x, float slope_y, float xx, float xy, float yy, float *x, float *y)
{
    float determinant = xx * yy - xy * xy;
    float move_x = (yy * slope_x - xy * slope_y) / determinant;
    float move_y = (xx * slope_y - xy * slope_x) / determinant;
    if (!(fabsf(move_x) <= REACH && fabsf(move_y) <= REACH))
        return;
    *x -= move_x;
    *y -= move_y;
}

void model_dark_map(const float *map, int64_t width, int64_t height, int kernel, float *scratch,
                    float *x, float *y)
{
    int64_t column = (int64_t)*x, row = (int64_t)*y, at = row * width + column;
    if (column <= 1 || column >= width - 2 || row <= 1 || row >= height - 2 ||
        !smooth_map(map, width, height, kernel, map[at], scratch, scratch + width * height))
        return;
    float l[5][5]; /* of which DARK needs 13 */
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 5; k++)
            l[i][k] = log_between(scratch[at + (i - 2) * width + (k - 2)], 1e-10f, INFINITY);
    step(0.5f * (l[2][3] - l[2][1]), 0.5f * (l[3][2] - l[1][2]),
         0.25f * (l[2][4] - 2 * l[2][2] + l[2][0]), 0.25f * (l[3][3] - l[1][3] - l[3][1] + l[1][1]),
         0.25f * (l[4][2] - 2 * l[2][2] + l[0][2]), x, y);
}

void model_dark_udp_map(const float *map, int64_t width, int64_t height, int kernel, float *scratch,
                        float *x, float *y)
{
    int64_t column = (int64_t)*x, row = (int64_t)*y;
    if (!smooth_map(map, width, height, kernel, map[row * width + column], scratch,
                    scratch + width * height))
        return;
    float l[3][3]; /* the border repeats */
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            int64_t v = row + i - 1, u = column + k - 1;
            v = v < 0 ? 0 : v >= height ? height - 1 : v;
            u = u < 0 ? 0 : u >= width ? width - 1 : u;
            l[i][k] = log_between(scratch[v * width + u], 1e-3f, 50);
        }
    const float epsilon = 1.1920929e-7f; /* keeps the Hessian of a flat map invertible */
    step(0.5f * (l[1][2] - l[1][0]), 0.5f * (l[2][1] - l[0][1]),
         l[1][2] - 2 * l[1][1] + l[1][0] + epsilon,
         0.5f * (l[2][2] - l[1][2] - l[2][1] + 2 * l[1][1] - l[1][0] - l[0][1] + l[0][0]),
         l[2][1] - 2 * l[1][1] + l[0][1] + epsilon, x, y);
}
