/* The adjacencies of a skeleton network's graph convolutions as sums of few terms: what
 * kernel_table.graph_terms finds, kept with the model because finding them takes some 20 ms. */
#ifndef ENGINE_TERMS_H
#define ENGINE_TERMS_H

#include "engine/network.h"

struct engine_terms {
    struct engine_terms *next;
    const struct kernel_table *kernels;
    struct kernel_graph_terms found; /* terms 0: there are none */
    float *memory;
};

/* NULL: `adjacency` has none, or there is no memory for them. They live as long as the model. */
const struct engine_terms *engine_terms_find(struct stance_model *model,
                                             const struct kernel_table *kernels,
                                             const struct stance_tensor *adjacency);
void engine_terms_close(struct engine_terms **list);

/* For graph_join_skeletons(): whether fewer products are to be had. */
struct engine_joining {
    struct stance_model *model;
    const struct kernel_table *kernels;
};
bool engine_joins(void *context, const struct graph *graph, const struct graph_node *conv,
                  const struct graph_node *graph_conv);

#endif
