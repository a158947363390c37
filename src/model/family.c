/* The table of families, and recognition from a network's inputs and outputs. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "engine/plan.h"
#include "model/family.h"

const float model_mean_rgb[3] = {123.675f, 116.28f, 103.53f};
const float model_std_rgb[3] = {58.395f, 57.12f, 57.375f};

static const struct model_family *const families[] = {&model_rtmdet, &model_yolox, &model_simcc,
                                                      &model_heatmap, NULL};

static int not_recognised(const struct model_signature *signature)
{
    struct base_buffer text;
    char shape[TENSOR_SHAPE_TEXT];
    base_buffer_init(&text, 700); /* what does not fit is left out */
    int code =
        base_buffer_format(&text, "input %s, outputs", tensor_shape_text(&signature->input, shape));
    for (int i = 0; i < signature->output_count && code == 0; i++)
        code = base_buffer_format(&text, "%s %s %s", i ? "," : "", signature->output_names[i],
                                  tensor_shape_text(&signature->outputs[i], shape));
    if (code != STANCE_ENOMEMORY)
        code = base_error(STANCE_EMODEL,
                          "not a detector or pose network that stance recognises (%s); it knows "
                          "RTMDet and YOLOX detectors, SimCC and heatmap pose networks",
                          text.data);
    base_buffer_free(&text);
    return code;
}

int model_recognise(const struct model_signature *signature, struct model_traits *traits)
{
    const struct tensor_shape *input = &signature->input;
    bool picture = signature->input_count == 1 && input->rank == 4 && input->dims[1] == 3 &&
                   input->dims[2] > 0 && input->dims[3] > 0 &&
                   input->dims[2] <= STANCE_IMAGE_MAX_SIDE &&
                   input->dims[3] <= STANCE_IMAGE_MAX_SIDE;
    for (int i = 0; picture && families[i]; i++) {
        *traits = (struct model_traits){.family = families[i]};
        traits->input = (struct vision_input){.width = (int32_t)input->dims[3],
                                              .height = (int32_t)input->dims[2],
                                              .scale = 1,
                                              .std = {1, 1, 1}};
        if (families[i]->recognise(signature, traits))
            return 0;
    }
    return not_recognised(signature);
}

static void fill_outputs(struct model_signature *out, const struct graph *graph)
{
    out->output_count =
        graph->output_count < MODEL_MAX_OUTPUTS ? graph->output_count : MODEL_MAX_OUTPUTS;
    for (int i = 0; i < out->output_count; i++)
        out->outputs[i] = graph->values[graph->outputs[i]].shape;
}

int model_signature_read(struct model_signature *out, const struct stance_model *model, int width,
                         int height)
{
    *out = (struct model_signature){.input_count = stance_model_input_count(model),
                                    .output_count = stance_model_output_count(model)};
    out->input.rank = -1;
    for (int i = 0; i < out->output_count && i < MODEL_MAX_OUTPUTS; i++) {
        out->output_names[i] = stance_model_output_name(model, i);
        out->outputs[i].rank = -1;
    }
    struct stance_tensor input;
    if (out->input_count != 1 || stance_model_input(model, 0, &input) < 0 || input.rank != 4 ||
        out->output_count > MODEL_MAX_OUTPUTS) {
        out->output_count =
            out->output_count > MODEL_MAX_OUTPUTS ? MODEL_MAX_OUTPUTS : out->output_count;
        return 0;
    }
    const int64_t open[4] = {1, 3, height, width};
    out->input.rank = 4;
    for (int i = 0; i < 4; i++)
        out->input.dims[i] = i == 0 ? 1 : input.dims[i] > 0 ? input.dims[i] : open[i];
    struct graph *graph;
    struct graph_folder folder = engine_folder();
    BASE_TRY(graph_specialise(&graph, model->graph, &out->input, &folder));
    fill_outputs(out, graph);
    graph_close(&graph);
    return 0;
}

int model_identify(struct model_traits *traits, const struct stance_model *model, int width,
                   int height)
{
    struct model_signature signature;
    BASE_TRY(model_signature_read(&signature, model, width, height));
    BASE_TRY(model_recognise(&signature, traits));
    return model_card_apply(traits, stance_model_path(model));
}
