/* Calibration: the float network runs over what it was fed; ranges come from what its values are, the
 * choice between them and the correction of biases from what int8 layers make of the same values. */
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "stance/session.h"

/* Inputs on which the ways to cut ranges are compared. */
enum { COMPARED = 128 };

static int tell(struct stance_quantizer *quantizer)
{
    const struct stance_quantize_options *options = &quantizer->options;
    quantizer->done++;
    return options->progress &&
                   options->progress(options->context, quantizer->done, quantizer->total) != 0
               ? base_error(STANCE_ECANCELLED, "calibration was cancelled")
               : 0;
}

/* Runs a graph over `inputs` of the inputs, evenly spread. */
static int run_model(struct stance_quantizer *quantizer, struct stance_model *model, int inputs,
                     const int *items, int count, int method, quantize_take_fn *take)
{
    struct stance_tensor outputs[QUANTIZE_OBSERVED];
    struct stance_session_options options;
    struct stance_session *session;
    stance_session_options_default(&options);
    options.threads = quantizer->options.threads;
    BASE_TRY(stance_session_open(&session, model, &options));
    int code = 0;
    for (int i = 0; i < inputs && code == 0; i++) {
        int at = (int)((int64_t)i * quantizer->input_count / inputs);
        code = stance_session_run(session, &quantizer->inputs[at]->view, 1, outputs,
                                  stance_model_output_count(model));
        if (code == 0)
            code = take(quantizer, items, count, method, outputs);
        if (code == 0)
            code = tell(quantizer);
    }
    stance_session_close(&session);
    return code;
}

int engine_quantize_run(struct stance_quantizer *quantizer, struct graph *graph, int inputs,
                        const int *items, int count, int method, quantize_take_fn *take)
{
    struct stance_model *model;
    int code = engine_quantize_model(&model, quantizer, graph);
    graph_close(&graph);
    BASE_TRY(code);
    code = run_model(quantizer, model, inputs, items, count, method, take);
    stance_model_close(&model);
    return code;
}

/* ---- Ranges ---- */

static int take_values(struct stance_quantizer *quantizer, const int *items, int count, int method,
                       const struct stance_tensor *outputs)
{
    for (int i = 0; i < count; i++) {
        int code = engine_quantize_histogram_add(&quantizer->values[items[i]].histogram,
                                                 outputs[i].data, stance_tensor_count(&outputs[i]));
        if (code < 0)
            return base_error_context(code, "value '%.200s'",
                                      quantizer->graph->values[items[i]].name);
    }
    return 0;
}

static int observe_some(struct stance_quantizer *quantizer, const int *items, int count)
{
    struct graph *graph;
    BASE_TRY(engine_quantize_build_observed(&graph, quantizer, items, count));
    return engine_quantize_run(quantizer, graph, quantizer->input_count, items, count, 0,
                               take_values);
}

static bool is_observed(const struct stance_quantizer *quantizer, int value)
{
    return quantizer->values[value].histogram.bins != NULL;
}

static int open_histograms(struct stance_quantizer *quantizer)
{
    for (int i = 0; i < quantizer->graph->value_count; i++)
        if (quantizer->values[i].wanted)
            BASE_TRY(engine_quantize_histogram_open(&quantizer->values[i].histogram));
    return 0;
}

static int observe(struct stance_quantizer *quantizer)
{
    int items[QUANTIZE_OBSERVED], count = 0;
    for (int i = 0; i < quantizer->graph->value_count; i++) {
        if (!is_observed(quantizer, i))
            continue;
        items[count++] = i;
        if (count == QUANTIZE_OBSERVED) {
            BASE_TRY(observe_some(quantizer, items, count));
            count = 0;
        }
    }
    return count ? observe_some(quantizer, items, count) : 0;
}

static void find_ranges(struct stance_quantizer *quantizer)
{
    for (int i = 0; i < quantizer->graph->value_count; i++) {
        struct quantize_value *value = &quantizer->values[i];
        value->method = quantizer->options.method ? quantizer->options.method : STANCE_QUANTIZE_MSE;
        for (int m = 1; m <= QUANTIZE_METHODS && is_observed(quantizer, i); m++)
            value->ranges[m] = engine_quantize_histogram_range(&value->histogram, m);
    }
}

/* ---- Layers beside their int8 selves ---- */

/* Adds to the errors and the power of a layer. */
static void add_errors(struct quantize_layer *layer, int method, const struct stance_tensor *rows,
                       bool power)
{
    int64_t channels = rows->dims[0] / 3;
    for (int64_t c = 0; c < channels; c++) {
        layer->errors[method] += tensor_float(rows, channels + c);
        layer->power += power ? tensor_float(rows, 2 * channels + c) : 0;
    }
}

static int take_errors(struct stance_quantizer *quantizer, const int *items, int count, int method,
                       const struct stance_tensor *outputs)
{
    for (int i = 0; i < count; i++)
        add_errors(&quantizer->layers[items[i]], method, &outputs[i],
                   method == STANCE_QUANTIZE_MINMAX);
    return 0;
}

static int take_means(struct stance_quantizer *quantizer, const int *items, int count, int method,
                      const struct stance_tensor *outputs)
{
    for (int i = 0; i < count; i++) {
        struct quantize_layer *layer = &quantizer->layers[items[i]];
        for (int64_t c = 0; c < outputs[i].dims[0] / 3; c++)
            layer->means[c] += tensor_float(&outputs[i], c);
        add_errors(layer, 0, &outputs[i], true);
    }
    return 0;
}

static int mirror_some(struct stance_quantizer *quantizer, int inputs, const int *items, int count,
                       int method, quantize_take_fn *take)
{
    struct graph *graph;
    BASE_TRY(engine_quantize_build_mirror(&graph, quantizer, items, count, method));
    return engine_quantize_run(quantizer, graph, inputs, items, count, method, take);
}

