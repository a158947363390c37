/* Running a network in few words: model, session, seeded inputs, outputs. Any trouble fails the
 * test. */
#ifndef SUPPORT_TRIAL_H
#define SUPPORT_TRIAL_H

#include <stdbool.h>

#include "base/buffer.h"
#include "stance/session.h"

enum { TRIAL_INPUTS = 4, TRIAL_OUTPUTS = 8 };

struct trial {
    struct stance_model *model;
    struct stance_session *session;
    int input_count, output_count;
    struct stance_tensor inputs[TRIAL_INPUTS], outputs[TRIAL_OUTPUTS];
};

/* The path of a model: the name of a structure model, or of a file in data/models of the shared
 * folder ("simplepose_opset9.onnx"). False where the shared folder is missing. */
bool trial_path(const char *name, char *path, size_t size);

/* Fails the test with the library's sentence when `code` is an error. */
void trial_check(int code);

/* The model of a name, to be closed by stance_model_close(); skips the test where the shared folder is
 * missing. */
struct stance_model *trial_model(const char *name);

/* Opens the model of a name; skips the test where the shared folder is missing. Inputs get their
 * declared shape with `batch` for an open batch and 64 for other open dims, and seeded noise. */
void trial_open(struct trial *trial, const char *name, int batch);
/* The same for a model in memory, which must live as long as the trial. */
void trial_parse(struct trial *trial, const struct base_buffer *model, int batch);
/* The same for the model of another trial. */
void trial_share(struct trial *trial, const struct trial *other, int batch);
/* Opens the session, closing one that is open. */
void trial_session(struct trial *trial, int tier, int threads);
/* Gives input i another shape and new noise. */
void trial_shape(struct trial *trial, int i, int rank, const int64_t *dims);
/* The same with another batch for every input. */
void trial_batch(struct trial *trial, int64_t batch);
void trial_run(struct trial *trial);
void trial_close(struct trial *trial);

/* A copy of all outputs of the last run; closed by trial_copy_close(). */
struct trial_copy {
    int count;
    struct stance_tensor outputs[TRIAL_OUTPUTS];
};
void trial_copy(const struct trial *trial, struct trial_copy *copy);
void trial_copy_close(struct trial_copy *copy);
/* Whether the last run gave these bits. */
bool trial_same(const struct trial *trial, const struct trial_copy *copy);

#endif
