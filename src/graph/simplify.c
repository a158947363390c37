/* The passes on the general graph, whose shapes are not known yet. */
#include "base/memory.h"
#include "graph/rewrite.h"

static int fold_constants(struct graph_edit *edit, int at, const struct graph_folder *folder)
{
    struct graph *graph = edit->graph;
    struct graph_node *node = &graph->nodes[at];
    if (!node->type || !graph_all_constant(graph, node))
        return 0;
    BASE_TRY(graph_infer_node(graph, node));
    const struct graph_node before = *node;
    int folded = graph_fold_node(graph, at, folder, false);
    for (int i = 0; i < before.input_count && folded > 0; i++)
        if (before.inputs[i] >= 0)
            edit->uses[before.inputs[i]]--;
    return folded;
}

static int simplify_node(struct graph_edit *edit, int at, const struct graph_folder *folder,
                         const bool *byte_weights)
{
    static const struct graph_rule *const passes[] = {
        graph_remove_rules,
        graph_scale_rules,
        graph_pattern_rules,
    };
    graph_edit_visit(edit, at);
    if (graph_makes_byte_weights(&edit->graph->nodes[at], byte_weights))
        return 0;
    BASE_TRY(fold_constants(edit, at, folder));
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++)
        BASE_TRY(graph_edit_apply(edit, at, passes[i]));
    return 0;
}

int graph_simplify(struct graph *graph, const struct graph_folder *folder)
{
    struct graph_edit edit;
    bool *byte_weights;
    BASE_TRY(graph_find_byte_weights(graph, &byte_weights));
    int code = graph_edit_open(&edit, graph, false);
    for (int i = 0; i < graph->node_count && code >= 0; i++)
        if (graph->nodes[i].type)
            code = simplify_node(&edit, i, folder, byte_weights);
    graph_edit_finish(&edit);
    base_free(byte_weights);
    return code < 0 ? code : 0;
}
