/* Fuzz target: any bytes as an ONNX model; when it is one, every tensor in it is loaded. */
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"
#include "onnx/onnx_model.h"

static void load_tensor(struct onnx_model *model, const struct onnx_tensor *source)
{
    struct tensor *tensor;
    if (onnx_tensor_load(model, source, &tensor) < 0)
        return;
    int64_t count = stance_tensor_count(&tensor->view);
    volatile double last = count > 0 ? tensor_float(&tensor->view, count - 1) : 0;
    (void)last;
    tensor_close(&tensor);
}

static void load_graph(struct onnx_model *model, const struct onnx_graph *graph)
{
    for (size_t i = 0; i < graph->initializer_count; i++)
        load_tensor(model, &graph->initializers[i]);
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t k = 0; k < graph->nodes[i].attribute_count; k++) {
            const struct onnx_attribute *attribute = &graph->nodes[i].attributes[k];
            if (attribute->t)
                load_tensor(model, attribute->t);
            if (attribute->g)
                load_graph(model, attribute->g);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct onnx_model *model;
    if (onnx_model_parse(&model, data, size, NULL) == 0)
        load_graph(model, model->graph);
    onnx_model_close(&model);
    return 0;
}
