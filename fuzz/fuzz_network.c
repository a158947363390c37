/* Fuzz target: any bytes as a network. What can be imported is recognised, and where it is small,
 * quantised with all layers that can be in int8. */
#include <stdbool.h>
#include <stdlib.h>

#include "engine/network.h"
#include "fuzz.h"
#include "model/family.h"
#include "stance/quantize.h"

enum { MOST_VALUES = 1 << 12, MOST_WORK = 1 << 22 };

static void must(int condition)
{
    if (!condition)
        abort();
}

/* Zeros for the only input; false where there are more inputs, or more values. */
static bool zeros(const struct stance_model *model, struct stance_tensor *input)
{
    static int64_t memory[2 * MOST_VALUES];
    if (stance_model_input_count(model) != 1)
        return false;
    must(stance_model_input(model, 0, input) == 0);
    for (int k = 0; k < input->rank; k++)
        if (input->dims[k] < 0)
            input->dims[k] = 1;
    input->data = memory;
    return input->rank >= 0 && stance_tensor_count(input) <= MOST_VALUES;
}

static void choose(struct stance_quantizer *quantizer)
{
    struct stance_quantize_layer layer;
    for (int i = 0; i < stance_quantizer_layer_count(quantizer); i++) {
        must(stance_quantizer_layer(quantizer, i, &layer) == 0);
        (void)stance_quantizer_choose(quantizer, i, 1);
    }
}

static int64_t work_of(const struct stance_quantizer *quantizer)
{
    struct stance_quantize_layer layer;
    int64_t work = 0;
    for (int i = 0; i < stance_quantizer_layer_count(quantizer) && work < MOST_WORK; i++) {
        must(stance_quantizer_layer(quantizer, i, &layer) == 0);
        work += layer.multiply_adds;
    }
    return work;
}

static void quantize(struct stance_model *model)
{
    struct stance_tensor input;
    struct stance_quantizer *quantizer;
    struct stance_model *out = NULL;
    if (stance_quantizer_open(&quantizer, model, NULL) < 0) {
        must(stance_error_text()[0] != 0);
        return;
    }
    if (work_of(quantizer) < MOST_WORK && zeros(model, &input) &&
        stance_quantizer_feed(quantizer, &input) >= 0 &&
        stance_quantizer_calibrate(quantizer) == 0) {
        choose(quantizer);
        must(stance_quantizer_model(quantizer, &out) == 0 || stance_error_text()[0]);
    }
    stance_model_close(&out);
    stance_quantizer_close(&quantizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stance_model *model;
    struct model_traits traits;
    if (engine_model_parse(&model, data, size, "network") == 0) {
        must(model_identify_as(&traits, model, NULL, NULL) == 0 || stance_error_text()[0]);
        quantize(model);
    }
    stance_model_close(&model);
    return 0;
}
