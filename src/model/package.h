/* Packages: models with their MMDeploy SDK files (pipeline.json, deploy.json, detail.json) in a
 * folder or a zip archive. A model in an archive has the path ARCHIVE.zip/ENTRY. */
#ifndef MODEL_PACKAGE_H
#define MODEL_PACKAGE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "onnx/onnx_model.h"

/* The model of a package: `name` is a folder, an archive, or ARCHIVE.zip/FOLDER where an archive
 * holds several models. 1 and its path; 0 when the name is no package. Errors: EMODEL (no model
 * inside, or several: names them), those of net_archive_open(), EARGUMENT (deploy.json names a file
 * outside). */
int model_package_find(const char *name, char *path, size_t size);

/* Calls `visit` with the path of every model of an archive; stops at what is not 0 and returns
 * it. */
int model_package_each(const char *archive, int (*visit)(void *context, const char *path),
                       void *context);

/* The archive of a path ARCHIVE.zip/ENTRY into `archive`, and where the entry's name begins; false
 * for other paths. */
bool model_package_split(const char *path, char *archive, size_t size, const char **entry);

/* Most bytes of a model in an archive. */
#define MODEL_PACKED_LIMIT ((size_t)1 << 30)

/* The bytes of a model in an archive. */
int model_package_read(struct base_buffer *out, const char *path);

/* Appends `file`, which lies beside the model at `path`, to `out`. 1 when it is there, else 0. */
int model_package_sibling(struct base_buffer *out, const char *path, const char *file);

/* The card that the SDK files beside a model amount to, as JSON. 1, or 0 when there are none.
 * Errors: EFORMAT, EUNSUPPORTED, ELIMIT. */
int model_package_card(struct base_buffer *json, const char *path);

#endif
