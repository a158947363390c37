/* Where models are: in the library, in folders. */
#ifndef MODEL_FIND_H
#define MODEL_FIND_H

#include <stddef.h>

#include "onnx/onnx_model.h"

/* Where stance_model_open() would find the file `name`: the path into `path`, which may lead into
 * an archive (package.h). Built-in models are no files. Errors: ENOTFOUND, with the names that are
 * near; EARGUMENT, ENOMEMORY. */
int model_find(const char *name, char *path, size_t size);

/* Calls `visit` for the folders that models are looked for in, in this order, until it returns
 * something else than 0, which is returned. */
int model_each_folder(int (*visit)(void *context, const char *folder), void *context);

/* The folder of the user's own models, where those that are fetched go. */
void model_data_folder(char *folder, size_t size);

/* Half a sentence into `text`: the names of models that are spelt like `name`, or those that are
 * built in. Errors: ENOMEMORY. */
int model_near_names(const char *name, char *text, size_t size);

/* The ONNX file of an open model, by its stance_model_path(). Errors: as onnx_model_open(). */
int model_onnx_open(struct onnx_model **out, const char *path);

#endif
