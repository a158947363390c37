/* What this processor can do, and the one mask for tests and users. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>

#include "base/errors.h"

/* Kernel tiers of all architectures; the values are those of enum stance_tier. The reference tier
 * is everywhere. An architecture's own tiers follow each other, each a superset of those before. */
enum base_cpu_tier {
    BASE_CPU_REF = 0,
    BASE_CPU_AVX2 = 1,   /* x86-64: AVX2, FMA, F16C */
    BASE_CPU_AVX512 = 2, /* x86-64: AVX-512 F, BW, DQ, VL */
    BASE_CPU_NEON = 3,   /* aarch64: Advanced SIMD, which all its processors have */
    BASE_CPU_TIERS
};

/* The best tier that processor and operating system support and this build contains. */
enum base_cpu_tier base_cpu_best(void);
/* Whether that tier is to be had here. */
bool base_cpu_has(enum base_cpu_tier tier);
/* The next better tier that is to be had here; BASE_CPU_TIERS after the best one. All of them:
 * for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) */
int base_cpu_next(int tier);

/* The tier to use: base_cpu_best() unless STANCE_CPU=ref|avx2|avx512|neon lowers it.
 * Errors: EARGUMENT (STANCE_CPU has another value), EDEVICE (that tier is not to be had here). */
int base_cpu_choose(enum base_cpu_tier *tier);

/* "ref", "avx2", "avx512", "neon". */
const char *base_cpu_name(enum base_cpu_tier tier);
/* Errors: EARGUMENT. */
int base_cpu_parse(enum base_cpu_tier *tier, const char *name);

/* Whether VNNI (u8×s8 dot products) is there: AVX-512 VNNI for the avx512 tier. */
int base_cpu_has_vnni(void);

/* The processor's own name, or its architecture. Static. */
const char *base_cpu_model(void);
/* Cores this process may run on. */
int base_cpu_count(void);

#endif
