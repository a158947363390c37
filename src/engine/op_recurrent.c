/* LSTM, GRU and RNN, computed in double: each sequence of the batch and each direction alone, one
 * step after the other. Gate order as in ONNX: LSTM i o f c, GRU z r h. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "engine/op_chunk.h"
#include "engine/op_memory.h"

enum kind { RNN, GRU, LSTM };

struct activation {
    double (*fn)(double x, double alpha, double beta);
    double alpha, beta;
};

struct recurrent {
    struct engine_call *call;
    enum kind kind;
    int gates, directions;
    int64_t hidden, inputs, steps, batch;
    bool batch_first, first_reversed, linear_before_reset, coupled;
    double clip; /* of what activations see; infinite without */
    struct activation activations[2][3];
    const double *w, *r, *bias, *peephole; /* bias and peephole NULL without */
    double *scratch;                       /* state of every worker */
    int64_t scratch_size;                  /* doubles of one */
};

/* ---- Activations ----------------------------------------------------------------------------- */

static double sigmoid(double x, double alpha, double beta)
{
    return 1 / (1 + exp(-x));
}

static double hyperbolic(double x, double alpha, double beta)
{
    return tanh(x);
}

static double relu(double x, double alpha, double beta)
{
    return x > 0 ? x : 0;
}

static double leaky_relu(double x, double alpha, double beta)
{
    return x < 0 ? alpha * x : x;
}

static double thresholded_relu(double x, double alpha, double beta)
{
    return x > alpha ? x : 0;
}

static double hard_sigmoid(double x, double alpha, double beta)
{
    return fmin(1, fmax(0, alpha * x + beta));
}

static double affine(double x, double alpha, double beta)
{
    return alpha * x + beta;
}

static double scaled_tanh(double x, double alpha, double beta)
{
    return alpha * tanh(beta * x);
}

static double elu(double x, double alpha, double beta)
{
    return x < 0 ? alpha * expm1(x) : x;
}

static double softsign(double x, double alpha, double beta)
{
    return x / (1 + fabs(x));
}

static double softplus(double x, double alpha, double beta)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static const struct {
    const char *name;
    struct activation usual;
    bool has_alpha, has_beta;
} activations[] = {
    {"Affine", {affine, 1, 0}, true, true},
    {"Elu", {elu, 1, 0}, true, false},
    {"HardSigmoid", {hard_sigmoid, 0.2, 0.5}, true, true},
    {"LeakyRelu", {leaky_relu, 0.01, 0}, true, false},
    {"Relu", {relu, 0, 0}, false, false},
    {"ScaledTanh", {scaled_tanh, 1, 1}, true, true},
    {"Sigmoid", {sigmoid, 0, 0}, false, false},
    {"Softplus", {softplus, 0, 0}, false, false},
    {"Softsign", {softsign, 0, 0}, false, false},
    {"Tanh", {hyperbolic, 0, 0}, false, false},
    {"ThresholdedRelu", {thresholded_relu, 1, 0}, true, false},
};

static int find_activation(const char *name)
{
    int count = (int)(sizeof activations / sizeof activations[0]);
    for (int i = 0; i < count; i++)
        if (strcasecmp(activations[i].name, name) == 0)
            return i;
    return base_error(STANCE_EUNSUPPORTED, "activation '%.40s' is not known", name);
}

/* Alphas and betas are consumed in the order of the functions that have them. */
static int read_activations(struct recurrent *rnn)
{
    static const char *const usual[][3] = {
        [RNN] = {"Tanh"}, [GRU] = {"Sigmoid", "Tanh"}, [LSTM] = {"Sigmoid", "Tanh", "Tanh"}};
    const struct graph_node *node = rnn->call->node;
    const struct graph_attr *names = graph_attr_find(node, "activations");
    int alphas, betas, next_alpha = 0, next_beta = 0, each = (int)rnn->kind + 1;
    const float *alpha = graph_attr_floats(node, "activation_alpha", &alphas);
    const float *beta = graph_attr_floats(node, "activation_beta", &betas);
    if (names && (names->kind != GRAPH_ATTR_STRINGS || names->count != each * rnn->directions))
        return base_error(STANCE_EARGUMENT, "%d activations instead of %d", names->count,
                          each * rnn->directions);
    for (int i = 0; i < each * rnn->directions; i++) {
        int found = find_activation(names ? names->strings[i] : usual[rnn->kind][i % each]);
        if (found < 0)
            return found;
        struct activation *activation = &rnn->activations[i / each][i % each];
        *activation = activations[found].usual;
        if (activations[found].has_alpha && next_alpha < alphas)
            activation->alpha = (double)alpha[next_alpha++];
        if (activations[found].has_beta && next_beta < betas)
            activation->beta = (double)beta[next_beta++];
    }
    return 0;
}

