/* The models of this machine: fetching them, taking them in, checking them.
 *
 * A model in the store is NAME.onnx and its card NAME.json, in a folder in which
 * stance_model_open() looks. Nothing but stance_store_pull() ever uses the network.
 *
 * Threads: no state; one import of a name at a time, also between processes. Pulls see to it
 * themselves: the second one of a name fails with EIO. */
#ifndef STANCE_STORE_H
#define STANCE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_store_options {
    uint32_t struct_size;  /* filled by stance_store_options_default() */
    const char *folder;    /* where models go; NULL: $XDG_DATA_HOME/stance/models */
    const char *mirror;    /* address of a folder, asked for the card's file first; NULL: none */
    int32_t stall_seconds; /* a server that is silent for so long has failed; 20 */
    int32_t replace;       /* not 0: a model of that name is replaced */
    /* Told while bytes come: of which address, how many, of how many (0: not known). Anything but 0
     * ends the download with ECANCELLED; what has come is kept, so that another call goes on. NULL:
     * none. */
    int (*progress)(void *context, const char *url, int64_t done, int64_t total);
    /* Told what has gone wrong with one address before the next one is tried. NULL: none. */
    void (*failed)(void *context, const char *sentence);
    /* Told which models have been stored. NULL: none. */
    void (*stored)(void *context, const char *name, const char *path);
    void *context;
};

STANCE_API void stance_store_options_default(struct stance_store_options *options);

/* Fetches the model of a card (see stance_card_open()), unless there is a model of that name
 * already: returns 1 then, and nothing is fetched. The card's addresses are tried one after the
 * other; broken downloads go on where they ended, in this call and in later ones. What was fetched
 * must be a model as its card says, with the card's digest where it has one; only then it gets its
 * name, in one step. `options` NULL: the defaults. Errors: ENOTFOUND (no such card, nothing to
 * fetch, or no address has it), EFORMAT (wrong digest, damaged), EMODEL, EIO (also when
 * another process is fetching it), ELIMIT, ECANCELLED,
 * EUNSUPPORTED (built without network), ENOMEMORY. */
STANCE_API int stance_store_pull(const char *name, const struct stance_store_options *options);

/* Takes in what was fetched otherwise: an ONNX file, a folder or zip archive of MMDeploy's SDK (all
 * models in it). `name`: what it shall be called; NULL: as the card that comes with stance for a
 * file of this name, else the file or its folder. The card is the one beside it, what its SDK files
 * say, the one that comes with stance, or made from what is recognised. Errors: EARGUMENT (no such
 * name, or the name is taken and not `replace`), ENOTFOUND, EMODEL, EFORMAT, EIO, ELIMIT,
 * ENOMEMORY. */
STANCE_API int stance_store_import(const char *source, const char *name,
                                   const struct stance_store_options *options);

/* Compares a model with its card's digest. Returns 0 when it is the same. Errors: EFORMAT when it
 * is not, EUNSUPPORTED when there is no digest to compare with, ENOTFOUND, EIO, ENOMEMORY. */
STANCE_API int stance_store_verify(const char *name);

/* The path of a model's file. Errors: ENOTFOUND; EARGUMENT for built-in models, which have none,
 * and for a path of `size` bytes or more. */
STANCE_API int stance_store_path(const char *name, char *path, size_t size);

#ifdef __cplusplus
}
#endif
#endif
