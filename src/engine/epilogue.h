/* The graph's fused activations in the kernels' terms. */
#ifndef ENGINE_EPILOGUE_H
#define ENGINE_EPILOGUE_H

#include "graph/graph.h"
#include "kernel/kernel.h"

static inline enum kernel_activation engine_activation(enum graph_activation activation)
{
    static const enum kernel_activation map[] = {
        [GRAPH_LINEAR] = KERNEL_LINEAR,
        [GRAPH_RELU] = KERNEL_RELU,
        [GRAPH_LEAKY_RELU] = KERNEL_LEAKY_RELU,
        [GRAPH_CLIP] = KERNEL_CLIP,
        [GRAPH_SIGMOID] = KERNEL_SIGMOID,
        [GRAPH_SWISH] = KERNEL_SWISH,
        [GRAPH_HARD_SIGMOID] = KERNEL_HARD_SIGMOID,
        [GRAPH_HARD_SWISH] = KERNEL_HARD_SWISH,
        [GRAPH_TANH] = KERNEL_TANH,
        [GRAPH_GELU] = KERNEL_GELU,
    };
    return map[activation];
}

static inline struct kernel_epilogue engine_epilogue(const struct graph_node *node)
{
    const struct graph_epilogue *from = &node->epilogue;
    return (struct kernel_epilogue){
        .activation = engine_activation(from->activation),
        .alpha = from->alpha,
        .beta = from->beta,
        .residual = from->residual < 0                 ? KERNEL_NO_RESIDUAL
                    : from->residual_before_activation ? KERNEL_RESIDUAL_BEFORE
                                                       : KERNEL_RESIDUAL_AFTER,
    };
}

#endif
