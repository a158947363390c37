/* Vectors of floats.
 *
 * The SIMD kernels are written once over this file and compiled once per tier, with KERNEL_AVX512,
 * KERNEL_AVX2 or KERNEL_NEON. VEC_LANES floats make a vec; VEC_REGISTERS of them may live at once.
 * Loads and stores take any alignment. Where an operand is NaN, vec_max and vec_min give their
 * second operand. */
#ifndef KERNEL_SIMD_VEC_H
#define KERNEL_SIMD_VEC_H

#include <stdint.h>

#define VEC_INLINE static inline __attribute__((always_inline, unused))

/* Before a loop with a constant count: unrolls it entirely, so that arrays of vec become registers.
 */
#if defined(__clang__)
#define VEC_UNROLL _Pragma("clang loop unroll(full)")
#define VEC_UNROLL_BY_4 _Pragma("clang loop unroll_count(4)")
#define VEC_UNROLL_NOT _Pragma("clang loop unroll(disable)")
#else
#define VEC_UNROLL _Pragma("GCC unroll 64")
#define VEC_UNROLL_BY_4 _Pragma("GCC unroll 4")
#define VEC_UNROLL_NOT _Pragma("GCC unroll 1")
#endif

/* Makes the compiler forget where a pointer came from, so that it does not carry loaded values from
 * one round of a hot loop to the next in registers that the sums need. */
#define VEC_FORGET(pointer) __asm__("" : "+r"(pointer))

#if defined(KERNEL_AVX512)
#include "kernel/simd/vec_avx512.h"
#elif defined(KERNEL_AVX2)
#include "kernel/simd/vec_avx2.h"
#elif defined(KERNEL_NEON)
#include "kernel/simd/vec_neon.h"
#else
#error "compile with KERNEL_AVX512, KERNEL_AVX2 or KERNEL_NEON"
#endif

#endif
