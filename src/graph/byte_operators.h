/* What the files of graph_use_bytes() share. Private to the graph room. */
#ifndef GRAPH_BYTE_OPERATORS_H
#define GRAPH_BYTE_OPERATORS_H

#include "graph/rewrite.h"

struct graph_bytes_pass {
    struct graph_edit edit;
    const struct graph_folder *folder;
    graph_has_bytes_fn *has_bytes; /* or NULL */
    void *context;
    int *
        twins; /* per value of the graph as it was: its bytes that no DequantizeLinear reads, or -1 */
    int twin_count;
};

bool graph_same_bytes(const struct graph_bytes *a, const struct graph_bytes *b);
/* The bytes that a float value is exactly, and what they stand for; -1 when it is none. */
int graph_bytes_behind(const struct graph_bytes_pass *pass, int value, struct graph_bytes *out);
/* Node `at` becomes this operator of domain "stance", if the engine has it: 1, else 0. */
int graph_bytes_replace(struct graph_bytes_pass *pass, int at, const char *type, const int *inputs,
                        int input_count);

/* QuantizeLinear `at` of a chain of element-wise operators on one byte value → Lookup
 * (byte_lookup.c). */
int graph_bytes_look_up(struct graph_bytes_pass *pass, int at);
/* int8 values between QuantizeLinear and DequantizeLinear become uint8, 128 above
 * (byte_signed.c). */
int graph_shift_signed(struct graph *graph);

#endif