/* ---- One step -------------------------------------------------------------------------------- */

/* What one direction of one sequence works with; lengths in hidden sizes. */
struct state {
    const struct activation *activations;
    const double *w, *r, *bias_w, *bias_r, *peephole;
    double *x;     /* inputs */
    double *h, *c; /* 1 */
    double *gates; /* 4 */
    double *reset; /* 1 */
};

static double activate(const struct recurrent *rnn, const struct activation *activation, double x)
{
    x = x > rnn->clip ? rnn->clip : x < -rnn->clip ? -rnn->clip : x;
    return activation->fn(x, activation->alpha, activation->beta);
}

/* Row `row` of a weight matrix times a vector. */
static double dot(const double *matrix, int64_t row, const double *vector, int64_t length)
{
    double sum = 0;
    for (int64_t i = 0; i < length; i++)
        sum += matrix[row * length + i] * vector[i];
    return sum;
}

/* What gate row `row` sees of the input and, if `h`, of the hidden state. */
static double gate(const struct recurrent *rnn, const struct state *state, int64_t row,
                   const double *h)
{
    double sum = dot(state->w, row, state->x, rnn->inputs);
    if (state->bias_w)
        sum += state->bias_w[row];
    if (h)
        sum += dot(state->r, row, h, rnn->hidden) + (state->bias_r ? state->bias_r[row] : 0);
    return sum;
}

static void step_rnn(const struct recurrent *rnn, struct state *state)
{
    for (int64_t i = 0; i < rnn->hidden; i++)
        state->gates[i] = activate(rnn, &state->activations[0], gate(rnn, state, i, state->h));
    memcpy(state->h, state->gates, (size_t)rnn->hidden * sizeof(double));
}

static void step_gru(const struct recurrent *rnn, struct state *state)
{
    int64_t n = rnn->hidden;
    const struct activation *f = &state->activations[0], *g = &state->activations[1];
    for (int64_t i = 0; i < 2 * n; i++)
        state->gates[i] = activate(rnn, f, gate(rnn, state, i, state->h));
    const double *z = state->gates, *r = state->gates + n;
    double *next = state->gates + 2 * n;
    for (int64_t i = 0; i < n; i++)
        state->reset[i] = r[i] * state->h[i];
    for (int64_t i = 0; i < n; i++) {
        double sum;
        if (rnn->linear_before_reset) {
            double linear = dot(state->r, 2 * n + i, state->h, n);
            linear += state->bias_r ? state->bias_r[2 * n + i] : 0;
            sum = gate(rnn, state, 2 * n + i, NULL) + r[i] * linear;
        } else {
            sum = gate(rnn, state, 2 * n + i, state->reset);
        }
        next[i] = activate(rnn, g, sum);
    }
    for (int64_t i = 0; i < n; i++)
        state->h[i] = (1 - z[i]) * next[i] + z[i] * state->h[i];
}

static void step_lstm(const struct recurrent *rnn, struct state *state)
{
    int64_t n = rnn->hidden;
    const struct activation *f = &state->activations[0];
    const double *p = state->peephole;
    for (int64_t i = 0; i < 4 * n; i++)
        state->gates[i] = gate(rnn, state, i, state->h);
    const double *in = state->gates, *out = in + n, *forget = in + 2 * n, *cell = in + 3 * n;
    for (int64_t i = 0; i < n; i++) {
        double old = state->c[i];
        double opened = activate(rnn, f, in[i] + (p ? p[i] * old : 0));
        double kept =
            rnn->coupled ? 1 - opened : activate(rnn, f, forget[i] + (p ? p[2 * n + i] * old : 0));
        state->c[i] = kept * old + opened * activate(rnn, f + 1, cell[i]);
        double shown = activate(rnn, f, out[i] + (p ? p[n + i] * state->c[i] : 0));
        state->h[i] = shown * f[2].fn(state->c[i], f[2].alpha, f[2].beta);
    }
}

/* ---- One sequence ---------------------------------------------------------------------------- */

