/* What this processor can do, and the one mask for tests and users. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include "base/errors.h"

/* Kernel tiers, each a superset of those before. */
enum base_cpu_tier {
    BASE_CPU_REF = 0,
    BASE_CPU_AVX2 = 1,   /* AVX2, FMA, F16C */
    BASE_CPU_AVX512 = 2, /* AVX-512 F, BW, DQ, VL */
    BASE_CPU_TIERS
};

/* The best tier that processor and operating system support and this build contains. */
enum base_cpu_tier base_cpu_best(void);

/* The tier to use: base_cpu_best() unless STANCE_CPU=ref|avx2|avx512 lowers it.
 * Errors: EARGUMENT (STANCE_CPU has another value), EDEVICE (that tier is not to be had here). */
int base_cpu_choose(enum base_cpu_tier *tier);

/* "ref", "avx2", "avx512". */
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
