/* Monotonic time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/errors.h"

/* Nanoseconds since an arbitrary start; never goes back. */
STANCE_PRIVATE int64_t base_clock_ns(void);

#endif
