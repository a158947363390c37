/* The cards that come with stance: models that others publish and stance can fetch. They lie in
 * the folder models and are part of the library. */
#ifndef MODEL_ZOO_H
#define MODEL_ZOO_H

#include <stddef.h>

struct model_zoo_card {
    const char *name;
    const char *text; /* JSON, ends with NUL */
    size_t size;      /* without the NUL */
    const char *file; /* that is downloaded; "" when nothing can be */
};

extern const struct model_zoo_card model_zoo[]; /* sorted by name, ends with a NULL name */

/* By name, or NULL. */
const struct model_zoo_card *model_zoo_find(const char *name);

/* The card whose file has the name of `path` without folder and ending, or NULL. */
const struct model_zoo_card *model_zoo_find_file(const char *path);

#endif
