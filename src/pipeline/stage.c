/* One network of the pipeline: recognition, session, input memory. */
#include "base/memory.h"
#include "pipeline/top_down.h"

static size_t image_floats(const struct pipeline_stage *stage)
{
    return (size_t)3 * (size_t)stage->traits.input.width * (size_t)stage->traits.input.height;
}

int pipeline_stage_open(struct pipeline_stage *stage, struct stance_model *model,
                        enum model_role role, const struct stance_session_options *options,
                        int capacity)
{
    *stage = (struct pipeline_stage){.capacity = capacity};
    int code = model_identify(&stage->traits, model, role == MODEL_POSE ? 192 : 640,
                              role == MODEL_POSE ? 256 : 640);
    if (code == 0 && stage->traits.family->role != role)
        code = base_error(STANCE_EMODEL, "this is a %s, not a %s", stage->traits.family->title,
                          role == MODEL_POSE ? "pose network" : "person detector");
    if (code < 0)
        return base_error_context(code, "%s", stance_model_path(model));
    stage->output_count = stance_model_output_count(model);
    BASE_TRY(stance_session_open(&stage->session, model, options));
    size_t bytes = (size_t)capacity * image_floats(stage) * sizeof(float);
    stage->input = base_alloc(bytes);
    if (!stage->input)
        return base_error_memory(bytes, "network inputs");
    return 0;
}

void pipeline_stage_close(struct pipeline_stage *stage)
{
    stance_session_close(&stage->session);
    base_free(stage->input);
    *stage = (struct pipeline_stage){0};
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
