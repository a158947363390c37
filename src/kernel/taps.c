/* Which bytes of a source row each group of output pixels needs, as shuffles of a few pieces. */
#include <string.h>

#include "kernel/kernel.h"

enum { GROUP = KERNEL_TAP_GROUP, PIECE = KERNEL_TAP_PIECE, NOWHERE = 128 };

static int32_t place_of(const struct kernel_taps *taps, int tap)
{
    return (tap % 2 ? taps->far : taps->near)[tap / 2];
}

/* The bytes that a group's weights fall on, from the first one on; 0: none. */
static int32_t find_span(const struct kernel_taps *taps, int group, int32_t *first)
{
    int32_t last = -1;
    *first = 0;
    for (int tap = 2 * GROUP * group; tap < 2 * GROUP * (group + 1); tap++) {
        if (tap >= 2 * taps->count || taps->weights[tap] == 0)
            continue;
        int32_t place = place_of(taps, tap);
        *first = last < 0 || place < *first ? place : *first;
        last = place > last ? place : last;
    }
    return last < 0 ? 0 : last + 1 - *first;
}

/* Pairs of groups: vectors may hold two. */
static int count_groups(const struct kernel_taps *taps)
{
    return (taps->count + 2 * GROUP - 1) / (2 * GROUP) * 2;
}

/* Pieces that the widest group needs; 0 where there are too many, or more than may be read. */
static int32_t find_groups(struct kernel_taps *taps, int64_t bytes)
{
    int32_t widest = 1;
    for (int group = 0; group < count_groups(taps); group++) {
        int32_t span = find_span(taps, group, &taps->first[group]);
        widest = span > widest ? span : widest;
    }
    int32_t pieces = (widest + PIECE - 1) / PIECE;
    return pieces <= KERNEL_TAP_PIECES && pieces * PIECE <= bytes ? pieces : 0;
}

void kernel_taps_group(struct kernel_taps *taps, int64_t bytes)
{
    int taps_used = 2 * GROUP * count_groups(taps);
    taps->pieces = find_groups(taps, bytes);
    if (taps->pieces == 0)
        return;
    for (int piece = 0; piece < taps->pieces; piece++)
        memset(taps->places[piece], NOWHERE, (size_t)taps_used);
    memset(taps->small_weights, 0, (size_t)taps_used);
    const int32_t most = (int32_t)bytes - taps->pieces * PIECE;
    for (int tap = 0; tap < 2 * taps->count; tap++) {
        int32_t *first = &taps->first[tap / (2 * GROUP)];
        *first = *first > most ? most : *first;
        if (taps->weights[tap] == 0)
            continue;
        int32_t place = place_of(taps, tap) - *first;
        taps->places[place / PIECE][tap] = (uint8_t)(place % PIECE);
        if (!taps->resize)
            taps->small_weights[tap] = (int8_t)taps->weights[tap];
    }
}
