/* The passes on the general graph, whose shapes are not known yet. */
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

static int simplify_node(struct graph_edit *edit, int at, const struct graph_folder *folder)
{
    static const struct graph_rule *const passes[] = {
        graph_remove_rules,
        graph_scale_rules,
        graph_pattern_rules,
    };
    graph_edit_visit(edit, at);
    BASE_TRY(fold_constants(edit, at, folder));
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++)
        BASE_TRY(graph_edit_apply(edit, at, passes[i]));
    return 0;
}

int graph_simplify(struct graph *graph, const struct graph_folder *folder)
{
    struct graph_edit edit;
    BASE_TRY(graph_edit_open(&edit, graph, false));
    int code = 0;
    for (int i = 0; i < graph->node_count && code >= 0; i++)
        if (graph->nodes[i].type)
            code = simplify_node(&edit, i, folder);
    graph_edit_finish(&edit);
    return code < 0 ? code : 0;
}
