/* Models, sessions and seeded inputs for tests of the engine. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/network.h"
#include "support/support.h"
#include "support/trial.h"
#include "tensor/storage.h"

enum { OPEN_DIM = 64 };

bool trial_path(const char *name, char *path, size_t size)
{
    char relative[256];
    if (!strstr(name, ".onnx"))
        return support_synth_model(name, path, size);
    snprintf(relative, sizeof relative, "data/models/%s", name);
    return support_shared_path(path, size, relative);
}

void trial_check(int code)
{
    if (code < 0)
        fail_msg("%s: %s", stance_error_name(code), stance_error_text());
}

/* Integers count up, so that they make indexes too. */
static void fill(struct stance_tensor *tensor, int i)
{
    char name[32];
    snprintf(name, sizeof name, "trial %d", i);
    int64_t count = stance_tensor_count(tensor);
    free(tensor->data);
    tensor->data = calloc((size_t)count + 1, stance_dtype_size(tensor->dtype));
    assert_non_null(tensor->data);
    if (tensor->dtype == STANCE_FLOAT32)
        support_synth_input(name, tensor->dims, tensor->rank, 0.8, tensor->data);
    for (int64_t k = 0; tensor->dtype != STANCE_FLOAT32 && k < count; k++)
        tensor_set(tensor, k, (double)(k % 100));
}

static void init(struct trial *trial, int batch)
{
    trial->input_count = stance_model_input_count(trial->model);
    trial->output_count = stance_model_output_count(trial->model);
    assert_in_range(trial->input_count, 0, TRIAL_INPUTS);
    assert_in_range(trial->output_count, 1, TRIAL_OUTPUTS);
    for (int i = 0; i < trial->input_count; i++) {
        struct stance_tensor *input = &trial->inputs[i];
        trial_check(stance_model_input(trial->model, i, input));
        for (int k = 0; k < input->rank; k++)
            if (input->dims[k] < 0)
                input->dims[k] = k == 0 ? batch : OPEN_DIM;
        fill(input, i);
    }
}

struct stance_model *trial_model(const char *name)
{
    char path[4096];
    struct stance_model *model;
    if (!trial_path(name, path, sizeof path))
        skip();
    trial_check(stance_model_open(&model, path));
    return model;
}

void trial_open(struct trial *trial, const char *name, int batch)
{
    *trial = (struct trial){0};
    trial->model = trial_model(name);
    init(trial, batch);
}

void trial_parse(struct trial *trial, const struct base_buffer *model, int batch)
{
    *trial = (struct trial){0};
    trial_check(engine_model_parse(&trial->model, model->data, model->size, "test.onnx"));
    init(trial, batch);
}

void trial_share(struct trial *trial, const struct trial *other, int batch)
{
    *trial = (struct trial){.model = engine_model_keep(other->model)};
    init(trial, batch);
}

void trial_session(struct trial *trial, int tier, int threads)
{
    struct stance_session_options options;
    stance_session_options_default(&options);
    options.tier = tier;
    options.threads = threads;
    stance_session_close(&trial->session);
    trial_check(stance_session_open(&trial->session, trial->model, &options));
}

void trial_shape(struct trial *trial, int i, int rank, const int64_t *dims)
{
    trial->inputs[i].rank = rank;
    memcpy(trial->inputs[i].dims, dims, (size_t)rank * sizeof dims[0]);
    fill(&trial->inputs[i], i);
}

void trial_batch(struct trial *trial, int64_t batch)
{
    for (int i = 0; i < trial->input_count; i++) {
        trial->inputs[i].dims[0] = batch;
        fill(&trial->inputs[i], i);
    }
}

void trial_run(struct trial *trial)
{
    trial_check(stance_session_run(trial->session, trial->inputs, trial->input_count,
                                   trial->outputs, trial->output_count));
}

void trial_close(struct trial *trial)
{
    for (int i = 0; i < TRIAL_INPUTS; i++)
        free(trial->inputs[i].data);
    stance_session_close(&trial->session);
    stance_model_close(&trial->model);
    *trial = (struct trial){0};
}

void trial_copy(const struct trial *trial, struct trial_copy *copy)
{
    copy->count = trial->output_count;
    for (int i = 0; i < copy->count; i++) {
        size_t bytes = tensor_bytes(&trial->outputs[i]);
        copy->outputs[i] = trial->outputs[i];
        copy->outputs[i].data = malloc(bytes + 1);
        assert_non_null(copy->outputs[i].data);
        memcpy(copy->outputs[i].data, trial->outputs[i].data, bytes);
    }
}

void trial_copy_close(struct trial_copy *copy)
{
    for (int i = 0; i < copy->count; i++)
        free(copy->outputs[i].data);
    copy->count = 0;
}

bool trial_same(const struct trial *trial, const struct trial_copy *copy)
{
    for (int i = 0; i < copy->count; i++) {
        const struct stance_tensor *a = &trial->outputs[i], *b = &copy->outputs[i];
        struct tensor_shape left = tensor_shape_of(a), right = tensor_shape_of(b);
        if (a->dtype != b->dtype || !tensor_shape_equal(&left, &right) ||
            memcmp(a->data, b->data, tensor_bytes(a)) != 0)
            return false;
    }
    return trial->output_count == copy->count;
}
