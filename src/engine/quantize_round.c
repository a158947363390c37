/* Rounding of weights that looks at what they are multiplied with: each weight takes over what those
 * rounded before it lost, as far as its input goes along with theirs. Least squares by feedback:
 * Frantar et al., GPTQ, 2023, in the form of Chee et al., QuIP, 2023 (LDLQ). */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "graph/rewrite.h"

/* Weights of a filter that are rounded together, of so many inputs and places in each. */
enum { BLOCK = 256, INPUTS = 32, PLACES = 128, LAYERS = 16 };
/* Of the mean diagonal, added to it. */
#define DAMPING 0.01

/* Products of what the weights of some input channels are multiplied with. */
struct quantize_gram {
    int64_t channel, width; /* the first input channel, and columns: channels × kernel */
    double *sums;           /* [width][width], of its upper triangle */
};

/* Transposed convolutions have filters in another order; they are rounded one by one. */
static bool is_rounded(const struct stance_quantizer *quantizer, const struct quantize_layer *layer)
{
    if (layer->role == STANCE_LAYER_OTHER ||
        !graph_is(&quantizer->graph->nodes[layer->node], "Conv"))
        return false;
    const struct stance_tensor *weights = engine_quantize_float_weights(quantizer, layer);
    return weights->dims[2] * weights->dims[3] <= BLOCK;
}

/* ---- Grams ---- */

static void close_grams(struct quantize_layer *layer)
{
    for (int i = 0; i < layer->gram_count; i++)
        base_free(layer->grams[i].sums);
    base_free(layer->grams);
    layer->grams = NULL;
    layer->gram_count = 0;
}

/* Whole input channels of one group each. */
static int open_grams(const struct stance_quantizer *quantizer, struct quantize_layer *layer)
{
    const struct stance_tensor *weights = engine_quantize_float_weights(quantizer, layer);
    int64_t in = weights->dims[1], area = weights->dims[2] * weights->dims[3];
    int64_t groups = graph_attr_int(&quantizer->graph->nodes[layer->node], "group", 1);
    int64_t most = BLOCK / area, each = (in + most - 1) / most;
    layer->grams = base_alloc_zero((size_t)(groups * each), sizeof *layer->grams);
    if (!layer->grams)
        return base_error_memory((size_t)(groups * each) * sizeof *layer->grams, "products");
    for (int64_t i = 0; i < groups * each; i++) {
        int64_t first = i % each * most, count = in - first < most ? in - first : most;
        struct quantize_gram *gram = &layer->grams[layer->gram_count++];
        gram->channel = i / each * in + first;
        gram->width = count * area;
        gram->sums = base_alloc_zero((size_t)(gram->width * gram->width), sizeof *gram->sums);
        if (!gram->sums)
            return base_error_memory((size_t)(gram->width * gram->width) * sizeof *gram->sums,
                                     "products of a layer's inputs");
    }
    return 0;
}

/* What a filter sees of some channels at one place of the output; 0 outside the map. */
static void read_column(const struct stance_tensor *map, const struct graph_window *window,
                        const struct quantize_gram *gram, int64_t place, double *column)
{
    int64_t height = map->dims[2], width = map->dims[3];
    int64_t top = place / window->out[1] * window->stride[0] - window->pad_begin[0];
    int64_t left = place % window->out[1] * window->stride[1] - window->pad_begin[1];
    int64_t area = window->kernel[0] * window->kernel[1];
    for (int64_t i = 0; i < gram->width; i++) {
        int64_t y = top + i % area / window->kernel[1] * window->dilation[0];
        int64_t x = left + i % window->kernel[1] * window->dilation[1];
        bool inside = y >= 0 && y < height && x >= 0 && x < width;
        int64_t at = ((gram->channel + i / area) * height + y) * width + x;
        column[i] = inside ? (double)((const float *)map->data)[at] : 0;
    }
}

static void add_products(struct quantize_gram *gram, const double *column)
{
    for (int64_t i = 0; i < gram->width; i++) {
        double *row = gram->sums + i * gram->width;
        for (int64_t k = i; k < gram->width && column[i] != 0; k++)
            row[k] += column[i] * column[k];
    }
}

static int take_layer(const struct stance_quantizer *quantizer, struct quantize_layer *layer,
                      const struct stance_tensor *map)
{
    const struct stance_tensor *weights = engine_quantize_float_weights(quantizer, layer);
    struct tensor_shape shape = tensor_shape_of(map);
    struct graph_window window;
    double column[BLOCK];
    BASE_TRY(graph_window_read(&window, &quantizer->graph->nodes[layer->node], &shape,
                               weights->dims + 2, false));
    int64_t area = window.out[0] * window.out[1], places = area < PLACES ? area : PLACES;
    layer->places += places;
    for (int g = 0; g < layer->gram_count; g++)
        for (int64_t i = 0; i < places; i++) {
            read_column(map, &window, &layer->grams[g], i * area / places, column);
            add_products(&layer->grams[g], column);
        }
    return 0;
}

