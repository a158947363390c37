/* One network of the pipeline: recognition, session, input memory. */
#include "base/memory.h"
#include "pipeline/top_down.h"

static size_t image_floats(const struct pipeline_stage *stage)
{
    return (size_t)3 * (size_t)stage->traits.input.width * (size_t)stage->traits.input.height;
}

static int identify(struct pipeline_stage *stage, const struct stance_model *model, bool detects,
                    const struct model_choice *choice)
{
    int code = model_identify(&stage->traits, model, choice);
    if (code == 0 && (stage->traits.family->role == MODEL_DETECTOR) != detects)
        code = base_error(STANCE_EMODEL, "this is a %s, not a %s", stage->traits.family->title,
                          detects ? "person detector" : "pose network");
    return code < 0 ? base_error_context(code, "%s", stance_model_path(model)) : 0;
}

static int choose_parts(struct pipeline_stage *stage, const struct stance_model *model,
                        const struct model_choice *choice)
{
    stage->whole = stage->traits.input;
    if (stage->traits.family->role == MODEL_POSE || choice->full_input)
        return 0;
    int takes_parts = model_takes_parts(&stage->traits, model);
    stage->parts = takes_parts > 0;
    return takes_parts < 0 ? takes_parts : 0;
}

int pipeline_stage_open(struct pipeline_stage *stage, struct stance_model *model, bool detects,
                        const struct model_choice *choice,
                        const struct stance_session_options *options, int capacity)
{
    *stage = (struct pipeline_stage){0};
    BASE_TRY(identify(stage, model, detects, choice));
    BASE_TRY(choose_parts(stage, model, choice));
    stage->capacity = stage->traits.family->role == MODEL_POSE ? capacity : 1;
    stage->cuts = options->threads > 1 ? PIPELINE_CUTS : 1;
    stage->output_count = stance_model_output_count(model);
    struct stance_session_options session = *options;
    session.any_size = stage->parts;
    BASE_TRY(stance_session_open(&stage->session, model, &session));
    size_t bytes = (size_t)stage->capacity * image_floats(stage) * sizeof(float);
    stage->input = base_alloc(bytes);
    stage->scratch = base_alloc(stage->traits.scratch * sizeof(float));
    if (!stage->input || !stage->scratch)
        return base_error_memory(bytes, "network inputs");
    return 0;
}

void pipeline_stage_close(struct pipeline_stage *stage)
{
    stance_session_close(&stage->session);
    base_free(stage->input);
    base_free(stage->scratch);
    *stage = (struct pipeline_stage){0};
}

int pipeline_stage_show(struct pipeline_stage *stage, const struct stance_image *image)
{
    struct vision_input *shown = &stage->traits.input;
    *shown = stage->whole;
    return stage->parts ? vision_letterbox_part(&stage->whole, image, MODEL_PART, &shown->width,
                                                &shown->height)
                        : 0;
}

int pipeline_stage_run(struct pipeline_stage *stage, int batch, struct stance_tensor *outputs)
{
    struct stance_tensor input = {
        .dtype = STANCE_FLOAT32,
        .rank = 4,
        .dims = {batch, 3, stage->traits.input.height, stage->traits.input.width},
        .data = stage->input};
    return stance_session_run(stage->session, &input, 1, outputs, stage->output_count);
}
