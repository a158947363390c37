/* The models inside libstance: their files lie in the library's read-only memory as they lie in
 * models/builtin, and are read in place. */
#ifndef MODEL_BUILTIN_H
#define MODEL_BUILTIN_H

#include <stddef.h>

struct model_builtin {
    const char *name; /* "stance-pose"; always means this model, whatever files there are */
    const unsigned char *onnx; /* aligned to 64 bytes */
    size_t onnx_size;
    const char *card; /* JSON, ends with NUL */
    size_t card_size; /* without the NUL */
};

extern const struct model_builtin model_builtins[]; /* ends with a NULL name */

/* The built-in model of that very name, or NULL. */
const struct model_builtin *model_builtin_find(const char *name);

#endif
