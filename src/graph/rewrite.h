/* Rewriting a graph in one walk: what the passes share. Private to the graph room.
 *
 * A pass opens an edit, visits the nodes in order and applies rules to each; rules look backwards
 * only (at producers, which are finished) and count users by `uses`. Nodes are rewritten in place
 * or marked dead (type NULL); graph_edit_finish() sweeps them out. Names of graph outputs never
 * change. */
#ifndef GRAPH_REWRITE_H
#define GRAPH_REWRITE_H

#include "graph/graph.h"

struct graph_edit {
    struct graph *graph;
    int *uses;    /* per value: inputs of live nodes and graph outputs */
    int *forward; /* per value: the value that took its place, or itself */
    int *dying;   /* nodes marked dead whose inputs are still counted */
    int capacity, dying_count;
    bool fixed; /* shapes are those of a specialised graph and may be relied on */
};

int graph_edit_open(struct graph_edit *edit, struct graph *graph, bool fixed);
/* Sweeps dead nodes, drops constants nobody uses, frees the edit. */
void graph_edit_finish(struct graph_edit *edit);

/* A rule tries to improve node `at`. 1: the node was rewritten (look at it again), 0: it does not
 * apply, negative: error. */
typedef int graph_rule_fn(struct graph_edit *edit, int at);
struct graph_rule {
    const char *type; /* of the nodes it looks at */
    graph_rule_fn *apply;
};

/* Makes the inputs of node `at` current. To be called on every node before its rules. */
void graph_edit_visit(struct graph_edit *edit, int at);
/* Applies the rules of a NULL-terminated table until none of them applies to node `at`. */
int graph_edit_apply(struct graph_edit *edit, int at, const struct graph_rule *rules);

/* A pass over a specialised graph: `fn` sees every node in order, its inputs current. Negative: error. */
typedef int graph_node_fn(struct graph_edit *edit, int at, const void *context);
int graph_edit_all(struct graph *graph, graph_node_fn *fn, const void *context);

/* The node's output 0 becomes `value` for all users, and the node dies. Returns 1; 0 when that
 * would rename a graph output (then nothing happens). */
int graph_edit_bypass(struct graph_edit *edit, int at, int value);
/* `producer`, whose output 0 only node `at` uses, takes the place and the output 0 of node `at`,
 * which dies. Everything else the caller wants to keep of node `at` it must hold a use of. */
int graph_edit_absorb(struct graph_edit *edit, int producer, int at);
/* Node `at` becomes another operator with the same outputs and without attributes. Errors:
 * EUNSUPPORTED when there is no such operator. */
int graph_edit_become(struct graph_edit *edit, int at, const char *domain, const char *type,
                      const int *inputs, int input_count);
/* Gives node `at` `count` attributes (copied; strings and arrays are borrowed). */
int graph_edit_set_attrs(struct graph_edit *edit, int at, const struct graph_attr *attrs,
                         int count);
/* Sets input `slot` of node `at`, filling skipped slots with -1. */
int graph_edit_set_input(struct graph_edit *edit, int at, int slot, int value);
/* Node `at` dies, and whatever only served it. */
void graph_edit_drop(struct graph_edit *edit, int at);
/* A new constant named after value `like`; takes over the reference also on errors. */
int graph_edit_constant(struct graph_edit *edit, int like, struct tensor *constant);
/* A new value that node `at` will make; to be put into its outputs by the caller. */
int graph_edit_value(struct graph_edit *edit, int at, const char *name, int dtype,
                     const struct tensor_shape *shape);
/* A new int64 vector. */
int graph_edit_int_constant(struct graph_edit *edit, int like, const int64_t *values, int count);

/* ---- Looking at a graph ---------------------------------------------------------------------- */

/* Whether the node is this operator of the ONNX domain. */
bool graph_is(const struct graph_node *node, const char *type);
/* The live node that makes a value; NULL for constants, graph inputs and left-out values. */
struct graph_node *graph_producer(const struct graph *graph, int value);
/* The same if it is this operator. */
struct graph_node *graph_producer_of(const struct graph *graph, int value, const char *type);
int graph_node_index(const struct graph *graph, const struct graph_node *node);
/* Value of input i, -1 when left out. */
int graph_input(const struct graph_node *node, int i);
/* Contents of input i, or NULL. */
const struct stance_tensor *graph_constant(const struct graph *graph, int value);
/* A constant of one element that does not change the rank of `partner` by broadcasting. */
bool graph_scalar(const struct graph *graph, int value, int partner, double *out);
/* Constant integers (1-D or scalar) of at most `most` elements; -1 when they are not. */
int graph_const_ints(const struct graph *graph, int value, int64_t *out, int most);
/* Axes, negative ones resolved if rank >= 0: from attribute `axes` or constant input `slot`.
 * -1: not known; *given tells whether there were any. */
int graph_axes(const struct graph *graph, const struct graph_node *node, int slot, int rank,
               int64_t out[STANCE_MAX_RANK], bool *given);
/* Bounds of a Clip or Relu whose bounds are constant. */
bool graph_clip_range(const struct graph *graph, const struct graph_node *node, double *low,
                      double *high);
bool graph_is_output(const struct graph *graph, int value);
/* Fixed and equal shapes. */
bool graph_same_shape(const struct graph_edit *edit, int a, int b);
/* The shape of a value if it is fixed, else NULL. */
const struct tensor_shape *graph_fixed_shape(const struct graph_edit *edit, int value);

/* ---- One node: inference and folding --------------------------------------------------------- */

/* Runs the node's shape inference and stores types and shapes in its output values. Values whose
 * shape is known at run time only get rank -1. Errors name the node. */
int graph_infer_node(struct graph *graph, const struct graph_node *node);
/* Whether all inputs are constant (and there is one). */
bool graph_all_constant(const struct graph *graph, const struct graph_node *node);
/* Evaluates a node with constant inputs, or Shape and Size of a known shape if `shapes` may be
 * relied on; its outputs become constants. 1: done, 0: cannot or should not be folded. */
int graph_fold_node(struct graph *graph, int at, const struct graph_folder *folder, bool shapes);

/* Per value, whether it is the float form of int8 weights that only convolutions read: these are not
 * folded, graph_use_bytes() wants the bytes. To be freed by the caller. Errors: ENOMEMORY. */
int graph_find_byte_weights(const struct graph *graph, bool **out);
/* Whether the node makes such a value. */
bool graph_makes_byte_weights(const struct graph_node *node, const bool *found);

/* y = scale · x + shift of a BatchNormalization in inference mode with constant statistics. */
bool graph_read_normalization(const struct graph *graph, const struct graph_node *node,
                              int64_t channels, double *scale, double *shift);

/* ---- Rules ----------------------------------------------------------------------------------- */

extern const struct graph_rule graph_remove_rules[];    /* remove.c: nodes that change nothing */
extern const struct graph_rule graph_scale_rules[];     /* scaling.c: constants into weights */
extern const struct graph_rule graph_depthwise_rules[]; /* scaling.c: what has no weights there */
extern const struct graph_rule graph_pattern_rules[];   /* pattern.c: several nodes that are one */
extern const struct graph_rule graph_movement_rules[];  /* movement.c: Reshape, Transpose chains */
extern const struct graph_rule graph_branch_rules[];    /* branches.c: Branches of ST-GCN++ */
extern const struct graph_rule graph_skeleton_rules[];  /* skeleton.c: GraphConv of ST-GCN */

#endif
