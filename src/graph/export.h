/* What the files of the export share: the graph, the writer, and names for what the graph has none
 * for. */
#ifndef GRAPH_EXPORT_H
#define GRAPH_EXPORT_H

#include "graph/graph.h"
#include "onnx/onnx_write.h"

struct graph_export {
    const struct graph *graph;
    struct onnx_writer *writer;
    const char **names; /* per value; no two are equal */
    int opset;          /* that is written */
    int fresh;          /* names made so far */
};

/* A node in the opset that is written. Errors: EUNSUPPORTED, without the node's name. */
int graph_export_node(struct graph_export *export, const struct graph_node *node);

#endif
