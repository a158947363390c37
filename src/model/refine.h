/* Where a network's answer is largest, and finer than its bins: DARK and its variants. */
#ifndef MODEL_REFINE_H
#define MODEL_REFINE_H

#include <stdint.h>

/* The place of the first of the largest values, count > 0; NaN is passed over, but 0 where the first value
 * is one. */
int64_t model_arg_max(const float *values, int64_t count);

/* Bins of the Gaussian that smooths an answer before DARK: MMPose's rule for targets of deviation
 * `sigma`. Odd, at most MODEL_MAX_KERNEL. */
enum { MODEL_MAX_KERNEL = 63 };
int model_dark_kernel(double sigma);

/* Where the peak of a row of `count` values lies whose largest is values[at]; DARK in one dimension
 * (MMPose: refine_simcc_dark). */
float model_dark_row(const float *values, int64_t count, int64_t at, int kernel);

/* Moves (x, y), the place of the map's largest value, to its peak; DARK as published (MMPose:
 * refine_keypoints_dark), and as UDP changed it (refine_keypoints_dark_udp). `scratch`: 2 · width ·
 * height floats. */
void model_dark_map(const float *map, int64_t width, int64_t height, int kernel, float *scratch,
                    float *x, float *y);
void model_dark_udp_map(const float *map, int64_t width, int64_t height, int kernel, float *scratch,
                        float *x, float *y);

#endif
