/* The stages of a pipeline: a detector and a pose network, or a one-stage network alone, each a
 * session with the input that its family wants. */
#ifndef PIPELINE_TOP_DOWN_H
#define PIPELINE_TOP_DOWN_H

#include "model/family.h"
#include "stance/session.h"

/* People whose crops go through the network together. Larger groups are cut into batches of these
 * sizes, so that at most four plans are kept; the results do not depend on the cut. Candidates of a
 * detector: 640×640 has 8400 cells, of which a threshold of 0 takes all. */
enum { PIPELINE_MAX_BATCH = 8, PIPELINE_MAX_CANDIDATES = 1 << 14 };

/* Shares of one picture or crop on several threads: few enough that none is smaller than its beginning. */
enum { PIPELINE_CUTS = 4 };

/* One network ready to run on pictures. */
struct pipeline_stage {
    struct stance_session *session;
    struct model_traits traits; /* .input: what is shown now */
    struct vision_input whole;  /* the network's own input */
    bool parts;                 /* only what a picture fills of it is shown */
    float *input;               /* room for `capacity` images */
    float *scratch;             /* for decoding */
    int capacity, output_count;
    int cuts; /* of each picture or crop that is fed in: 1 where there is one thread */
};

/* Recognises the model and opens its session. `capacity` counts for pose networks; the others take
 * one picture. Errors: EMODEL for a detector where not `detects`, and for any other where it
 * does. */
int pipeline_stage_open(struct pipeline_stage *stage, struct stance_model *model, bool detects,
                        const struct model_choice *choice,
                        const struct stance_session_options *options, int capacity);
void pipeline_stage_close(struct pipeline_stage *stage);

/* Sets the input that a picture will be shown in: the whole one, or with stage->parts what the picture
 * fills of it. Errors: EARGUMENT, ELIMIT for a picture that cannot be used. */
int pipeline_stage_show(struct pipeline_stage *stage, const struct stance_image *image);

/* Runs `batch` images that lie in stage->input. `outputs` has MODEL_MAX_OUTPUTS entries. */
int pipeline_stage_run(struct pipeline_stage *stage, int batch, struct stance_tensor *outputs);

/* The same for images and their mirror images: `outputs` are the means, in `means`, which grows as
 * needed and is the caller's to free. `flip`: for every keypoint the one on the other side. */
struct pipeline_means {
    float *values;
    size_t capacity;
};
int pipeline_stage_run_flipped(struct pipeline_stage *stage, int batch, const int32_t *flip,
                               struct pipeline_means *means, struct stance_tensor *outputs);

#endif