static int mirror(struct stance_quantizer *quantizer, int inputs, int method,
                  quantize_take_fn *take)
{
    int items[QUANTIZE_OBSERVED], count = 0;
    for (int i = 0; i < quantizer->layer_count; i++) {
        if (quantizer->layers[i].role == STANCE_LAYER_OTHER)
            continue;
        items[count++] = i;
        if (count == QUANTIZE_OBSERVED) {
            BASE_TRY(mirror_some(quantizer, inputs, items, count, method, take));
            count = 0;
        }
    }
    return count ? mirror_some(quantizer, inputs, items, count, method, take) : 0;
}

/* The relative error of all layers that read a group of values. */
static double group_error(const struct stance_quantizer *quantizer, int group, int method)
{
    double sum = 0;
    for (int i = 0; i < quantizer->layer_count; i++) {
        const struct quantize_layer *layer = &quantizer->layers[i];
        if (layer->role != STANCE_LAYER_OTHER && quantizer->values[layer->input].group == group &&
            layer->power > 0)
            sum += layer->errors[method] / layer->power;
    }
    return sum;
}

static void choose_methods(struct stance_quantizer *quantizer)
{
    for (int i = 0; i < quantizer->graph->value_count; i++) {
        struct quantize_value *value = &quantizer->values[i];
        double least = group_error(quantizer, value->group, value->method);
        for (int m = 1; m <= QUANTIZE_METHODS && value->wanted; m++)
            if (group_error(quantizer, value->group, m) < least) {
                least = group_error(quantizer, value->group, m);
                value->method = m;
            }
    }
}

static int compare_methods(struct stance_quantizer *quantizer)
{
    int inputs = quantizer->input_count < COMPARED ? quantizer->input_count : COMPARED;
    for (int m = 1; m <= QUANTIZE_METHODS; m++)
        BASE_TRY(mirror(quantizer, inputs, m, take_errors));
    choose_methods(quantizer);
    return 0;
}

/* ---- Biases ---- */

/* And begins the sums of the final measurement. */
static int open_means(struct stance_quantizer *quantizer)
{
    for (int i = 0; i < quantizer->layer_count; i++) {
        struct quantize_layer *layer = &quantizer->layers[i];
        if (layer->role == STANCE_LAYER_OTHER)
            continue;
        size_t channels = (size_t)layer->scales->view.dims[0];
        layer->means = base_alloc_zero(channels, sizeof *layer->means);
        layer->power = 0;
        if (!layer->means)
            return base_error_memory(channels * sizeof *layer->means, "means of a layer");
    }
    return 0;
}

static int correct_layer(struct stance_quantizer *quantizer, struct quantize_layer *layer)
{
    struct tensor_shape shape = tensor_shape_of(&layer->scales->view);
    bool had = layer->bias != NULL;
    if (!had)
        BASE_TRY(tensor_open(&layer->bias, STANCE_FLOAT32, &shape));
    for (int64_t c = 0; c < shape.dims[0]; c++) {
        double bias = had ? tensor_float(&layer->bias->view, c) : 0;
        tensor_set(&layer->bias->view, c, bias - layer->means[c] / quantizer->input_count);
    }
    return 0;
}

static int correct_biases(struct stance_quantizer *quantizer)
{
    BASE_TRY(open_means(quantizer));
    BASE_TRY(mirror(quantizer, quantizer->input_count, 0, take_means));
    for (int i = 0; i < quantizer->layer_count; i++)
        if (quantizer->layers[i].means && quantizer->options.correct_biases)
            BASE_TRY(correct_layer(quantizer, &quantizer->layers[i]));
    return 0;
}

/* ---- The whole ---- */

static void count_runs(struct stance_quantizer *quantizer)
{
    int values = 0, layers = 0, inputs = quantizer->input_count;
    int compared = quantizer->options.method ? 0 : inputs < COMPARED ? inputs : COMPARED;
    for (int i = 0; i < quantizer->graph->value_count; i++)
        values += is_observed(quantizer, i);
    for (int i = 0; i < quantizer->layer_count; i++)
        layers += quantizer->layers[i].role != STANCE_LAYER_OTHER;
    int observed = (values + QUANTIZE_OBSERVED - 1) / QUANTIZE_OBSERVED;
    int mirrored = (layers + QUANTIZE_OBSERVED - 1) / QUANTIZE_OBSERVED;
    quantizer->done = 0;
    quantizer->total = observed * inputs + mirrored * (QUANTIZE_METHODS * compared + inputs) +
                       engine_quantize_round_runs(quantizer);
}

int stance_quantizer_calibrate(struct stance_quantizer *quantizer)
{
    if (quantizer->input_count == 0)
        return base_error(STANCE_EARGUMENT, "there is nothing to calibrate on: feed inputs first");
    if (quantizer->calibrated)
        return base_error(STANCE_EARGUMENT, "it is calibrated already");
    if (quantizer->options.equalize)
        BASE_TRY(engine_quantize_equalize(quantizer));
    BASE_TRY(engine_quantize_place(quantizer, true));
    BASE_TRY(open_histograms(quantizer));
    count_runs(quantizer);
    BASE_TRY(observe(quantizer));
    find_ranges(quantizer);
    BASE_TRY(engine_quantize_weights(quantizer));
    if (quantizer->options.method == STANCE_QUANTIZE_AUTO)
        BASE_TRY(compare_methods(quantizer));
    BASE_TRY(engine_quantize_round(quantizer));
    BASE_TRY(correct_biases(quantizer));
    quantizer->calibrated = true;
    return 0;
}
