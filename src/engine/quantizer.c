/* Quantizers: what they are fed, what they tell, and the networks they make. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "engine/fold.h"
#include "engine/quantization.h"
#include "onnx/onnx_model.h"
#include "stance/session.h"

#define MOST_INPUT_BYTES ((size_t)2 << 30)
#define MOST_FILE_BYTES (((size_t)2 << 30) - 1)

void stance_quantize_options_default(struct stance_quantize_options *options)
{
    *options = (struct stance_quantize_options){.struct_size = sizeof *options,
                                                .threads = 1,
                                                .correct_biases = 1,
                                                .equalize = 1,
                                                .max_inputs = 256};
}

static int check(const struct stance_quantizer *quantizer)
{
    const struct stance_quantize_options *options = &quantizer->options;
    const struct stance_model *model = quantizer->model;
    if (options->method < 0 || options->method > QUANTIZE_METHODS)
        return base_error(STANCE_EARGUMENT, "there is no method %d", options->method);
    if (options->max_inputs < 1 || options->max_inputs > 1 << 16)
        return base_error(STANCE_EARGUMENT, "max_inputs is %d: give 1 to 65536",
                          options->max_inputs);
    if (engine_quantize_is_quantized(model))
        return base_error(STANCE_EMODEL, "%s is quantised already; give the float network",
                          model->path);
    if (model->graph->input_count != 1 ||
        model->graph->values[model->graph->inputs[0]].dtype != STANCE_FLOAT32)
        return base_error(STANCE_EMODEL,
                          "%s: only networks with one input of float32 are quantised", model->path);
    return 0;
}

static int open_lists(struct stance_quantizer *quantizer)
{
    BASE_TRY(graph_copy(&quantizer->graph, quantizer->model->graph));
    size_t values = (size_t)quantizer->graph->value_count + 1;
    quantizer->values = base_alloc_zero(values, sizeof *quantizer->values);
    quantizer->inputs =
        base_alloc_zero((size_t)quantizer->options.max_inputs, sizeof *quantizer->inputs);
    return quantizer->values && quantizer->inputs
               ? 0
               : base_error_memory(values * sizeof *quantizer->values, "a quantizer");
}

/* What the file declares, with a batch of 1; other open dims wait for the first input. */
static bool declared_shape(const struct stance_quantizer *quantizer, struct tensor_shape *shape)
{
    *shape = quantizer->graph->values[quantizer->graph->inputs[0]].shape;
    if (shape->rank > 0)
        shape->dims[0] = 1;
    return tensor_shape_known(shape);
}

static int find_layers(struct stance_quantizer *quantizer, const struct tensor_shape *shape)
{
    struct graph_folder folder = engine_folder();
    BASE_TRY(graph_specialise(&quantizer->shapes, quantizer->graph, shape, &folder));
    int code = engine_quantize_find_layers(quantizer);
    return code < 0 ? base_error_context(code, "%s", quantizer->model->path) : 0;
}

int stance_quantizer_open(struct stance_quantizer **out, struct stance_model *model,
                          const struct stance_quantize_options *options)
{
    *out = NULL;
    struct tensor_shape shape;
    struct stance_quantizer *quantizer = base_alloc_zero(1, sizeof *quantizer);
    if (!quantizer)
        return base_error_memory(sizeof *quantizer, "a quantizer");
    stance_quantize_options_default(&quantizer->options);
    if (options)
        memcpy(&quantizer->options, options,
               options->struct_size < sizeof *options ? options->struct_size : sizeof *options);
    quantizer->model = engine_model_keep(model);
    int code = check(quantizer);
    if (code == 0)
        code = open_lists(quantizer);
    if (code == 0 && declared_shape(quantizer, &shape))
        code = find_layers(quantizer, &shape);
    if (code < 0)
        stance_quantizer_close(&quantizer);
    *out = quantizer;
    return code;
}

