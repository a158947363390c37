/* Rounding real values to quantised ones, as every quantising operator does it. */
#ifndef ENGINE_OP_QUANTIZE_H
#define ENGINE_OP_QUANTIZE_H

#include "engine/op_chunk.h"

/* round(x) + zero, half to even, kept inside low … high (of the output type); NaN gives low. */
int64_t engine_quantize(float x, int64_t zero, double low, double high);

/* An optional input's element as int64: element 0 where it has one only, 0 where it is left out. */
int64_t engine_zero_point(const struct engine_call *call, int input, int64_t index);

#endif
