/* Models that mean harm: an error sentence that names the file, or a model that runs; never a crash, a
 * hang or more memory than the limits. Anything else fails the test. */
#ifndef SUPPORT_HOSTILE_H
#define SUPPORT_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether every case is wanted, not only a sample: the first argument is "full". */
extern bool hostile_full;

/* Loads, prepares and runs what may be a model; the last code. The bytes get a block of their own, so that
 * the sanitiser sees what is read beyond their end. */
int hostile_try(const void *bytes, size_t size);

/* A test for the end of each program. */
void test_the_peak_of_memory_is_bounded(void **state);

#endif
