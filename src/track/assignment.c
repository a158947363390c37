/* Shortest augmenting paths with prices (Jonker and Volgenant, Computing 38, 1987). Beside the
 * columns there is one place "nobody" with room for every row at the price of the limit: a path
 * may always end there, and the row that does stays without a column. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "track/assignment.h"

int track_assignment_open(struct track_assignment *space, int max_rows, int max_columns)
{
    size_t rows = (size_t)max_rows, columns = (size_t)max_columns;
    size_t bytes = rows * sizeof(double) +
                   columns * (2 * sizeof(double) + 2 * sizeof(int32_t) + sizeof(uint8_t));
    *space = (struct track_assignment){.max_rows = max_rows, .max_columns = max_columns};
    space->memory = base_alloc(bytes);
    if (!space->memory)
        return base_error_memory(bytes, "an assignment");
    space->row_price = space->memory;
    space->column_price = space->row_price + rows;
    space->distance = space->column_price + columns;
    space->owner = (int32_t *)(space->distance + columns);
    space->from = space->owner + columns;
    space->reached = (uint8_t *)(space->from + columns);
    return 0;
}

void track_assignment_close(struct track_assignment *space)
{
    base_free(space->memory);
    *space = (struct track_assignment){0};
}

/* The search for one row's place. */
struct search {
    int start;           /* the row */
    double nobody;       /* distance to "nobody" */
    int32_t nobody_from; /* the column before it; -1: the start */
    int32_t column;      /* the last one reached; -1: the start */
};

static void look_around(struct track_assignment *s, const double *costs, int row, int columns,
                        double limit, struct search *search)
{
    for (int j = 0; j < columns; j++) {
        double distance = costs[j] - s->row_price[row] - s->column_price[j];
        if (!s->reached[j] && distance < s->distance[j]) {
            s->distance[j] = distance;
            s->from[j] = search->column;
        }
    }
    if (limit - s->row_price[row] < search->nobody) {
        search->nobody = limit - s->row_price[row];
        search->nobody_from = search->column;
    }
}

static void move_prices(struct track_assignment *s, int columns, double step, struct search *search)
{
    s->row_price[search->start] += step;
    search->nobody -= step;
    for (int j = 0; j < columns; j++)
        if (s->reached[j]) {
            s->row_price[s->owner[j]] += step;
            s->column_price[j] -= step;
        } else {
            s->distance[j] -= step;
        }
}

/* Hands every column on the path to the row before it. */
static void hand_over(struct track_assignment *s, int32_t column, int start)
{
    while (column >= 0) {
        int32_t before = s->from[column];
        s->owner[column] = before < 0 ? start : s->owner[before];
        column = before;
    }
}

static void place(struct track_assignment *s, const double *cost, int row, int columns, int stride,
                  double limit)
{
    struct search search = {.start = row, .nobody = INFINITY, .nobody_from = -1, .column = -1};
    for (int j = 0; j < columns; j++) {
        s->distance[j] = INFINITY;
        s->reached[j] = 0;
    }
    for (;;) {
        int nearest = -1;
        look_around(s, cost + (size_t)row * (size_t)stride, row, columns, limit, &search);
        for (int j = 0; j < columns; j++)
            if (!s->reached[j] && (nearest < 0 || s->distance[j] < s->distance[nearest]))
                nearest = j;
        if (nearest < 0 || search.nobody <= s->distance[nearest]) {
            move_prices(s, columns, search.nobody, &search);
            hand_over(s, search.nobody_from, search.start);
            return;
        }
        move_prices(s, columns, s->distance[nearest], &search);
        if (s->owner[nearest] < 0) {
            hand_over(s, nearest, search.start);
            return;
        }
        s->reached[nearest] = 1;
        search.column = nearest;
        row = s->owner[nearest];
    }
}

void track_assignment_solve(struct track_assignment *space, const double *cost, int rows,
                            int columns, int stride, double limit, int32_t *row_to_column)
{
    for (int i = 0; i < rows; i++) {
        space->row_price[i] = 0;
        row_to_column[i] = -1;
    }
    for (int j = 0; j < columns; j++) {
        space->column_price[j] = 0;
        space->owner[j] = -1;
    }
    for (int i = 0; i < rows; i++)
        place(space, cost, i, columns, stride, limit);
    for (int j = 0; j < columns; j++)
        if (space->owner[j] >= 0)
            row_to_column[space->owner[j]] = j;
}