static int take_products(struct stance_quantizer *quantizer, const int *items, int count,
                         int method, const struct stance_tensor *outputs)
{
    for (int i = 0; i < count; i++)
        BASE_TRY(take_layer(quantizer, &quantizer->layers[items[i]], &outputs[i]));
    return 0;
}

/* ---- Rounding ---- */

/* S = (U + 1) D (U + 1)ᵀ with U strictly upper, which takes S's place. What rounding of the inputs
 * adds, and a little more, goes onto the diagonal. */
static void factor(struct quantize_gram *gram, double noise)
{
    int64_t n = gram->width;
    double *s = gram->sums, mean = 0;
    for (int64_t i = 0; i < n; i++)
        mean += s[i * n + i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        s[i * n + i] += noise + DAMPING * mean + 1e-30;
    for (int64_t k = n - 1; k >= 0; k--)
        for (int64_t i = 0; i < k; i++) {
            double part = s[i * n + k] / s[k * n + k];
            for (int64_t j = i; j < k; j++)
                s[i * n + j] -= part * s[j * n + k];
        }
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < k; i++)
            s[i * n + k] /= s[k * n + k];
}

/* The weights of one filter for a block of its channels. */
static void round_block(const struct quantize_gram *gram, const float *weights, double scale,
                        int8_t *to)
{
    double lost[BLOCK], given[BLOCK] = {0};
    for (int64_t k = 0; k < gram->width; k++) {
        to[k] = engine_quantize_nearest((double)weights[k] + given[k], scale);
        lost[k] = (double)weights[k] - to[k] * scale;
        for (int64_t j = k + 1; j < gram->width; j++)
            given[j] += lost[k] * gram->sums[k * gram->width + j];
    }
}

static void round_layer(const struct stance_quantizer *quantizer, struct quantize_layer *layer)
{
    const struct stance_tensor *weights = engine_quantize_float_weights(quantizer, layer);
    int64_t in = weights->dims[1], area = weights->dims[2] * weights->dims[3];
    int64_t groups = graph_attr_int(&quantizer->graph->nodes[layer->node], "group", 1);
    int64_t filters = weights->dims[0] / groups;
    double step =
        (double)engine_quantize_bytes_of(engine_quantize_group_range(quantizer, layer->input, 0))
            .scale;
    for (int g = 0; g < layer->gram_count; g++) {
        struct quantize_gram *gram = &layer->grams[g];
        int64_t group = gram->channel / in;
        factor(gram, step * step / 12 * (double)layer->places);
        for (int64_t o = group * filters; o < (group + 1) * filters; o++) {
            int64_t at = (o * in + gram->channel % in) * area;
            round_block(gram, (const float *)weights->data + at,
                        tensor_float(&layer->scales->view, o),
                        (int8_t *)layer->weights->view.data + at);
        }
    }
}

static int input_count(const struct stance_quantizer *quantizer)
{
    return quantizer->input_count < INPUTS ? quantizer->input_count : INPUTS;
}

int engine_quantize_round_runs(const struct stance_quantizer *quantizer)
{
    int layers = 0;
    for (int i = 0; i < quantizer->layer_count; i++)
        layers += is_rounded(quantizer, &quantizer->layers[i]);
    return (layers + LAYERS - 1) / LAYERS * input_count(quantizer);
}

static int round_some(struct stance_quantizer *quantizer, const int *items, int count)
{
    int values[LAYERS];
    struct graph *graph;
    for (int i = 0; i < count; i++)
        values[i] = quantizer->layers[items[i]].input;
    BASE_TRY(engine_quantize_build_observed(&graph, quantizer, values, count));
    BASE_TRY(engine_quantize_run(quantizer, graph, input_count(quantizer), items, count, 0,
                                 take_products));
    for (int i = 0; i < count; i++) {
        round_layer(quantizer, &quantizer->layers[items[i]]);
        close_grams(&quantizer->layers[items[i]]);
    }
    return 0;
}

int engine_quantize_round(struct stance_quantizer *quantizer)
{
    int items[LAYERS], count = 0, code = 0;
    for (int i = 0; i < quantizer->layer_count && code == 0; i++) {
        if (!is_rounded(quantizer, &quantizer->layers[i]))
            continue;
        items[count++] = i;
        code = open_grams(quantizer, &quantizer->layers[i]);
        if (code == 0 && count == LAYERS) {
            code = round_some(quantizer, items, count);
            count = 0;
        }
    }
    if (code == 0 && count > 0)
        code = round_some(quantizer, items, count);
    for (int i = 0; i < quantizer->layer_count; i++)
        close_grams(&quantizer->layers[i]);
    return code;
}
