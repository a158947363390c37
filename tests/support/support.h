/* What several tests need: shared files, networks with seeded weights, comparing, folders. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stance/tensor.h"

/* The path of a file of the shared folder (environment variable STANCE_SHARED); whether it exists.
 * Tests skip() where it does not. */
bool support_shared_path(char *path, size_t size, const char *relative);

/* The path of a network of models-structure ("rtmpose-s") with seeded weights, made on first use
 * and kept in a cache folder. False where the shared folder is missing. Any other trouble fails the
 * test. */
bool support_synth_model(const char *name, char *path, size_t size);

/* Seeded noise for the model called `name` ("rtmpose-s"): the input of the expected outputs, whose
 * standard deviation is 0.8. */
void support_synth_input(const char *name, const int64_t *dims, int rank, double std, float *out);

/* A new empty folder that ends with the process; never NULL; the same on each call. */
const char *support_temp_folder(void);

/* max|a - b| / max(1, max|reference|); infinite when a value is not finite where the other is. */
double support_distance(const float *values, const float *reference, size_t count);
/* Fails the test where support_distance() is above `tolerance`. */
void support_assert_close(const float *values, const float *reference, size_t count,
                          double tolerance, const char *file, int line);
#define assert_close(values, reference, count, tolerance)                                          \
    support_assert_close(values, reference, count, tolerance, __FILE__, __LINE__)
/* The same for tensors of any numeric type; dtypes and shapes must be equal. */
void support_assert_tensors_close(const struct stance_tensor *tensor,
                                  const struct stance_tensor *reference, double tolerance,
                                  const char *file, int line);
#define assert_tensors_close(tensor, reference, tolerance)                                         \
    support_assert_tensors_close(tensor, reference, tolerance, __FILE__, __LINE__)

#endif
