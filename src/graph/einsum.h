/* Einsum's equation, read against the shapes of the inputs. */
#ifndef GRAPH_EINSUM_H
#define GRAPH_EINSUM_H

#include "tensor/storage.h"

/* Labels 0 … 51 are the letters A … Z, a … z; 52 and up are the dims behind "...", counted from
 * the last one, so that they broadcast like numpy's. */
enum {
    GRAPH_EINSUM_INPUTS = 16,
    GRAPH_EINSUM_LETTERS = 52,
    GRAPH_EINSUM_LABELS = GRAPH_EINSUM_LETTERS + STANCE_MAX_RANK,
};

struct graph_einsum {
    int input_count;
    int rank[GRAPH_EINSUM_INPUTS]; /* -1: not known */
    int labels[GRAPH_EINSUM_INPUTS][STANCE_MAX_RANK];
    int out_rank; /* -1: not known */
    int out[STANCE_MAX_RANK];
    int64_t dims[GRAPH_EINSUM_LABELS]; /* extent of a label; -1: not known; 1 may broadcast */
    bool used[GRAPH_EINSUM_LABELS];    /* whether an input has it */
};

/* Errors: EARGUMENT (malformed equation), ESHAPE (shapes against it), EUNSUPPORTED (too large). */
int graph_einsum_read(struct graph_einsum *out, const char *equation,
                      const struct tensor_shape *shapes, int count);

#endif
