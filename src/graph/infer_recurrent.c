/* Shapes and types of LSTM, GRU and RNN. */
#include <string.h>

#include "graph/infer.h"

static int check_direction(const struct graph_node *node, int64_t *directions)
{
    const char *text = graph_attr_string(node, "direction", "forward");
    bool both = strcmp(text, "bidirectional") == 0;
    if (!both && strcmp(text, "forward") != 0 && strcmp(text, "reverse") != 0)
        return base_error(STANCE_EARGUMENT, "direction '%.40s' is not known", text);
    *directions = both ? 2 : 1;
    return 0;
}

/* W is [directions, gates × hidden, inputs], R is [directions, gates × hidden, hidden]. */
static int check_weights(const struct graph_infer *infer, int gates, int64_t directions,
                         int64_t *hidden)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    int64_t inputs = x->rank < 0 ? -1 : x->dims[2];
    *hidden = graph_attr_int(infer->node, "hidden_size", -1);
    if (*hidden > TENSOR_MAX_COUNT || *hidden < -1 || *hidden == 0)
        return base_error(STANCE_EARGUMENT, "hidden_size is %lld", (long long)*hidden);
    const struct tensor_shape *w = graph_infer_shape(infer, 1), *r = graph_infer_shape(infer, 2);
    if (r->rank >= 0 && !graph_dim_merge(hidden, r->dims[2]))
        return base_error(STANCE_ESHAPE, "R's last dim %lld is not the hidden size %lld",
                          (long long)r->dims[2], (long long)*hidden);
    if (w->rank >= 0 && !graph_dim_merge(&inputs, w->dims[2]))
        return base_error(STANCE_ESHAPE, "W is for %lld inputs, the data has %lld",
                          (long long)w->dims[2], (long long)inputs);
    for (int i = 1; i < 3; i++) {
        const struct tensor_shape *shape = graph_infer_shape(infer, i);
        int64_t rows = graph_dim_multiply(*hidden, gates), dirs = directions;
        if (shape->rank >= 0 &&
            (!graph_dim_merge(&rows, shape->dims[1]) || !graph_dim_merge(&dirs, shape->dims[0])))
            return base_error(STANCE_ESHAPE, "input %d must be %lldx%lldx…", i,
                              (long long)directions, (long long)rows);
    }
    return 0;
}

static int infer_recurrent(struct graph_infer *infer, int gates)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    int64_t directions = 1, hidden = -1, steps = -1, batch = -1;
    bool batch_first = graph_attr_int(infer->node, "layout", 0) != 0;
    for (int i = 0; i < 3; i++)
        BASE_TRY(graph_infer_rank(infer, i, 3, 3));
    BASE_TRY(check_direction(infer->node, &directions));
    BASE_TRY(check_weights(infer, gates, directions, &hidden));
    if (x->rank >= 0) {
        steps = x->dims[batch_first];
        batch = x->dims[!batch_first];
    }
    struct tensor_shape all = {4, {steps, directions, batch, hidden}};
    struct tensor_shape last = {3, {directions, batch, hidden}};
    if (batch_first) {
        all = (struct tensor_shape){4, {batch, steps, directions, hidden}};
        last = (struct tensor_shape){3, {batch, directions, hidden}};
    }
    int dtype = graph_infer_dtype(infer, 0);
    BASE_TRY(graph_infer_output(infer, 0, dtype, &all));
    BASE_TRY(graph_infer_output(infer, 1, dtype, &last));
    return graph_infer_output(infer, 2, dtype, &last);
}

static int infer_lstm(struct graph_infer *infer)
{
    return infer_recurrent(infer, 4);
}

static int infer_gru(struct graph_infer *infer)
{
    return infer_recurrent(infer, 3);
}

static int infer_rnn(struct graph_infer *infer)
{
    return infer_recurrent(infer, 1);
}

const struct graph_op graph_ops_recurrent[] = {
    {"LSTM", 3, 8, 3, infer_lstm, false},
    {"GRU", 3, 6, 2, infer_gru, false},
    {"RNN", 3, 6, 2, infer_rnn, false},
    {NULL, 0, 0, 0, NULL, false},
};
