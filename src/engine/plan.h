/* A plan: one network for fixed input shapes on one processor tier, as a list of steps over a
 * workspace that was planned once. A step is a node with its kernel chosen and its weights packed.
 * The plans of a session run one at a time and share the memory of the largest.
 *
 * Order of work: graph_specialise → graph_fuse → graph_join_skeletons → graph_use_bytes →
 * graph_layout → engine_alias (who lies in whose memory) → one maker per node fills its step →
 * graph_plan_memory → allocation. */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <string.h>

#include "engine/fold.h"
#include "engine/network.h"
#include "engine/op_memory.h"

/* Largest workspace of one plan. */
#define ENGINE_WORKSPACE_LIMIT ((size_t)4 << 30)

enum engine_storage {
    ENGINE_NOWHERE,
    ENGINE_CONSTANT,
    ENGINE_INPUT, /* the caller's memory, new at every run */
    ENGINE_WORKSPACE,
    ENGINE_DYNAMIC, /* size known at run time only */
};

/* Where a value lies. */
struct engine_place {
    enum engine_storage storage;
    int root;             /* the value whose memory this one shares; itself when it has its own */
    bool view;            /* part of the first input of its producer: nothing to compute */
    int64_t offset;       /* bytes from the root's start */
    int64_t batch_stride; /* elements from one image to the next (rank-4 values) */
    size_t bytes;         /* when it has its own memory */
    size_t start;         /* … in the workspace */
    int first, last;      /* steps that write it first and read it last (roots: with all inside) */
    unsigned char *data;  /* CONSTANT: fixed; WORKSPACE: by bind(); INPUT, DYNAMIC: set while
                             running */
};

/* Memory of the plans of one session: activations, and scratch of all workers. Grows. */
struct engine_workspace {
    unsigned char *data, *scratch;
    size_t bytes, scratch_bytes;
};

void engine_workspace_close(struct engine_workspace *workspace);

struct engine_plan;

struct engine_step {
    const struct graph_node *node;
    const char *method; /* "" when there is nothing to tell */
    int (*run)(struct engine_step *step, struct engine_plan *plan);
    void *data;                   /* what `run` needs, in the plan's arena */
    struct engine_packed *packed; /* or NULL */
    size_t scratch_bytes;         /* per worker */
    size_t temp_bytes;            /* once, alive during this step */
    size_t temp_start;            /* in the workspace */
    unsigned char *temp;
    int64_t nanoseconds, multiply_adds; /* profile */
};

struct engine_plan {
    struct stance_model *model;
    const struct kernel_table *kernels;
    struct base_pool *pool; /* the session's */
    struct base_arena *arena;
    struct graph *graph;
    struct engine_place *places;           /* per value */
    struct engine_step *steps;             /* per node; `run` NULL: nothing to do */
    struct engine_workspace *workspace;    /* the session's */
    const unsigned char *bound;            /* workspace->data that places point into */
    size_t workspace_bytes, scratch_bytes; /* of this plan; scratch_bytes: per worker */
    struct engine_memory *memory;          /* dynamic values and scratch of generic operators */
    struct stance_tensor *views;           /* per value: type, shape and data while running */
    struct stance_tensor *copies;          /* per output: one that lies in the caller's input */
    bool worst_case;                       /* rehearsing: see engine_call.worst_case */
    int64_t runs, multiply_adds, int8_multiply_adds;
};

/* What a plan is for: `shapes[i]` for input i of the model; any_size as in stance_session_options. */
struct engine_inputs {
    const struct tensor_shape *shapes;
    bool any_size;
};

/* Errors: see stance_session_prepare(). */
int engine_plan_open(struct engine_plan **out, struct stance_model *model,
                     const struct kernel_table *kernels, struct base_pool *pool,
                     struct engine_workspace *workspace, const struct engine_inputs *inputs);
void engine_plan_close(struct engine_plan **plan);

/* `inputs[i]`: data of input i. Afterwards engine_plan_output() tells the results. */
int engine_plan_run(struct engine_plan *plan, const void *const *inputs, bool profile);
const struct stance_tensor *engine_plan_output(const struct engine_plan *plan, int i);

/* A specialised graph for these inputs, with passes applied up to what `kernels` runs. */
int engine_specialise(struct graph **out, struct stance_model *model,
                      const struct kernel_table *kernels, const struct engine_inputs *inputs);

/* ---- For the makers --------------------------------------------------------------------------- */

/* Fills the step of its node. 1: done; 0: not a case for this maker; negative: error. */
typedef int engine_make_fn(struct engine_plan *plan, struct engine_step *step);

