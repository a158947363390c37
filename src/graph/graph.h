/* The graph: values and nodes in topological order. Data only; execution is the engine's.
 *
 * Two kinds live: the general graph of a model (graph_import, graph_simplify; immutable and shared
 * between threads afterwards) and its specialisation for fixed input shapes (graph_specialise and
 * the passes after it; private to one plan). A specialised graph borrows strings and attributes
 * from the general one and must not outlive it. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "tensor/storage.h"

struct onnx_model;

enum graph_attr_kind {
    GRAPH_ATTR_FLOAT,
    GRAPH_ATTR_INT,
    GRAPH_ATTR_STRING,
    GRAPH_ATTR_TENSOR,
    GRAPH_ATTR_FLOATS,
    GRAPH_ATTR_INTS,
    GRAPH_ATTR_STRINGS, /* LSTM, GRU and RNN activations */
    GRAPH_ATTR_GRAPH,   /* If and Loop: read, not kept; such nodes are refused by name */
};

struct graph_attr {
    const char *name;
    enum graph_attr_kind kind;
    int64_t i;
    float f;
    const char *s; /* NUL-terminated */
    int count;
    const int64_t *ints;
    const float *floats;
    const char *const *strings;
    struct tensor *tensor;
};

/* What fusion has put behind an operator: activation and the addition of one more input. */
enum graph_activation {
    GRAPH_LINEAR,
    GRAPH_RELU,
    GRAPH_LEAKY_RELU, /* alpha */
    GRAPH_CLIP,       /* alpha … beta */
    GRAPH_SIGMOID,
    GRAPH_SWISH,
    GRAPH_HARD_SIGMOID, /* alpha, beta */
    GRAPH_HARD_SWISH,
    GRAPH_TANH,
    GRAPH_GELU,
};

struct graph_epilogue {
    enum graph_activation activation;
    float alpha, beta;
    int residual;                    /* value added, or -1; also the node's last input */
    bool residual_before_activation; /* activation(x + residual), else activation(x) + residual */
};

/* What bytes stand for: scale · (byte - zero). scale 0: nothing, they are numbers themselves. */
struct graph_bytes {
    float scale;
    int zero; /* 0 … 255 */
};

struct graph_value {
    const char *name; /* unique in the graph */
    int dtype;        /* STANCE_DTYPE_NONE: not known */
    struct tensor_shape shape;
    struct tensor *constant; /* contents known now; the value holds one reference */
    int producer;            /* node, or -1: graph input or constant */
    int block; /* layout of a rank-4 value: 0 plain, else lanes per channel block: 4, 8 or 16 */
    struct graph_bytes bytes; /* of uint8 values of a specialised graph, by graph_use_bytes() */
};

struct graph_node {
    const char *type;   /* "Conv", … */
    const char *domain; /* "" for ONNX itself */
    const char *name;   /* may be "" */
    const struct graph_op *op;
    int input_count, output_count, attr_count;
    int *inputs;  /* values; -1: left out */
    int *outputs; /* values; -1: not wanted */
    struct graph_attr *attrs;
    struct graph_epilogue epilogue;
};

struct graph {
    struct base_arena *arena;
    struct graph_value *values;
    struct graph_node *nodes; /* in an order in which they can run */
    int *inputs, *outputs;    /* values; inputs without those that have initial values */
    int value_count, value_capacity, node_count, node_capacity, input_count, output_count;
    int opset;      /* of the ONNX domain */
    int64_t folded; /* work of constant folding so far: multiply-adds and results */
};

/* ---- Operators: what a node means for shapes and types ---------------------------------------- */

struct graph_type {
    int dtype; /* STANCE_DTYPE_NONE: input left out, or not known */
    struct tensor_shape shape;
    const struct stance_tensor *value; /* contents where known, else NULL */
};

struct graph_infer {
    const struct graph_node *node;
    int opset, input_count, output_count;
    const struct graph_type *in;
    struct graph_type
        *out; /* comes with NONE and rank -1; what stays so is known at run time only */
};

