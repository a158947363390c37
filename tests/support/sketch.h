/* Small graphs for tests, drawn with few words. Any trouble fails the test. */
#ifndef SKETCH_H
#define SKETCH_H

#include "graph/graph.h"

/* An empty graph of this opset; graph_close() ends it. */
struct graph *sketch_open(int opset);

/* Shapes are written "1x3x8x8", "?x3x8x8" with one unknown dim, "scalar". */
int sketch_input(struct graph *graph, const char *name, const char *shape);
void sketch_output(struct graph *graph, int value);

/* Constants: all equal, seeded noise between -1 and 1, seeded noise between 0.5 and 1.5, integers.
 */
int sketch_fill(struct graph *graph, const char *shape, double value);
int sketch_noise(struct graph *graph, const char *shape);
int sketch_positive(struct graph *graph, const char *shape);
int sketch_ints(struct graph *graph, int count, const int64_t *values);

/* A node with one output, whose value is returned and named after the node: `name`. */
int sketch_node(struct graph *graph, const char *type, const char *name, int input_count,
                const int *inputs);
#define sketch_apply(graph, type, name, ...)                                                       \
    sketch_node((graph), (type), (name), (int)(sizeof(int[]){__VA_ARGS__} / sizeof(int)),          \
                (const int[]){__VA_ARGS__})
/* One more output of the last node. */
int sketch_more(struct graph *graph, const char *name);

/* Attributes of the last node. */
void sketch_int(struct graph *graph, const char *name, int64_t value);
void sketch_float(struct graph *graph, const char *name, float value);
void sketch_string(struct graph *graph, const char *name, const char *value);
void sketch_list(struct graph *graph, const char *name, int count, const int64_t *values);

/* A Conv of `kernel`×`kernel` with padding that keeps the size, seeded weights and a bias. */
int sketch_conv(struct graph *graph, const char *name, int input, int in_channels, int out_channels,
                int groups, int kernel);

/* "Conv Add Relu": the types of all nodes in order. The text belongs to the callee. */
const char *sketch_types(const struct graph *graph);
/* The only node of a type; fails when there is none or several. */
const struct graph_node *sketch_only(const struct graph *graph, const char *type);
/* The node that makes a value of this name. */
const struct graph_node *sketch_maker(const struct graph *graph, const char *name);
int sketch_count(const struct graph *graph, const char *type);

#endif
