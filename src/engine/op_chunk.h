/* Short runs of elements in one of four working types, so that an operator is written four times at
 * most and not once per element type. Halves work as float; every integer but uint64, and bool, as
 * int64, whose low bits are exact for the narrower types. */
#ifndef ENGINE_OP_CHUNK_H
#define ENGINE_OP_CHUNK_H

#include "engine/op.h"

enum engine_domain { ENGINE_FLOAT, ENGINE_DOUBLE, ENGINE_INT, ENGINE_UINT, ENGINE_DOMAINS };

enum { ENGINE_CHUNK = 256 };

union engine_chunk {
    float f[ENGINE_CHUNK];
    double d[ENGINE_CHUNK];
    int64_t i[ENGINE_CHUNK];
    uint64_t u[ENGINE_CHUNK];
};

enum engine_domain engine_domain_of(int dtype);
bool engine_is_float(int dtype);
/* ETYPE unless input 0 is of a float type. */
int engine_need_float(const struct engine_call *call);
/* Range of an integer type (bool: 0 … 1) in double, for clamping before a conversion. */
void engine_int_range(int dtype, double *low, double *high);

/* Loads elements offset, offset + stride, … of `from`, converted to `domain`. Float types beyond
 * the range of an integer domain saturate, NaN gives 0. `out` is an array of the domain's type. */
void engine_load(void *out, enum engine_domain domain, const struct stance_tensor *from,
                 int64_t offset, int64_t stride, int64_t count);
/* Stores `count` values at `offset` …, rounding to the float type or keeping the low bits of the
 * integer type (bool: not 0). A float domain may only be stored to float types, an integer domain
 * to integer types. */
void engine_store(const void *values, enum engine_domain domain, const struct stance_tensor *to,
                  int64_t offset, int64_t count);

/* Shares for a loop over `work` elements; depends on `work` alone. */
static inline int engine_call_parts(int64_t work)
{
    int64_t parts = work >> 14;
    return parts < 1 ? 1 : parts > 64 ? 64 : (int)parts;
}

/* A negative axis counts from the end. Errors: ESHAPE. */
int engine_axis(int64_t axis, int rank, int *out);

#endif