static bool given(const struct recurrent *rnn, int i)
{
    return i < rnn->call->input_count && rnn->call->in[i].dtype != STANCE_DTYPE_NONE;
}

/* Where a state tensor ([directions, batch, hidden], or batch first) holds this sequence. */
static int64_t state_offset(const struct recurrent *rnn, int64_t direction, int64_t b)
{
    int64_t index = rnn->batch_first ? b * rnn->directions + direction : direction * rnn->batch + b;
    return index * rnn->hidden;
}

static void begin(const struct recurrent *rnn, struct state *state, double *scratch,
                  int64_t direction, int64_t b)
{
    int64_t n = rnn->hidden, rows = rnn->gates * n;
    *state = (struct state){.activations = rnn->activations[direction],
                            .w = rnn->w + direction * rows * rnn->inputs,
                            .r = rnn->r + direction * rows * n};
    if (rnn->bias) {
        state->bias_w = rnn->bias + direction * 2 * rows;
        state->bias_r = state->bias_w + rows;
    }
    if (rnn->peephole)
        state->peephole = rnn->peephole + direction * 3 * n;
    state->h = scratch;
    state->c = scratch + n;
    state->reset = scratch + 2 * n;
    state->gates = scratch + 3 * n;
    state->x = scratch + 7 * n;
    memset(scratch, 0, (size_t)rnn->scratch_size * sizeof(double));
    int64_t offset = state_offset(rnn, direction, b);
    if (given(rnn, 5))
        engine_load(state->h, ENGINE_DOUBLE, &rnn->call->in[5], offset, 1, n);
    if (rnn->kind == LSTM && given(rnn, 6))
        engine_load(state->c, ENGINE_DOUBLE, &rnn->call->in[6], offset, 1, n);
}

static void store(const struct recurrent *rnn, int output, const double *values, int64_t offset)
{
    const struct engine_call *call = rnn->call;
    if (output < call->output_count && call->out[output].dtype != STANCE_DTYPE_NONE)
        engine_store(values, ENGINE_DOUBLE, &call->out[output], offset, rnn->hidden);
}

static int64_t step_offset(const struct recurrent *rnn, int64_t t, int64_t direction, int64_t b)
{
    int64_t index = rnn->batch_first ? (b * rnn->steps + t) * rnn->directions + direction
                                     : (t * rnn->directions + direction) * rnn->batch + b;
    return index * rnn->hidden;
}

static void run_sequence(void *context, int part, int parts, int worker)
{
    static void (*const steps[])(const struct recurrent *, struct state *) = {
        [RNN] = step_rnn, [GRU] = step_gru, [LSTM] = step_lstm};
    const struct recurrent *rnn = context;
    double *scratch = rnn->scratch + (int64_t)worker * rnn->scratch_size;
    int64_t direction = part / rnn->batch, b = part % rnn->batch;
    int64_t length = given(rnn, 4) ? tensor_int(&rnn->call->in[4], b) : rnn->steps;
    bool reversed = direction == 1 || rnn->first_reversed;
    struct state state;
    begin(rnn, &state, scratch, direction, b);
    for (int64_t i = 0; i < length; i++) {
        int64_t t = reversed ? length - 1 - i : i;
        int64_t at = rnn->batch_first ? b * rnn->steps + t : t * rnn->batch + b;
        engine_load(state.x, ENGINE_DOUBLE, &rnn->call->in[0], at * rnn->inputs, 1, rnn->inputs);
        steps[rnn->kind](rnn, &state);
        store(rnn, 0, state.h, step_offset(rnn, t, direction, b));
    }
    store(rnn, 1, state.h, state_offset(rnn, direction, b));
    if (rnn->kind == LSTM)
        store(rnn, 2, state.c, state_offset(rnn, direction, b));
    memset(state.reset, 0, (size_t)rnn->hidden * sizeof(double));
    for (int64_t t = length; t < rnn->steps; t++)
        store(rnn, 0, state.reset, step_offset(rnn, t, direction, b));
}

/* ---- Operators ------------------------------------------------------------------------------- */

