/* Looking into a model without running it: what is in the file, and what stance makes of it.
 *
 * Threads: an inspection is read-only once open. */
#ifndef STANCE_INSPECT_H
#define STANCE_INSPECT_H

#include "stance/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_inspection {
    char *path;
    int32_t opset;
    int32_t node_count;
    int64_t parameters;         /* elements of all weights */
    int64_t multiply_adds;      /* one run at the shapes of `inputs`; 0 when they are not known */
    int64_t int8_multiply_adds; /* those of them that `tier` does on 8-bit integers */
    const char *family;         /* "RTMDet detector"; NULL when stance recognises none. Static. */
    const char *family_note;    /* why not recognised; NULL when it is */
    const char *batch_note;     /* how batches are run; NULL when nothing is to tell. Static. */
    int32_t input_count, output_count;
    const struct stance_tensor *inputs, *outputs; /* declared; data NULL, open dims -1 */
    const char *const *input_names, *const *output_names;
    int32_t operator_count; /* kinds of operators, most frequent first */
    const char *const *operators;
    const int32_t *operator_uses;
    const char *graph_before; /* one line per node: as in the file */
    const char *graph_after;  /* as it is run on `tier`; NULL when the shapes are not known */
};

/* Opens and analyses `name` (see stance_model_open()). `shapes`: one tensor per input (data is not
 * read), or NULL: the declared shapes with batch 1. `tier`: enum stance_tier.
 * Errors: those of stance_model_open() and stance_session_prepare(). */
STANCE_API int stance_inspection_open(struct stance_inspection **out, const char *name,
                                      const struct stance_tensor *shapes, int shape_count,
                                      int tier);

/* NULL allowed; sets NULL. */
STANCE_API void stance_inspection_close(struct stance_inspection **inspection);

#ifdef __cplusplus
}
#endif
#endif
