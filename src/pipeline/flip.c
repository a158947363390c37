/* Flip test: a crop and its mirror image both answer, and the answers are averaged before they are
 * decoded. Outputs are [image, keypoint, …, x] first and, for SimCC, [image, keypoint, y]
 * second. */
#include <string.h>

#include "base/memory.h"
#include "pipeline/top_down.h"

static void mirror_row(float *row, int64_t width)
{
    for (int64_t left = 0, right = width - 1; left < right; left++, right--) {
        float value = row[left];
        row[left] = row[right];
        row[right] = value;
    }
}

static void mirror_input(struct pipeline_stage *stage, int batch)
{
    int64_t width = stage->traits.input.width;
    int64_t rows = (int64_t)batch * 3 * stage->traits.input.height;
    for (int64_t i = 0; i < rows; i++)
        mirror_row(stage->input + i * width, width);
}

/* One row of answers along x: cell i of the mirror image shows what cell width - 1 - i shows. */
static void add_mirrored(float *mean, const float *mirrored, int64_t width, int shift)
{
    for (int64_t i = 0; i < width; i++) {
        int64_t from = i < shift ? width - 1 - i : width - 1 - (i - shift);
        mean[i] = 0.5f * (mean[i] + mirrored[from]);
    }
}

static void add_plain(float *mean, const float *mirrored, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        mean[i] = 0.5f * (mean[i] + mirrored[i]);
}

static void average(const struct pipeline_stage *stage, const int32_t *flip,
                    const struct stance_tensor *output, bool along_x, float *means)
{
    int64_t width = output->dims[output->rank - 1];
    int64_t keypoints = stage->traits.keypoint_count;
    int64_t size = stance_tensor_count(output) / (output->dims[0] * keypoints);
    const float *answers = output->data;
    for (int64_t i = 0; i < output->dims[0] * keypoints; i++) {
        int64_t other = i / keypoints * keypoints + flip[i % keypoints];
        if (!along_x)
            add_plain(means + i * size, answers + other * size, size);
        for (int64_t at = 0; along_x && at < size; at += width)
            add_mirrored(means + i * size + at, answers + other * size + at, width,
                         model_flip_shift(&stage->traits));
    }
}

static int make_room(struct pipeline_means *means, size_t count)
{
    if (count <= means->capacity)
        return 0;
    base_free(means->values);
    means->capacity = 0;
    means->values = base_alloc(count * sizeof(float));
    if (!means->values)
        return base_error_memory(count * sizeof(float), "answers");
    means->capacity = count;
    return 0;
}

int pipeline_stage_run_flipped(struct pipeline_stage *stage, int batch, const int32_t *flip,
                               struct pipeline_means *means, struct stance_tensor *outputs)
{
    struct stance_tensor mirrored[MODEL_MAX_OUTPUTS];
    size_t starts[MODEL_MAX_OUTPUTS], count = 0;
    BASE_TRY(pipeline_stage_run(stage, batch, outputs));
    for (int i = 0; i < stage->output_count; i++) {
        starts[i] = count;
        count += (size_t)stance_tensor_count(&outputs[i]);
    }
    BASE_TRY(make_room(means, count));
    for (int i = 0; i < stage->output_count; i++)
        memcpy(means->values + starts[i], outputs[i].data,
               (size_t)stance_tensor_count(&outputs[i]) * sizeof(float));
    mirror_input(stage, batch);
    BASE_TRY(pipeline_stage_run(stage, batch, mirrored));
    for (int i = 0; i < stage->output_count; i++) {
        average(stage, flip, &mirrored[i], i == 0, means->values + starts[i]);
        outputs[i].data = means->values + starts[i];
    }
    return 0;
}
