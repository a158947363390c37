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

#endif
