/* Topological order of a freshly imported graph. Files that are in order stay as they are. */
#include <string.h>

#include "base/memory.h"
#include "graph/import.h"

enum state { UNSEEN, OPEN, DONE };

/* A depth-first walk from consumers to producers without recursion. */
struct walk {
    struct graph *graph;
    unsigned char *state; /* per node */
    int *stack, *next;    /* open nodes, and which input of each comes next */
    int *order;
    int depth, placed;
};

static bool in_order(const struct graph *graph)
{
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++) {
            int value = graph->nodes[n].inputs[i];
            if (value >= 0 && graph->values[value].producer >= n)
                return false;
        }
    return true;
}

static void enter(struct walk *walk, int node)
{
    walk->state[node] = OPEN;
    walk->stack[walk->depth] = node;
    walk->next[walk->depth++] = 0;
}

static int visit(struct walk *walk, int root)
{
    const struct graph *graph = walk->graph;
    enter(walk, root);
    while (walk->depth > 0) {
        int top = walk->depth - 1, index = walk->stack[top];
        const struct graph_node *node = &graph->nodes[index];
        if (walk->next[top] == node->input_count) {
            walk->state[index] = DONE;
            walk->order[walk->placed++] = index;
            walk->depth--;
            continue;
        }
        int value = node->inputs[walk->next[top]++];
        int producer = value < 0 ? -1 : graph->values[value].producer;
        if (producer < 0 || walk->state[producer] == DONE)
            continue;
        if (walk->state[producer] == OPEN) {
            base_error(STANCE_EFORMAT, "needs its own result: input '%.200s' closes a cycle",
                       graph->values[value].name);
            return graph_node_error(STANCE_EFORMAT, graph, node);
        }
        enter(walk, producer);
    }
    return 0;
}

static void apply(struct graph *graph, const int *order, struct graph_node *sorted)
{
    for (int n = 0; n < graph->node_count; n++)
        sorted[n] = graph->nodes[order[n]];
    memcpy(graph->nodes, sorted, (size_t)graph->node_count * sizeof sorted[0]);
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < sorted[n].output_count; i++)
            if (sorted[n].outputs[i] >= 0)
                graph->values[sorted[n].outputs[i]].producer = n;
}

static int sort(struct graph *graph)
{
    size_t count = (size_t)graph->node_count;
    struct walk walk = {.graph = graph,
                        .state = base_alloc_zero(count, 1),
                        .stack = base_alloc_zero(count, sizeof(int)),
                        .next = base_alloc_zero(count, sizeof(int)),
                        .order = base_alloc_zero(count, sizeof(int))};
    struct graph_node *sorted = base_alloc_zero(count, sizeof *sorted);
    int code = 0;
    if (!walk.state || !walk.stack || !walk.next || !walk.order || !sorted)
        code = base_error_memory(count * sizeof *sorted, "sorting a graph");
    for (int n = 0; n < graph->node_count && code == 0; n++)
        if (walk.state[n] == UNSEEN)
            code = visit(&walk, n);
    if (code == 0)
        apply(graph, walk.order, sorted);
    base_free(sorted);
    base_free(walk.order);
    base_free(walk.next);
    base_free(walk.stack);
    base_free(walk.state);
    return code;
}

int graph_import_order(struct graph *graph)
{
    return in_order(graph) ? 0 : sort(graph);
}
