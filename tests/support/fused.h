/* A sketched graph made into the graph that a plan is of: simplified, specialised, fused. Any trouble
 * fails the test. */
#ifndef SUPPORT_FUSED_H
#define SUPPORT_FUSED_H

#include "graph/graph.h"

/* The graph whose inputs all have this shape. */
struct graph *fused_specialise(const struct graph *source, const char *shape);

/* The graph after all passes; the sketch, which it borrows from, is closed with it. */
struct fused {
    struct graph *source, *graph;
};

struct fused fused_open(struct graph *source, const char *shape);
void fused_close(struct fused *fused);

/* Fuses the sketch, which is closed; its nodes are to be of these types, "Conv Add". */
void fused_expect(struct graph *source, const char *shape, const char *types);
void fused_expect_shape(const struct graph *graph, int value, const char *text);

#endif
