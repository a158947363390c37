/* Models: weights and network of one ONNX file.
 *
 * Networks stored in half precision (float16, bfloat16) run in float32, and their inputs and outputs
 * are float32 too.
 *
 * Threads: an open model never changes; any number of sessions in any threads share it. */
#ifndef STANCE_MODEL_H
#define STANCE_MODEL_H

#include "stance/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_model;

/* Opens an ONNX file. `name` is a path, or a name that is looked for (with and without ".onnx") in
 * $STANCE_MODELS (a ':'-separated list), ./models, $XDG_DATA_HOME/stance/models
 * (~/.local/share/stance/models) and the installed share folder. The file stays mapped while the
 * model lives.
 * Errors: ENOTFOUND (says where was looked), EIO, EFORMAT, EUNSUPPORTED (names the operator), and for
 * nodes that contradict themselves ESHAPE, ETYPE, EARGUMENT; ELIMIT, ENOMEMORY. */
STANCE_API int stance_model_open(struct stance_model **out, const char *name);

/* Drops the caller's reference and sets the handle NULL; sessions keep their own. */
STANCE_API void stance_model_close(struct stance_model **model);

/* The file's path. Valid while the model lives. */
STANCE_API const char *stance_model_path(const struct stance_model *model);

STANCE_API int stance_model_input_count(const struct stance_model *model);
STANCE_API int stance_model_output_count(const struct stance_model *model);

/* Name of input or output i, NULL when there is none. Valid while the model lives. */
STANCE_API const char *stance_model_input_name(const struct stance_model *model, int i);
STANCE_API const char *stance_model_output_name(const struct stance_model *model, int i);

/* Type and shape as the file declares them; data is NULL, dims that may vary are -1, rank -1 when
 * the file does not say. Errors: EARGUMENT. */
STANCE_API int stance_model_input(const struct stance_model *model, int i,
                                  struct stance_tensor *out);
STANCE_API int stance_model_output(const struct stance_model *model, int i,
                                   struct stance_tensor *out);

#ifdef __cplusplus
}
#endif
#endif
