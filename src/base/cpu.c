/* Processor features, and the tier that STANCE_CPU asks for. */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"

static const char *const names[BASE_CPU_TIERS] = {"ref", "avx2", "avx512", "neon"};

#if defined(__x86_64__)
/* The lowest tier of the architecture beside the reference one. */
static const enum base_cpu_tier first_tier = BASE_CPU_AVX2;

enum base_cpu_tier base_cpu_best(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return BASE_CPU_REF;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return BASE_CPU_AVX2;
    return BASE_CPU_AVX512;
}

int base_cpu_has_vnni(void)
{
    __builtin_cpu_init();
    return base_cpu_best() == BASE_CPU_AVX512 && __builtin_cpu_supports("avx512vnni");
}
#else
#if defined(__aarch64__)
static const enum base_cpu_tier first_tier = BASE_CPU_NEON, best_tier = BASE_CPU_NEON;
#else
static const enum base_cpu_tier first_tier = BASE_CPU_TIERS, best_tier = BASE_CPU_REF;
#endif

enum base_cpu_tier base_cpu_best(void)
{
    return best_tier;
}

int base_cpu_has_vnni(void)
{
    return 0;
}
#endif

bool base_cpu_has(enum base_cpu_tier tier)
{
    return tier == BASE_CPU_REF || (tier >= first_tier && tier <= base_cpu_best());
}

int base_cpu_next(int tier)
{
    do
        tier++;
    while (tier < BASE_CPU_TIERS && !base_cpu_has((enum base_cpu_tier)tier));
    return tier;
}

const char *base_cpu_name(enum base_cpu_tier tier)
{
    return names[tier];
}

int base_cpu_parse(enum base_cpu_tier *tier, const char *name)
{
    for (int i = 0; i < BASE_CPU_TIERS; i++)
        if (strcmp(name, names[i]) == 0) {
            *tier = (enum base_cpu_tier)i;
            return 0;
        }
    return base_error(STANCE_EARGUMENT,
                      "unknown processor tier '%s': use ref, avx2, avx512 or neon", name);
}

int base_cpu_choose(enum base_cpu_tier *tier)
{
    *tier = base_cpu_best();
    const char *wish = getenv("STANCE_CPU");
    if (!wish || !wish[0])
        return 0;
    enum base_cpu_tier asked = BASE_CPU_REF;
    int code = base_cpu_parse(&asked, wish);
    if (code < 0)
        return base_error_context(code, "STANCE_CPU");
    if (!base_cpu_has(asked))
        return base_error(STANCE_EDEVICE,
                          "STANCE_CPU asks for %s, but this processor (%s) reaches %s", wish,
                          base_cpu_model(), base_cpu_name(*tier));
    *tier = asked;
    return 0;
}
