/* A folder for tests of the graph room: the few operators that shape arithmetic is made of. */
#ifndef SMALL_FOLDER_H
#define SMALL_FOLDER_H

#include "graph/graph.h"

/* Copies (Reshape, Squeeze, Unsqueeze, Flatten, Identity, Cast), Concat and Slice of vectors,
 * Gather along axis 0, Add, Sub, Mul, Div, Less, Equal and Where by numpy's rule, Range,
 * ConstantOfShape, Expand, Tile of vectors. Everything else is EUNSUPPORTED. */
struct graph_folder small_folder(void);

#endif
