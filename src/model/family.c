/* The table of families, and recognition from a network's inputs and outputs. */
#include <string.h>

#include "base/buffer.h"
#include "engine/plan.h"
#include "model/family.h"

const float model_mean_rgb[3] = {123.675f, 116.28f, 103.53f};
const float model_std_rgb[3] = {58.395f, 57.12f, 57.375f};

/* YOLOX first: its exports with suppression inside are RTMDet's but for their stem. */
static const struct model_family *const families[] = {&model_yolox,   &model_rtmdet, &model_simcc,
                                                      &model_heatmap, &model_rtmo,   NULL};

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
                          "RTMDet and YOLOX detectors, SimCC and heatmap pose networks, and RTMO%s",
                          text.data,
                          signature->open_size ? "; the file leaves the size of its input open: "
                                                 "name it (--detector-input, --pose-input, or a "
                                                 "card)"
                                               : "");
    base_buffer_free(&text);
    return code;
}

static bool is_picture(const struct model_signature *signature)
{
    const struct tensor_shape *input = &signature->input;
    return signature->input_count == 1 && input->rank == 4 && input->dims[1] == 3 &&
           input->dims[2] > 0 && input->dims[3] > 0 && input->dims[2] <= STANCE_IMAGE_MAX_SIDE &&
           input->dims[3] <= STANCE_IMAGE_MAX_SIDE;
}

static bool belongs(const struct model_family *family, const struct model_signature *signature,
                    struct model_traits *traits)
{
    *traits = (struct model_traits){.family = family};
    traits->input = (struct vision_input){.width = (int32_t)signature->input.dims[3],
                                          .height = (int32_t)signature->input.dims[2],
                                          .scale = 1,
                                          .std = {1, 1, 1}};
    return family->recognise(signature, traits);
}

int model_recognise(const struct model_signature *signature, const char *family,
                    struct model_traits *traits)
{
    if (!is_picture(signature))
        return not_recognised(signature);
    struct model_signature told = *signature;
    told.stem_channels = MODEL_STEM_TOLD;
    for (int i = 0; family && families[i]; i++)
        if (strcmp(families[i]->name, family) == 0 && belongs(families[i], &told, traits))
            return 0;
    for (int i = 0; families[i]; i++)
        if (belongs(families[i], signature, traits))
            return family ? base_error(STANCE_EMODEL,
                                       "its card says family '%.40s', its outputs are those of "
                                       "'%s'",
                                       family, families[i]->name)
                          : 0;
    return not_recognised(signature);
}

int model_flip_shift(const struct model_traits *traits)
{
    return traits->family == &model_heatmap && traits->refine != STANCE_REFINE_UDP;
}

const char *const model_refine_names[] = {"auto", "none", "shift", "dark", "udp"};

int model_refine(struct model_traits *traits, int refine)
{
    if (refine == STANCE_REFINE_AUTO)
        return 0;
    if (refine < 0 || refine > STANCE_REFINE_UDP)
        return base_error(STANCE_EARGUMENT, "there is no way to refine with the number %d", refine);
    if (!(traits->family->refinements & 1u << refine))
        return base_error(STANCE_EARGUMENT, "a %s has no refinement '%s'", traits->family->title,
                          model_refine_names[refine]);
    traits->refine = refine;
    traits->input.udp = refine == STANCE_REFINE_UDP;
    return 0;
}

/* Channels that the first convolution reads. */
static int64_t stem_channels(const struct graph *graph)
{
    for (int i = 0; i < graph->node_count; i++)
        if (strcmp(graph->nodes[i].type, "Conv") == 0 && graph->nodes[i].input_count > 1) {
            const struct tensor_shape *weights = &graph->values[graph->nodes[i].inputs[1]].shape;
            return weights->rank == 4 ? weights->dims[1] : 3;
        }
    return 3;
}

/* Shapes as inference finds them, or as the file declares them where only a run can tell. */
static void fill_outputs(struct model_signature *out, const struct graph *graph,
                         const struct stance_model *model)
{
    out->output_count =
        graph->output_count < MODEL_MAX_OUTPUTS ? graph->output_count : MODEL_MAX_OUTPUTS;
    for (int i = 0; i < out->output_count; i++) {
        struct stance_tensor declared;
        out->outputs[i] = graph->values[graph->outputs[i]].shape;
        if (out->outputs[i].rank < 0 && stance_model_output(model, i, &declared) == 0)
            out->outputs[i] = tensor_shape_make(declared.rank, declared.dims);
    }
}

/* `any`: the size goes before what the file declares. */
static int read_signature(struct model_signature *out, const struct stance_model *model, int width,
                          int height, bool any)
{
    *out = (struct model_signature){.input_count = stance_model_input_count(model),
                                    .output_count = stance_model_output_count(model),
                                    .stem_channels = stem_channels(model->graph)};
    out->input.rank = -1;
    for (int i = 0; i < out->output_count && i < MODEL_MAX_OUTPUTS; i++) {
        out->output_names[i] = stance_model_output_name(model, i);
        out->outputs[i].rank = -1;
    }
    struct stance_tensor input;
    bool has_input = stance_model_input(model, 0, &input) == 0;
    if (out->input_count != 1 || !has_input || input.rank != 4 ||
        out->output_count > MODEL_MAX_OUTPUTS) {
        if (has_input && input.rank >= 0)
            out->input = tensor_shape_make(input.rank, input.dims);
        fill_outputs(out, model->graph, model);
        return 0;
    }
    const int64_t open[4] = {1, 3, height, width};
    out->input.rank = 4;
    out->open_size = input.dims[2] <= 0 || input.dims[3] <= 0;
    for (int i = 0; i < 4; i++)
        out->input.dims[i] =
            i == 0 || input.dims[i] <= 0 || (any && i > 1) ? open[i] : input.dims[i];
    struct graph *graph;
    struct graph_folder folder = engine_folder();
    BASE_TRY(graph_specialise_size(&graph, model->graph, &out->input, &folder, any));
    fill_outputs(out, graph, model);
    graph_close(&graph);
    return 0;
}

int model_signature_read(struct model_signature *out, const struct stance_model *model, int width,
                         int height)
{
    return read_signature(out, model, width, height, false);
}

static bool outputs_known(const struct model_signature *signature)
{
    for (int i = 0; i < signature->output_count; i++)
        if (!tensor_shape_known(&signature->outputs[i]))
            return false;
    return true;
}

int model_takes_parts(const struct model_traits *traits, const struct stance_model *model)
{
    struct model_signature signature;
    struct model_traits probe = {0};
    int width = traits->input.width - MODEL_PART, height = traits->input.height - 2 * MODEL_PART;
    if (width < MODEL_PART || height < MODEL_PART)
        return 0;
    int code = read_signature(&signature, model, width, height, true);
    if (code == 0 && !signature.open_size && !outputs_known(&signature))
        return 0;
    if (code == 0)
        code = model_recognise(&signature, traits->family->name, &probe);
    return code == STANCE_ENOMEMORY
               ? code
               : code == 0 && probe.family == traits->family && probe.variant == traits->variant;
}