void stance_quantizer_close(struct stance_quantizer **handle)
{
    struct stance_quantizer *quantizer = *handle;
    *handle = NULL;
    if (!quantizer)
        return;
    for (int i = 0; i < quantizer->input_count; i++)
        tensor_close(&quantizer->inputs[i]);
    for (int i = 0; i < quantizer->layer_count; i++) {
        tensor_close(&quantizer->layers[i].weights);
        tensor_close(&quantizer->layers[i].scales);
        tensor_close(&quantizer->layers[i].bias);
        base_free(quantizer->layers[i].means);
        base_free(quantizer->layers[i].reach);
    }
    for (int i = 0; quantizer->values && i < quantizer->graph->value_count; i++)
        base_free(quantizer->values[i].histogram.bins);
    base_free(quantizer->inputs);
    base_free(quantizer->layers);
    base_free(quantizer->values);
    graph_close(&quantizer->shapes);
    graph_close(&quantizer->graph);
    stance_model_close(&quantizer->model);
    base_free(quantizer);
}

int stance_quantizer_feed(struct stance_quantizer *quantizer, const struct stance_tensor *input)
{
    struct tensor_shape shape = tensor_shape_of(input);
    struct tensor *copy;
    if (input->dtype != STANCE_FLOAT32)
        return base_error(STANCE_ETYPE, "inputs are float32, not %s",
                          stance_dtype_name(input->dtype));
    if (shape.rank < 1 || shape.dims[0] != 1)
        return base_error(STANCE_ESHAPE, "inputs have a batch of 1");
    if (quantizer->input_count == quantizer->options.max_inputs)
        return 0;
    if (quantizer->input_count) {
        struct tensor_shape first = tensor_shape_of(&quantizer->inputs[0]->view);
        if (!tensor_shape_equal(&first, &shape))
            return base_error(STANCE_ESHAPE, "all inputs must have the shape of the first");
    }
    if (!quantizer->shapes)
        BASE_TRY(find_layers(quantizer, &shape));
    if (quantizer->bytes + tensor_bytes(input) > MOST_INPUT_BYTES)
        return base_error(STANCE_ELIMIT, "the inputs are larger than 2 GiB; feed fewer");
    BASE_TRY(tensor_open(&copy, STANCE_FLOAT32, &shape));
    memcpy(copy->view.data, input->data, tensor_bytes(input));
    quantizer->bytes += tensor_bytes(input);
    quantizer->inputs[quantizer->input_count++] = copy;
    return 1;
}

/* ---- Layers ---- */

int stance_quantizer_layer_count(const struct stance_quantizer *quantizer)
{
    return quantizer->layer_count;
}

static void tell_range(const struct stance_quantizer *quantizer, const struct quantize_layer *layer,
                       struct stance_quantize_layer *out)
{
    const struct quantize_value *value = &quantizer->values[layer->input];
    const struct quantize_histogram *seen = &value->histogram;
    struct quantize_range range = value->ranges[value->method];
    out->method = engine_quantize_method_names[value->method];
    out->low = range.low;
    out->high = range.high;
    out->least = seen->least;
    out->most = seen->most;
    out->error = layer->power > 0 ? layer->errors[0] / layer->power : 0;
    out->bin_count = QUANTIZE_BINS;
    out->bin_low = (float)-seen->limit;
    out->bin_high = (float)seen->limit;
    out->bins = seen->bins;
}

int stance_quantizer_layer(const struct stance_quantizer *quantizer, int i,
                           struct stance_quantize_layer *out)
{
    *out = (struct stance_quantize_layer){0};
    if (i < 0 || i >= quantizer->layer_count)
        return base_error(STANCE_EARGUMENT, "there is no layer %d", i);
    const struct quantize_layer *layer = &quantizer->layers[i];
    const struct graph_node *node = &quantizer->graph->nodes[layer->node];
    out->name = node->name[0] ? node->name : quantizer->graph->values[layer->output].name;
    out->type = node->type;
    out->role = layer->role;
    out->quantized = layer->quantized;
    out->multiply_adds = layer->multiply_adds;
    if (quantizer->calibrated && layer->role != STANCE_LAYER_OTHER)
        tell_range(quantizer, layer, out);
    return 0;
}

int stance_quantizer_choose(struct stance_quantizer *quantizer, int i, int quantized)
{
    if (i < 0 || i >= quantizer->layer_count)
        return base_error(STANCE_EARGUMENT, "there is no layer %d", i);
    if (quantized && quantizer->layers[i].role == STANCE_LAYER_OTHER)
        return base_error(STANCE_EARGUMENT, "layer %d cannot be quantised", i);
    quantizer->layers[i].quantized = quantized != 0;
    return 0;
}