/* Fills `out`. Also used at run time with every input's value known. Errors: ESHAPE, ETYPE,
 * EARGUMENT (an attribute out of range), EUNSUPPORTED, ELIMIT; the sentence says the cause only,
 * the caller adds which node. */
typedef int graph_infer_fn(struct graph_infer *infer);

struct graph_op {
    const char *type;
    int min_inputs, max_inputs, max_outputs; /* max -1: any number */
    graph_infer_fn *infer;
    bool data_dependent; /* the output's shape is known only after running (NonZero, NMS) */
};

/* NULL when stance does not know the operator. */
const struct graph_op *graph_op_find(const char *domain, const char *type);
/* ONNX operator i, in no particular order; NULL behind the last. */
const struct graph_op *graph_op_at(int i);

/* Attributes by name, with the value for "not given". */
const struct graph_attr *graph_attr_find(const struct graph_node *node, const char *name);
int64_t graph_attr_int(const struct graph_node *node, const char *name, int64_t absent);
float graph_attr_float(const struct graph_node *node, const char *name, float absent);
const char *graph_attr_string(const struct graph_node *node, const char *name, const char *absent);
/* NULL when absent; *count is then 0. */
const int64_t *graph_attr_ints(const struct graph_node *node, const char *name, int *count);
const float *graph_attr_floats(const struct graph_node *node, const char *name, int *count);

/* Sets a context like "node 12 'conv1' (Conv)" before the error sentence; returns code. */
int graph_node_error(int code, const struct graph *graph, const struct graph_node *node);

/* Convolution and pooling attributes with auto_pad resolved; spatial rank 1 … 3. */
struct graph_window {
    int spatial; /* number of spatial dims */
    int64_t kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3], out[3];
    int64_t output_padding[3]; /* ConvTranspose */
    int64_t groups;
    bool ceil_mode;
};
/* `input`: the shape of X; `kernel`: the kernel's spatial dims (from W), or NULL to read
 * kernel_shape. `transposed` for ConvTranspose. Errors: ESHAPE, EARGUMENT. */
int graph_window_read(struct graph_window *window, const struct graph_node *node,
                      const struct tensor_shape *input, const int64_t *kernel, bool transposed);

/* What a node Branches does, see branches.c. */
enum { GRAPH_MAX_BRANCHES = 8 };
struct graph_branch {
    int64_t channels, taps, dilation;
    bool pooled;
};
struct graph_branches {
    int count;
    struct graph_branch branch[GRAPH_MAX_BRANCHES];
    int64_t stride, channels, weights; /* channels and weights of all */
};
/* Errors: EARGUMENT. */
int graph_branches_read(struct graph_branches *out, const struct graph_node *node);

/* ---- Building and changing -------------------------------------------------------------------- */

int graph_open(struct graph **out);
void graph_close(struct graph **graph);
/* Appends a value / a node at the end; arrays may move. Negative: error. */
int graph_add_value(struct graph *graph, const char *name, int dtype,
                    const struct tensor_shape *shape);
int graph_add_constant(struct graph *graph, const char *name, struct tensor *constant);
/* Inserts before node `at`; later node indexes (and producers) move up by one. */
int graph_insert_node(struct graph *graph, int at, const char *type, const int *inputs,
                      int input_count, const int *outputs, int output_count);
/* A copy with the same numbers of values that shares weights, strings and attributes with `source`,
 * which must outlive it. The parts, for passes that build a graph anew: the values; one node at the
 * end (its index is returned); inputs, outputs and opset. Errors: ELIMIT, ENOMEMORY. */
int graph_copy(struct graph **out, const struct graph *source);
int graph_copy_values(struct graph *graph, const struct graph *source);
int graph_copy_node(struct graph *graph, const struct graph_node *from);
int graph_copy_ends(struct graph *graph, const struct graph *source);
/* Drops nodes whose outputs nobody uses and nodes marked by type = NULL; sets producers anew. */
void graph_sweep(struct graph *graph);

/* ---- From a file to a plan -------------------------------------------------------------------- */

/* Checks everything: known operators, input counts, one producer per name, no cycle, shapes of
 * initialisers against their bytes. Constant nodes become constants. The model must outlive the
 * graph's constants (they are views into the mapped file; each keeps a reference on the model).
 * Errors name node and cause. */
