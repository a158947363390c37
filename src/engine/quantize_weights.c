/* Weights in int8: symmetric, with a scale for every output channel. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "graph/rewrite.h"

enum { MOST = 127, CUTS = 8 };

int64_t engine_quantize_channels(const struct stance_tensor *weights, int64_t *each)
{
    *each = stance_tensor_count(weights) / weights->dims[0];
    return weights->dims[0];
}

static double squared_error(const float *weights, int64_t count, double scale)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double error =
            (double)weights[i] - fmin(fmax(rint((double)weights[i] / scale), -MOST), MOST) * scale;
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

static int fill_layer(const struct stance_quantizer *quantizer, struct quantize_layer *layer)
{
    const struct graph_node *node = &quantizer->graph->nodes[layer->node];
    const struct stance_tensor *weights = graph_constant(quantizer->graph, graph_input(node, 1));
    const struct stance_tensor *bias = graph_constant(quantizer->graph, graph_input(node, 2));
    int64_t each, channels = engine_quantize_channels(weights, &each);
    struct tensor_shape shape = tensor_shape_of(weights), row = {.rank = 1, .dims = {channels}};
    BASE_TRY(tensor_open(&layer->weights, STANCE_INT8, &shape));
    BASE_TRY(tensor_open(&layer->scales, STANCE_FLOAT32, &row));
    if (bias)
        BASE_TRY(tensor_open(&layer->bias, STANCE_FLOAT32, &row));
    for (int64_t c = 0; c < channels; c++) {
        const float *from = (const float *)weights->data + c * each;
        int8_t *to = (int8_t *)layer->weights->view.data + c * each;
        double scale = fmax(best_scale(from, each), least_scale(quantizer, layer, bias, c));
        tensor_set(&layer->scales->view, c, scale);
        scale = tensor_float(&layer->scales->view, c);
        for (int64_t i = 0; i < each; i++)
            to[i] = (int8_t)fmin(fmax(rint((double)from[i] / scale), -MOST), MOST);
        if (bias)
            tensor_set(&layer->bias->view, c, tensor_float(bias, c));
    }
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