/* ---- Networks ---- */

int engine_quantize_model(struct stance_model **out, const struct stance_quantizer *quantizer,
                          const struct graph *graph)
{
    struct base_buffer bytes;
    *out = NULL;
    base_buffer_init(&bytes, MOST_FILE_BYTES);
    int code = graph_export(graph, quantizer->model->onnx, &bytes);
    if (code == 0)
        code = engine_model_take(out, &bytes, quantizer->model->path);
    base_buffer_free(&bytes);
    return code;
}

static int build_chosen(struct graph **out, struct stance_quantizer *quantizer)
{
    *out = NULL;
    if (!quantizer->calibrated)
        return base_error(STANCE_EARGUMENT, "it has to be calibrated first");
    BASE_TRY(engine_quantize_place(quantizer, false));
    return engine_quantize_build(out, quantizer);
}

int stance_quantizer_model(struct stance_quantizer *quantizer, struct stance_model **out)
{
    struct graph *graph;
    *out = NULL;
    BASE_TRY(build_chosen(&graph, quantizer));
    int code = engine_quantize_model(out, quantizer, graph);
    graph_close(&graph);
    return code;
}

/* Appends the bytes of a network's answers to the first input. */
static int run_first(const struct stance_quantizer *quantizer, struct stance_model *model,
                     struct base_buffer *bytes)
{
    struct stance_tensor outputs[QUANTIZE_OBSERVED];
    struct stance_session *session;
    int count = stance_model_output_count(model);
    if (count > QUANTIZE_OBSERVED)
        return base_error(STANCE_ELIMIT, "it has %d outputs", count);
    BASE_TRY(stance_session_open(&session, model, NULL));
    int code = stance_session_run(session, &quantizer->inputs[0]->view, 1, outputs, count);
    for (int i = 0; i < count && code == 0; i++)
        code = base_buffer_append(bytes, outputs[i].data, tensor_bytes(&outputs[i]));
    stance_session_close(&session);
    return code;
}

/* Whether the file gives the answers of the model in memory. */
static int check_file(struct stance_quantizer *quantizer, const char *path)
{
    struct stance_model *file = NULL, *model = NULL;
    struct base_buffer got, expected;
    base_buffer_init(&got, MOST_FILE_BYTES);
    base_buffer_init(&expected, MOST_FILE_BYTES);
    int code = stance_quantizer_model(quantizer, &model);
    if (code == 0)
        code = run_first(quantizer, model, &expected);
    if (code == 0)
        code = engine_model_load(&file, path);
    if (code == 0)
        code = run_first(quantizer, file, &got);
    if (code == 0 && (got.size != expected.size || memcmp(got.data, expected.data, got.size) != 0))
        code = base_error(STANCE_EIO, "%s: what was written does not give the same answers", path);
    stance_model_close(&file);
    stance_model_close(&model);
    base_buffer_free(&got);
    base_buffer_free(&expected);
    return code;
}

static int write_checked(struct stance_quantizer *quantizer, const struct base_buffer *bytes,
                         const char *path)
{
    char part[BASE_PATH_BYTES];
    int length = snprintf(part, sizeof part, "%s.new-%ld", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof part)
        return base_error(STANCE_EARGUMENT, "the path is too long");
    BASE_TRY(base_file_write(part, bytes->data, bytes->size));
    int code = check_file(quantizer, part);
    if (code == 0 && rename(part, path) != 0)
        code = base_error(STANCE_EIO, "cannot rename '%s' to '%s'", part, path);
    if (code < 0)
        unlink(part);
    return code;
}

int stance_quantizer_save(struct stance_quantizer *quantizer, const char *path)
{
    struct graph *graph;
    struct base_buffer bytes;
    BASE_TRY(build_chosen(&graph, quantizer));
    base_buffer_init(&bytes, MOST_FILE_BYTES);
    int code = graph_export(graph, quantizer->model->onnx, &bytes);
    graph_close(&graph);
    if (code == 0)
        code = write_checked(quantizer, &bytes, path);
    base_buffer_free(&bytes);
    return code;
}
