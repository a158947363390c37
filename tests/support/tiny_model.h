/* Small models of a few hundred bytes, built in memory. */
#ifndef SUPPORT_TINY_MODEL_H
#define SUPPORT_TINY_MODEL_H

#include "base/buffer.h"

/* x [batch, 3, height, width] → y [batch, 5]: convolutions (one with a residual, one depthwise),
 * pooling, a global average, a matrix product, softmax. `batch`, `height`, `width` -1: open. */
struct base_buffer tiny_network(int64_t batch, int64_t height, int64_t width);

/* x [1, 4] → y [1, 2] with a Reshape to [1, 4] inside, which allows no larger batch. */
struct base_buffer tiny_fixed_batch(void);

/* x [1, 20] → boxes [?, 3] int64: NonMaxSuppression over boxes made of x. */
struct base_buffer tiny_suppression(void);

/* An RTMO network that sees the same people in every picture: x [1, 3, side, side] → dets [1,
 * count, 5], keypoints [1, count, points, 3]. Its weights are the answers. `side` -1: open. */
struct base_buffer tiny_one_stage(int64_t side, int64_t count, const float *dets, int64_t points,
                                  const float *keypoints);

/* The same for a detector with suppression inside, dets and labels (all 0), whose first convolution
 * reads `stem` channels: 3, or 12 made of the picture's. x [1, 3, 64, 64]. */
struct base_buffer tiny_detector(int64_t count, const float *dets, int64_t stem);

/* A raw YOLOX head that sees nobody: x [1, 3, 64, 64] → y [1, 84, 5 + classes], all 0. */
struct base_buffer tiny_yolox(int64_t classes);

/* A heatmap network: x [n, 3, height, width] → y [n, points, height / 4, width / 4], the picture's
 * means times points weights. `height`, `width` -1: open. */
struct base_buffer tiny_heatmap(int64_t height, int64_t width, int64_t points);

#endif
