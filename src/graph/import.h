/* What the import files share: the graph in the making and its values by name. */
#ifndef GRAPH_IMPORT_H
#define GRAPH_IMPORT_H

#include "graph/graph.h"
#include "onnx/onnx_model.h"

/* Who defines a value; an initialiser goes before the input that repeats it (old files). */
enum import_kind { IMPORT_INITIALIZER, IMPORT_INPUT, IMPORT_NODE };

struct import_name {
    struct onnx_string text;
    enum import_kind kind;
    size_t index; /* of the initialiser, input or node in the file */
    int value;    /* in the graph; -1 until it is there */
};

struct import {
    struct graph *graph;
    struct onnx_model *model;
    const struct onnx_graph *source;
    struct import_name *names; /* sorted by text */
    size_t name_count;
};

/* NULL when no initialiser, input or node defines it. */
struct import_name *graph_import_name(const struct import *import, struct onnx_string text);

/* Refuses nodes that stance cannot run; the sentence names the node. */
int graph_import_check(const struct import *import, size_t index);
/* Adds the values of a node's outputs; those of a Constant node with their contents. */
int graph_import_values(struct import *import, size_t index);
/* Adds the node, unless it is a Constant. */
int graph_import_node(struct import *import, size_t index);

/* Puts nodes into an order in which they can run. Errors: EFORMAT with a node of the cycle. */
int graph_import_order(struct graph *graph);

#endif
