/* Weights in int8: symmetric, with a scale for every output channel. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "graph/rewrite.h"

enum { MOST = 127, CUTS = 8 };

const struct stance_tensor *engine_quantize_float_weights(const struct stance_quantizer *quantizer,
                                                          const struct quantize_layer *layer)
{
    return graph_constant(quantizer->graph, graph_input(&quantizer->graph->nodes[layer->node], 1));
}

int8_t engine_quantize_nearest(double weight, double scale)
{
    return (int8_t)fmin(fmax(rint(weight / scale), -MOST), MOST);
}

struct quantize_filters engine_quantize_filters(const struct graph_node *node,
                                                const struct stance_tensor *weights)
{
    int axis = graph_is(node, "ConvTranspose");
    int64_t channels = weights->dims[axis], each = stance_tensor_count(weights) / channels;
    return (struct quantize_filters){
        .channels = channels,
        .each = each,
        .run = axis == 0 ? each : weights->dims[2] * weights->dims[3],
        .axis = axis,
    };
}

/* Where weight i of a channel lies. */
static int64_t weight_at(const struct quantize_filters *filters, int64_t channel, int64_t i)
{
    return (i / filters->run * filters->channels + channel) * filters->run + i % filters->run;
}

static double squared_error(const float *weights, int64_t count, double scale)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double error =
            (double)weights[i] - engine_quantize_nearest((double)weights[i], scale) * scale;
        sum += error * error;
    }
    return sum;
}

/* The scale of one channel with the least squared error; what lies outside is cut. */
static double best_scale(const float *weights, int64_t count)
{
    double reach = 0, best = 1, least = INFINITY;
    for (int64_t i = 0; i < count; i++)
        reach = fabs((double)weights[i]) > reach ? fabs((double)weights[i]) : reach;
    for (int i = 0; i < CUTS && reach > 0; i++) {
        double scale = reach * (1 - 0.04 * i) / MOST;
        double error = squared_error(weights, count, scale);
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best;
}

/* A bias counts in steps of both scales and must not leave int32, which it would beside the weights
 * of a dead channel. The range that bytes will have may be an eighth of what was seen. */
static double least_scale(const struct stance_quantizer *quantizer,
                          const struct quantize_layer *layer, const struct stance_tensor *bias,
                          int64_t channel)
{
    const struct quantize_histogram *seen = &quantizer->values[layer->input].histogram;
    double step = ((double)seen->most - (double)seen->least) / 255 / 8;
    if (!bias || !(step > 0))
        return 0;
    return fabs(tensor_float(bias, channel)) / step / (1 << 30);
}

/* One channel; `filter` has room for its weights. */
static void fill_channel(const struct stance_quantizer *quantizer, struct quantize_layer *layer,
                         const struct quantize_filters *filters, int64_t c, float *filter)
{
    const struct graph_node *node = &quantizer->graph->nodes[layer->node];
    const struct stance_tensor *weights = engine_quantize_float_weights(quantizer, layer);
    const struct stance_tensor *bias = graph_constant(quantizer->graph, graph_input(node, 2));
    int8_t *to = layer->weights->view.data;
    for (int64_t i = 0; i < filters->each; i++)
        filter[i] = ((const float *)weights->data)[weight_at(filters, c, i)];
    tensor_set(&layer->scales->view, c,
               fmax(best_scale(filter, filters->each), least_scale(quantizer, layer, bias, c)));
    double scale = tensor_float(&layer->scales->view, c);
    for (int64_t i = 0; i < filters->each; i++)
        to[weight_at(filters, c, i)] = engine_quantize_nearest((double)filter[i], scale);
    if (bias)
        tensor_set(&layer->bias->view, c, tensor_float(bias, c));
}

static int fill_layer(const struct stance_quantizer *quantizer, struct quantize_layer *layer)
{
    const struct graph_node *node = &quantizer->graph->nodes[layer->node];
    const struct stance_tensor *weights = engine_quantize_float_weights(quantizer, layer);
    struct quantize_filters filters = engine_quantize_filters(node, weights);
    struct tensor_shape shape = tensor_shape_of(weights);
    struct tensor_shape row = {.rank = 1, .dims = {filters.channels}};
    BASE_TRY(tensor_open(&layer->weights, STANCE_INT8, &shape));
    BASE_TRY(tensor_open(&layer->scales, STANCE_FLOAT32, &row));
    if (graph_input(node, 2) >= 0)
        BASE_TRY(tensor_open(&layer->bias, STANCE_FLOAT32, &row));
    size_t bytes = (size_t)filters.each * sizeof(float);
    float *filter = base_alloc(bytes);
    if (!filter)
        return base_error_memory(bytes, "a filter");
    for (int64_t c = 0; c < filters.channels; c++)
        fill_channel(quantizer, layer, &filters, c, filter);
    base_free(filter);
    return 0;
}

int engine_quantize_weights(struct stance_quantizer *quantizer)
{
    for (int i = 0; i < quantizer->layer_count; i++) {
        struct quantize_layer *layer = &quantizer->layers[i];
        tensor_close(&layer->weights);
        tensor_close(&layer->scales);
        tensor_close(&layer->bias);
        if (layer->role != STANCE_LAYER_OTHER)
            BASE_TRY(fill_layer(quantizer, layer));
    }
    return 0;
}