int graph_import(struct graph **out, struct onnx_model *model);

/* Evaluates a node whose inputs are all constant; the engine provides it. `outputs` receives one
 * tensor per output (NULL for unwanted ones). */
struct graph_folder {
    int (*fold)(void *context, const struct graph *graph, const struct graph_node *node,
                struct tensor **outputs);
    void *context;
    size_t limit; /* results larger than this many bytes are not folded */
};

/* Networks with half-precision weights become float32 networks, inputs and outputs included; others
 * stay as they are. Errors: ENOMEMORY. */
int graph_widen(struct graph *graph);

/* Passes that need no shapes: constant folding, Identity and Dropout out, BatchNormalization and
 * constants per channel into Conv/ConvTranspose/Gemm, Sigmoid·Mul → Swish (domain "stance"),
 * HardSigmoid·Mul and Clip(x + 3)·x/6 → HardSwish, Erf pattern → Gelu; ScaleNorm patterns left as
 * they are. What needs shapes to be sure is found by graph_fuse(). `folder` may be NULL. Graph
 * outputs keep their names. */
int graph_simplify(struct graph *graph, const struct graph_folder *folder);

/* A copy with these shapes for the inputs (`shapes[i]` for graph->inputs[i]), all other shapes
 * inferred and constants folded (Shape subgraphs disappear). Values behind data-dependent operators
 * have rank -1. Values keep their numbers. Errors: ESHAPE when a given dim contradicts the model or
 * an operator; a fixed batch (dim 0) may be overridden. */
int graph_specialise(struct graph **out, const struct graph *source,
                     const struct tensor_shape *shapes, const struct graph_folder *folder);
/* The same; with `any_size` a fixed height and width of pictures (dims 2 and 3 of four) may be
 * overridden too. */
int graph_specialise_size(struct graph **out, const struct graph *source,
                          const struct tensor_shape *shapes, const struct graph_folder *folder,
                          bool any_size);

/* Whether a model exported with a fixed batch of 1 computes each image of a larger batch alone: no
 * operator bakes the 1 in or mixes axis 0. `graph` is specialised for batch `n` > 1; the answer
 * holds for every batch, and is reliable where no constant shape in the model begins with n itself:
 * ask for an unusual number. 1 or 0; on 0, `reason` (if not NULL) names the first node in the way.
 * Errors: ENOMEMORY. */
int graph_batch_independent(const struct graph *graph, int64_t n, char *reason, size_t reason_size);

/* On a specialised graph: activations and residual additions into the producing Conv,
 * ConvTranspose, Gemm or MatMul; transposes cancelled, Reshape chains joined; LayerNormalization
 * patterns; what else graph_simplify() does where shapes were missing.
 *
 * MatMul by a constant matrix + Add of a constant row → MatMul with the row as input 2, the bias.
 * A residual is input 3 of its node (4 of GraphConv), the last; inputs left out before it are -1.
 * BatchNormalization of rank 4 that is left → Conv 1×1 with one group per channel.
 * Einsum of ST-GCN with its Reshape and BatchNormalization → GraphConv (domain "stance"): inputs
 * x [N, K·C, T, V], adjacency [K, V, W], and maybe scale [C] and shift [C]; output [N, C, T, W];
 * activation(scale · Σ_k Σ_v x[n][k·C + c][t][v] · a[k][v][w] + shift), and a residual like any.
 * Temporal branches of ST-GCN++, from the 1×1 convolutions to the Relu behind the
 * BatchNormalization of all → one Conv 1×1 and one node Branches (domain "stance"). */
int graph_fuse(struct graph *graph);

/* Whether the engine wants a convolution 1×1 and the GraphConv behind it as one. */
typedef bool graph_joins_fn(void *context, const struct graph *graph, const struct graph_node *conv,
                            const struct graph_node *graph_conv);
/* On a fused graph: such pairs become one node SkeletonConv (domain "stance"): inputs x, weights,
 * bias, adjacency, scale and shift of both, what is missing -1, and maybe a residual (input 6).
 * Errors: ENOMEMORY. */
