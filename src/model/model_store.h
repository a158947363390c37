/* Between pulling and importing: how a model gets into the store. */
#ifndef MODEL_MODEL_STORE_H
#define MODEL_MODEL_STORE_H

#include "base/buffer.h"
#include "base/file.h"
#include "stance/card.h"
#include "stance/store.h"

/* What shall be stored. */
struct model_store_item {
    const char *name;
    const void *data; /* of the ONNX file */
    size_t size;
    const char *rename;             /* the file that holds just that, to be moved; NULL: written */
    const struct stance_card *card; /* NULL: made from what is recognised */
};

/* Checks digest and recognition, writes NAME.json and then NAME.onnx. Errors: EFORMAT (digest),
 * EMODEL, EIO, … */
int model_store_put(const struct model_store_item *item, const char *folder,
                    const struct stance_store_options *options);

/* `options` or the defaults, with a folder that is made; its path is in `folder`. */
int model_store_prepare(struct stance_store_options *out,
                        const struct stance_store_options *options, char folder[BASE_PATH_BYTES]);

/* Whether a name can be that of a file in the store. */
int model_store_check_name(const char *name);

/* FOLDER/NAME and an ending. Errors: ELIMIT. */
int model_store_join(char path[BASE_PATH_BYTES], const char *folder, const char *name,
                     const char *ending);

#endif