/* An input of `count` values as doubles; NULL stays where an optional one is left out. */
static int load_input(const double **out, struct recurrent *rnn, int i, int64_t count)
{
    *out = NULL;
    if (!given(rnn, i))
        return 0;
    if (stance_tensor_count(&rnn->call->in[i]) != count)
        return base_error(STANCE_ESHAPE, "input %d has %lld values instead of %lld", i,
                          (long long)stance_tensor_count(&rnn->call->in[i]), (long long)count);
    double *values = engine_call_scratch(rnn->call, (size_t)count * sizeof(double));
    if (!values)
        return engine_memory_code(rnn->call->memory);
    if (count > 0)
        engine_load(values, ENGINE_DOUBLE, &rnn->call->in[i], 0, 1, count);
    *out = values;
    return 0;
}

static int load_inputs(struct recurrent *rnn)
{
    int64_t n = rnn->hidden, rows = rnn->directions * rnn->gates * n;
    int64_t states = rnn->directions * rnn->batch * n;
    BASE_TRY(load_input(&rnn->w, rnn, 1, rows * rnn->inputs));
    BASE_TRY(load_input(&rnn->r, rnn, 2, rows * n));
    BASE_TRY(load_input(&rnn->bias, rnn, 3, 2 * rows));
    if (rnn->kind == LSTM)
        BASE_TRY(load_input(&rnn->peephole, rnn, 7, rnn->directions * 3 * n));
    for (int i = 5; i < 6 + (rnn->kind == LSTM); i++)
        if (given(rnn, i) && stance_tensor_count(&rnn->call->in[i]) != states)
            return base_error(STANCE_ESHAPE,
                              "the initial state (input %d) has %lld values "
                              "instead of %lld",
                              i, (long long)stance_tensor_count(&rnn->call->in[i]),
                              (long long)states);
    if (!given(rnn, 4))
        return 0;
    const struct stance_tensor *lengths = &rnn->call->in[4];
    if (stance_tensor_count(lengths) != rnn->batch)
        return base_error(STANCE_ESHAPE, "%lld sequence lengths for a batch of %lld",
                          (long long)stance_tensor_count(lengths), (long long)rnn->batch);
    for (int64_t i = 0; i < rnn->batch; i++)
        if (tensor_int(lengths, i) < 0 || tensor_int(lengths, i) > rnn->steps)
            return base_error(STANCE_EARGUMENT, "sequence length %lld of at most %lld",
                              (long long)tensor_int(lengths, i), (long long)rnn->steps);
    return 0;
}

static void read_shape(struct recurrent *rnn)
{
    const struct engine_call *call = rnn->call;
    const char *direction = graph_attr_string(call->node, "direction", "forward");
    rnn->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    rnn->first_reversed = strcmp(direction, "reverse") == 0;
    rnn->batch_first = graph_attr_int(call->node, "layout", 0) != 0;
    rnn->linear_before_reset = graph_attr_int(call->node, "linear_before_reset", 0) != 0;
    rnn->coupled = graph_attr_int(call->node, "input_forget", 0) != 0;
    rnn->steps = call->in[0].dims[rnn->batch_first ? 1 : 0];
    rnn->batch = call->in[0].dims[rnn->batch_first ? 0 : 1];
    rnn->inputs = call->in[0].dims[2];
    rnn->hidden = call->in[2].dims[2];
    const struct graph_attr *clip = graph_attr_find(call->node, "clip");
    rnn->clip = clip ? (double)clip->f : INFINITY;
}

static int run(struct engine_call *call)
{
    struct recurrent rnn = {.call = call};
    BASE_TRY(engine_need_float(call));
    rnn.kind = strcmp(call->node->type, "LSTM") == 0  ? LSTM
               : strcmp(call->node->type, "GRU") == 0 ? GRU
                                                      : RNN;
    rnn.gates = rnn.kind == LSTM ? 4 : rnn.kind == GRU ? 3 : 1;
    read_shape(&rnn);
    BASE_TRY(read_activations(&rnn));
    BASE_TRY(load_inputs(&rnn));
    rnn.scratch_size = 7 * rnn.hidden + rnn.inputs;
    size_t workers = (size_t)base_pool_threads(call->pool);
    rnn.scratch = engine_call_scratch(call, workers * (size_t)rnn.scratch_size * sizeof(double));
    if (!rnn.scratch)
        return engine_memory_code(call->memory);
    base_pool_run(call->pool, run_sequence, &rnn, (int)(rnn.directions * rnn.batch));
    return 0;
}

const struct engine_op engine_ops_recurrent[] = {
    {"GRU", run},
    {"LSTM", run},
    {"RNN", run},
    {NULL, NULL},
};