int graph_join_skeletons(struct graph *graph, graph_joins_fn *joins, void *context);

/* Whether the node is QuantizeLinear from float32 to uint8, or DequantizeLinear back, with one
 * constant scale for all elements that is above 0 and within sense; `out` receives it. */
bool graph_read_bytes(const struct graph *graph, const struct graph_node *node,
                      struct graph_bytes *out);

/* Whether a graph has convolutions whose weights are bytes. */
bool graph_has_byte_weights(const struct graph *graph);
/* Whether the engine has the operator for a node that is to be one on bytes. */
typedef bool graph_has_bytes_fn(void *context, const struct graph *graph,
                                const struct graph_node *node);
/* On a fused graph: DequantizeLinear → operator → QuantizeLinear becomes the operator on bytes, and
 * int8 weights that only such operators read stay bytes. Values of type uint8 tell in `bytes` what
 * they stand for. Operators that only move data keep their type; the others are, in domain
 * "stance":
 *   QConv     x, weights int8 [out, in / groups, kh, kw], scale of the weights (one, or one per
 *             output channel), bias or -1, and maybe a residual (bytes or float), the last; the
 *             epilogue and the attributes are those of the Conv; output bytes or float
 *   QConvTranspose   the same with weights [in, out / groups, kh, kw]
 *   QAdd      bytes + bytes → bytes
 *   QScale    bytes [N, C, H, W] · float [N, C, 1, 1] → bytes
 *   QAverage  GlobalAveragePool of bytes → float
 *   QConcat   Concat of bytes with other scales than the output's
 *   Lookup    bytes, table uint8 [256] → bytes: any chain of element-wise operators on one value
 * What does not fit stays as it is. int8 activations become uint8 ones. `has_bytes` may be NULL for
 * "everything". */
int graph_use_bytes(struct graph *graph, const struct graph_folder *folder,
                    graph_has_bytes_fn *has_bytes, void *context);

/* Behind graph_use_bytes(): the four Slices and the Concat with which YOLOX begins, and a
 * QuantizeLinear behind them, become one node Focus (domain "stance"), whose input is float and plain
 * in any layout. Errors: ENOMEMORY. */
int graph_join_focus(struct graph *graph);

/* Chooses the layout once: values made by blocked operators get `block` lanes, Reorder nodes (type
 * "Reorder", domain "stance") stand where layouts meet; graph inputs and outputs are plain. A
 * blocked Conv of one group may read a plain value, over at most 4 channels, and writes one where
 * nobody wants blocks, without a residual. `can_block` says whether the engine has a blocked
 * implementation of the node; it may look at shapes, attributes and constants, and is asked before
 * any value is blocked. block <= 1: nothing happens. */
typedef bool graph_can_block_fn(void *context, const struct graph *graph,
                                const struct graph_node *node);
int graph_layout(struct graph *graph, int block, graph_can_block_fn *can_block, void *context);

/* Writes a general graph as an ONNX file that any runtime reads: domain "stance" is spelled out, and
 * networks of old opsets are brought to 17, newer ones keep theirs. Inputs, outputs, their names and
 * open dims stay; weights are written once. `like` gives the metadata; NULL: none.
 * Errors: EUNSUPPORTED (a node that newer opsets cannot say), ELIMIT (2 GiB), ENOMEMORY. */
int graph_export(const struct graph *graph, const struct onnx_model *like, struct base_buffer *out);

/* One line per node: type, name, output shapes, layout, what was fused. */
int graph_dump(const struct graph *graph, struct base_buffer *out);

/* Multiply-adds of a specialised graph, counted as the field does: convolutions, matrix products
 * (Conv, ConvTranspose, Gemm, MatMul, Einsum). */
int64_t graph_multiply_adds(const struct graph *graph);
/* Those on bytes (QConv, QConvTranspose). */
int64_t graph_byte_multiply_adds(const struct graph *graph);
int64_t graph_node_multiply_adds(const struct graph *graph, const struct graph_node *node);
/* Elements of all constants that nodes use as weights. Errors: ENOMEMORY. */
int64_t graph_parameters(const struct graph *graph);

#endif
