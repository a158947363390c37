/* Models: weights and network of one ONNX file.
 *
 * Networks stored in half precision (float16, bfloat16) run in float32, and their inputs and
 * outputs are float32 too.
 *
 * Threads: an open model never changes; any number of sessions in any threads share it. */
#ifndef STANCE_MODEL_H
#define STANCE_MODEL_H

#include "stance/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_model;

/* Opens a model. `name` is "stance-det" (person detector) or "stance-pose" (keypoints of one
 * person) for the models inside the library, which need no file; else the path of an ONNX file;
 * else a name that is looked for (with and without ".onnx") in $STANCE_MODELS (a ':'-separated
 * list), ./models, $XDG_DATA_HOME/stance/models (~/.local/share/stance/models) and the installed
 * share folder. The two names always mean the built-in models: write "./stance-pose" or
 * "stance-pose.onnx" for files. A file stays mapped while the model lives.
 * Errors: ENOTFOUND (says where was looked, and which names are near), EIO, EFORMAT, EUNSUPPORTED
 * (names the operator), and for nodes that contradict themselves ESHAPE, ETYPE, EARGUMENT; ELIMIT,
 * ENOMEMORY. */
STANCE_API int stance_model_open(struct stance_model **out, const char *name);

/* Drops the caller's reference and sets the handle NULL; sessions keep their own. */
STANCE_API void stance_model_close(struct stance_model **model);

/* The file's path, or the name of a built-in model. Valid while the model lives. */
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

/* What a network is for, by its inputs, outputs and card. */
enum stance_role {
    STANCE_ROLE_DETECTOR,  /* boxes of people */
    STANCE_ROLE_POSE,      /* keypoints of one person in a crop */
    STANCE_ROLE_ONE_STAGE, /* boxes and keypoints of all people in a picture */
};

/* An enum stance_role. Errors: EMODEL (says what the network has, what stance knows, and what can
 * be done about it), and those of stance_card_open() but ENOTFOUND. */
STANCE_API int stance_model_role(const struct stance_model *model);

/* One model that stance_model_open() finds by its name. */
struct stance_model_entry {
    const char *name; /* "stance-pose", "rtmpose-s" */
    const char *path; /* of the file; NULL: built in */
    int64_t bytes;    /* of the ONNX file */
};

struct stance_model_list {
    int32_t count;
    const struct stance_model_entry *entries; /* [count] */
};

/* Built-in models first, then the .onnx files of the folders above in the order in which they are
 * looked through, by name; without files that a file of the same name hides. They are not opened.
 * The list is read-only. Errors: ELIMIT (more than 4096 models), ENOMEMORY. */
STANCE_API int stance_model_list_open(struct stance_model_list **out);

/* NULL allowed; sets NULL. */
STANCE_API void stance_model_list_close(struct stance_model_list **list);

#ifdef __cplusplus
}
#endif
#endif
