/* Models: file to general graph, and the shared store of packed weights. */
#include <string.h>

#include "base/memory.h"
#include "engine/fold.h"
#include "engine/network.h"
#include "engine/terms.h"
#include "onnx/onnx_model.h"

static int model_from(struct stance_model **out, struct onnx_model *onnx, const char *name)
{
    *out = NULL;
    struct stance_model *model = base_alloc_zero(1, sizeof *model);
    if (!model)
        return base_error_memory(sizeof *model, "a model");
    atomic_init(&model->references, 1);
    pthread_mutex_init(&model->mutex, NULL);
    struct graph_folder folder = engine_folder();
    int code = 0;
    model->onnx = onnx_model_keep(onnx);
    model->path = base_strdup(name);
    if (!model->path)
        code = base_error_memory(strlen(name) + 1, "a path");
    if (code == 0)
        code = graph_import(&model->graph, onnx);
    if (code == 0)
        code = graph_widen(model->graph);
    if (code == 0)
        code = graph_simplify(model->graph, &folder);
    if (code < 0) {
        stance_model_close(&model);
        return base_error_context(code, "%s", name);
    }
    *out = model;
    return 0;
}

int engine_model_load(struct stance_model **out, const char *path)
{
    *out = NULL;
    struct onnx_model *onnx;
    BASE_TRY(onnx_model_open(&onnx, path));
    int code = model_from(out, onnx, path);
    onnx_model_close(&onnx); /* the graph's constants keep their own references */
    return code;
}

int engine_model_parse(struct stance_model **out, const void *data, size_t size, const char *name)
{
    *out = NULL;
    struct onnx_model *onnx;
    int code = onnx_model_parse(&onnx, data, size, NULL);
    if (code < 0)
        return base_error_context(code, "%s", name);
    code = model_from(out, onnx, name);
    onnx_model_close(&onnx);
    return code;
}

int engine_model_take(struct stance_model **out, struct base_buffer *bytes, const char *name)
{
    *out = NULL;
    struct onnx_model *onnx;
    int code = onnx_model_take(&onnx, bytes);
    if (code < 0)
        return base_error_context(code, "%s", name);
    code = model_from(out, onnx, name);
    onnx_model_close(&onnx);
    return code;
}

struct stance_model *engine_model_keep(struct stance_model *model)
{
    atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

void stance_model_close(struct stance_model **handle)
{
    struct stance_model *model = *handle;
    *handle = NULL;
    if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    graph_close(&model->graph);
    onnx_model_close(&model->onnx);
    engine_terms_close(&model->terms);
    pthread_mutex_destroy(&model->mutex);
    base_free(model->path);
    base_free(model);
}

const char *stance_model_path(const struct stance_model *model)
{
    return model->path;
}

int stance_model_input_count(const struct stance_model *model)
{
    return model->graph->input_count;
}

int stance_model_output_count(const struct stance_model *model)
{
    return model->graph->output_count;
}

static const struct graph_value *value_at(const struct stance_model *model, const int *values,
                                          int count, int i)
{
    return i >= 0 && i < count ? &model->graph->values[values[i]] : NULL;
}

static int describe(const struct graph_value *value, const char *what, int i,
                    struct stance_tensor *out)
{
    *out = (struct stance_tensor){0};
    if (!value)
        return base_error(STANCE_EARGUMENT, "the model has no %s %d", what, i);
    out->dtype = value->dtype;
    out->rank = value->shape.rank;
    memcpy(out->dims, value->shape.dims, sizeof out->dims);
    return 0;
}

const char *stance_model_input_name(const struct stance_model *model, int i)
{
    const struct graph_value *value =
        value_at(model, model->graph->inputs, model->graph->input_count, i);
    return value ? value->name : NULL;
}

const char *stance_model_output_name(const struct stance_model *model, int i)
{
    const struct graph_value *value =
        value_at(model, model->graph->outputs, model->graph->output_count, i);
    return value ? value->name : NULL;
}

int stance_model_input(const struct stance_model *model, int i, struct stance_tensor *out)
{
    return describe(value_at(model, model->graph->inputs, model->graph->input_count, i), "input", i,
                    out);
}

int stance_model_output(const struct stance_model *model, int i, struct stance_tensor *out)
{
    return describe(value_at(model, model->graph->outputs, model->graph->output_count, i), "output",
                    i, out);
}

static bool same_packing(const struct engine_packed *packed, const struct engine_packing *wanted)
{
    return packed->kernels == wanted->kernels && packed->weights == wanted->weights &&
           packed->scales == wanted->scales && packed->bias == wanted->bias &&
           packed->bytes == wanted->bytes &&
           memcmp(packed->key, wanted->key, wanted->key_size) == 0;
}

static void packed_free(struct stance_model *model, struct engine_packed *packed)
{
    tensor_close(&packed->weights);
    tensor_close(&packed->scales);
    tensor_close(&packed->bias);
    base_slabs_give(&model->slabs, packed->data);
    base_free(packed);
}

static struct engine_packed *packed_new(struct stance_model *model,
                                        const struct engine_packing *packing)
{
    struct engine_packed *packed = base_alloc_zero(1, sizeof *packed);
    if (!packed)
        return NULL;
    packed->data = base_slabs_take(&model->slabs, packing->bytes);
    if (!packed->data) {
        base_free(packed);
        return NULL;
    }
    packed->users = 1;
    packed->kernels = packing->kernels;
    packed->weights = tensor_keep(packing->weights);
    packed->scales = packing->scales ? tensor_keep(packing->scales) : NULL;
    packed->bias = packing->bias ? tensor_keep(packing->bias) : NULL;
    packed->bytes = packing->bytes;
    memcpy(packed->key, packing->key, packing->key_size);
    packing->pack(packing, packed->data);
    return packed;
}

int engine_pack(struct engine_packed **out, struct stance_model *model,
                const struct engine_packing *packing)
{
    pthread_mutex_lock(&model->mutex);
    struct engine_packed *packed = model->packed;
    while (packed && !same_packing(packed, packing))
        packed = packed->next;
    if (packed) {
        packed->users++;
    } else if ((packed = packed_new(model, packing))) {
        packed->next = model->packed;
        model->packed = packed;
    }
    pthread_mutex_unlock(&model->mutex);
    *out = packed;
    return packed ? 0 : base_error_memory(packing->bytes, "packed weights");
}

void engine_unpack(struct stance_model *model, struct engine_packed *packed)
{
    if (!packed)
        return;
    pthread_mutex_lock(&model->mutex);
    if (--packed->users == 0) {
        struct engine_packed **link = &model->packed;
        while (*link != packed)
            link = &(*link)->next;
        *link = packed->next;
        packed_free(model, packed);
    }
    pthread_mutex_unlock(&model->mutex);
}
