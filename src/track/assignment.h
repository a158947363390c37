/* Linear assignment with a limit: pairs of rows and columns so that the sum of (cost − limit) over
 * the pairs is least. The same as the (n + m)² matrix padded with limit / 2 that trackers use,
 * without the padding. */
#ifndef TRACK_ASSIGNMENT_H
#define TRACK_ASSIGNMENT_H

#include <stdint.h>

#include "base/errors.h"

struct track_assignment {
    int max_rows, max_columns;
    double *row_price, *column_price, *distance;
    int32_t *owner, *from; /* of columns */
    uint8_t *reached;
    void *memory;
};

/* Errors: ENOMEMORY. */
int track_assignment_open(struct track_assignment *space, int max_rows, int max_columns);
void track_assignment_close(struct track_assignment *space);

/* cost[row * stride + column], finite. row_to_column[row]: its column, or -1; pairs at or above the
 * limit are not made. Deterministic; allocates nothing; O(rows² × columns). */
void track_assignment_solve(struct track_assignment *space, const double *cost, int rows,
                            int columns, int stride, double limit, int32_t *row_to_column);

#endif
