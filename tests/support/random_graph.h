/* Random networks: a seeded recipe of nodes that grows one node at a time and can be written as an
 * ONNX model at any moment. What the nodes are is drawn in random_nodes.c and random_moves.c. */
#ifndef RANDOM_GRAPH_H
#define RANDOM_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "stance/tensor.h"

enum {
    RANDOM_NODES = 32,
    RANDOM_VALUES = 96,
    RANDOM_CONSTANTS = 160,
    RANDOM_ATTRS = 10,
    RANDOM_LIST = 16,
    RANDOM_OUTPUTS = 8,
    RANDOM_MODEL_BYTES = 64 << 20,
};

/* Something a node can read: a graph input or an output of an earlier node. */
struct random_value {
    char name[12];
    int dtype, rank;
    int64_t dims[STANCE_MAX_RANK];
    bool exact;      /* the same bits on every tier: may be compared, counted, used as an index */
    bool used, tame; /* tame: finite and of moderate size, so that functions may follow */
};

struct random_attr {
    const char *name;
    enum { RANDOM_INT, RANDOM_FLOAT, RANDOM_STRING, RANDOM_INTS } kind;
    int64_t ints[RANDOM_LIST];
    int count;
    float f;
    const char *s;
};

struct random_node {
    const char *type;
    char inputs[160], outputs[160];
    int attr_count, output_count;
    bool exact; /* gives the same bits on every tier for exact inputs */
    struct random_attr attrs[RANDOM_ATTRS];
};

struct random_constant {
    char name[12];
    struct stance_tensor tensor; /* data belongs to the graph */
};

struct random_graph {
    uint64_t state; /* of the noise */
    bool hostile;   /* numbers in attributes and constants are sometimes absurd */
    int opset, input_count, node_count, value_count, constant_count;
    int kept_constants; /* those of all nodes but the newest */
    struct random_node nodes[RANDOM_NODES];
    struct random_value values[RANDOM_VALUES]; /* the first input_count are the inputs */
    struct random_constant constants[RANDOM_CONSTANTS];
    bool open_dims; /* the model declares its inputs without batch and size */
};

/* Begins with the inputs only. */
void random_graph_init(struct random_graph *graph, uint64_t seed, bool hostile);
void random_graph_free(struct random_graph *graph);

/* low … high, both included. */
int64_t random_int(struct random_graph *graph, int64_t low, int64_t high);
bool random_chance(struct random_graph *graph, int percent);
/* -1 … 1. */
float random_float(struct random_graph *graph);

/* Adds a node whose outputs are not among the values yet: random_graph_accept() adds them with the
 * types that were found out, random_graph_reject() takes the node back. */
void random_graph_grow(struct random_graph *graph);
void random_graph_accept(struct random_graph *graph, const struct random_value *outputs, int count);
void random_graph_reject(struct random_graph *graph);

/* Bytes of all constants. */
size_t random_graph_weights(const struct random_graph *graph);
/* The model with these outputs. */
void random_graph_write(const struct random_graph *graph, const char *const *outputs, int count,
                        struct base_buffer *model);

/* ---- For random_nodes.c and random_moves.c -----------------------------------------------------
 */

/* Begins a node; what follows belongs to it. */
void random_node(struct random_graph *graph, const char *type);
/* Appends an input by name; "" leaves one out. */
void random_input(struct random_graph *graph, const char *name);
/* Appends new constants as inputs. */
void random_weights(struct random_graph *graph, int rank, const int64_t *dims, float scale);
void random_positive(struct random_graph *graph, int rank, const int64_t *dims);
void random_list(struct random_graph *graph, int dtype, int count, const int64_t *values);
void random_number(struct random_graph *graph, float value);
void random_attr_int(struct random_graph *graph, const char *name, int64_t value);
void random_attr_float(struct random_graph *graph, const char *name, float value);
void random_attr_string(struct random_graph *graph, const char *name, const char *value);
void random_attr_ints(struct random_graph *graph, const char *name, int count,
                      const int64_t *values);
/* Outputs of the open node; one when not called. */
void random_outputs(struct random_graph *graph, int count);

/* A float value of rank low … high, rather a young one; NULL when there is none. */
const struct random_value *random_pick(struct random_graph *graph, int low, int high);
/* Opens a node on such a value and returns it; a Relu of the first input where there is none. */
const struct random_value *random_begin(struct random_graph *graph, const char *type, int low,
                                        int high);
const char *random_choose(struct random_graph *graph, const char *const *names, int count);
/* The open node gives the same bits on every tier for exact inputs. */
void random_exact(struct random_graph *graph);

/* Draws one node of any kind; one of those that move data. */
void random_node_draw(struct random_graph *graph);
void random_move_draw(struct random_graph *graph);

#endif