engine_make_fn engine_make_conv;     /* Conv, ConvTranspose */
engine_make_fn engine_make_qconv;    /* QConv, QConvTranspose */
engine_make_fn engine_make_matmul;   /* MatMul, Gemm */
engine_make_fn engine_make_pool;     /* pooling, Resize on blocked values */
engine_make_fn engine_make_skeleton; /* GraphConv, SkeletonConv */
engine_make_fn engine_make_branches; /* Branches */
engine_make_fn engine_make_focus;    /* Focus */
engine_make_fn engine_make_channels; /* Reorder, Concat, Split, Slice of channels */
engine_make_fn engine_make_bytes;    /* QuantizeLinear, DequantizeLinear, arithmetic on bytes */
engine_make_fn engine_make_flat;     /* element-wise, row-wise */
engine_make_fn engine_make_generic;  /* everything */

/* Runs the generic steps once on made-up data; see engine_plan_open(). Errors: ENOMEMORY, ELIMIT. */
int engine_rehearse_generic(struct engine_plan *plan);

/* Whether `kernels` (context) has a blocked implementation of the node. */
bool engine_can_block(void *kernels, const struct graph *graph, const struct graph_node *node);

/* Whether `kernels` (context) has the node on bytes; graph_use_bytes() asks. */
bool engine_has_bytes(void *kernels, const struct graph *graph, const struct graph_node *node);

/* Whether a QuantizeLinear or DequantizeLinear is between floats and what the bytes stand for. */
bool engine_converts(const struct graph *graph, const struct graph_node *node);

/* Decides which values lie inside others; fills place.root, offset and batch_stride. */
void engine_alias(struct engine_plan *plan);

/* The convolution a Conv or ConvTranspose node asks for. `out` receives the shape as for blocked
 * data in and out. False: not a rank-4 float convolution with constant weights. */
bool engine_conv_shape(struct kernel_conv_shape *out, const struct graph *graph,
                       const struct graph_node *node);
/* The convolution of a node's attributes over weights of these dims, whatever the types. */
bool engine_window_shape(struct kernel_conv_shape *out, const struct graph *graph,
                         const struct graph_node *node, const int64_t *weights, bool transposed);
/* The plan of a QConv or QConvTranspose node. False: `kernels` has none. */
bool engine_qconv_plan(struct kernel_qconv_plan *out, const struct kernel_table *kernels,
                       const struct graph *graph, const struct graph_node *node);
/* Whether a Resize has an implementation that copies or mixes neighbours, on this type of data. */
bool engine_can_resize(const struct graph *graph, const struct graph_node *node);
/* What packed weights depend on, in zeroed memory: not the picture's size or the batch, so that plans
 * for other shapes share them. */
void engine_packing_shape(struct kernel_conv_shape *key, const struct kernel_conv_shape *shape);
bool engine_pool_shape(struct kernel_pool *out, const struct graph *graph,
                       const struct graph_node *node);
/* Whether a two-dimensional window is of a size that kernels are made for. What is not, however
 * absurd, is left to the generic operators. */
bool engine_window_fits(const struct graph_window *window);

/* Copies all channels of one pixel's block; the usual sizes are one instruction. */
static inline void engine_copy_pixel(unsigned char *to, const unsigned char *from, size_t bytes)
{
    if (bytes == 16)
        memcpy(to, from, 16);
    else if (bytes == 64)
        memcpy(to, from, 64);
    else
        memcpy(to, from, bytes);
}

static inline const struct graph_value *engine_input(const struct engine_plan *plan,
                                                     const struct engine_step *step, int i)
{
    int value = i < step->node->input_count ? step->node->inputs[i] : -1;
    return value < 0 ? NULL : &plan->graph->values[value];
}

static inline const struct graph_value *engine_output(const struct engine_plan *plan,
                                                      const struct engine_step *step, int i)
{
    int value = i < step->node->output_count ? step->node->outputs[i] : -1;
    return value < 0 ? NULL : &plan->graph->values[value];
}

/* Where a value's data is now. */
static inline unsigned char *engine_memory(const struct engine_plan *plan, int value)
{
    const struct engine_place *place = &plan->places[value];
    return plan->places[place->root].data + place->offset;
}

static inline float *engine_data(const struct engine_plan *plan, int value)
{
    return (float *)(void *)engine_memory(plan, value);
}

/* What a value's bytes stand for; scale 0 for floats. */
static inline struct kernel_bytes engine_bytes(const struct graph *graph, int value)
{
    const struct graph_bytes *bytes = &graph->values[value].bytes;
    return (struct kernel_bytes){.scale = bytes->scale, .zero = bytes->zero};
}

static inline int64_t engine_stride(const struct engine_plan *plan, int value)
{
    return plan->places[value].batch_stride;
}

/* Elements of a static value as it lies in memory: with the pad lanes when blocked. */
int64_t engine_elements(const struct graph_value *value);

/* Whether the images of a value lie one after another without gaps. */
bool engine_dense(const struct engine_plan *plan, int value);

/* Shares for `work` elements: enough for two threads to balance, none below `least`. */
int engine_parts(int64_t work, int64_t least);

#endif
