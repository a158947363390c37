/* People as blobs, a white body with six coloured dots on black, and networks without learnt weights
 * whose answers for such pictures are known: a mean of brightness as large as a body is a detector, a
 * difference of colours is a pose network. */
#ifndef SUPPORT_BLOBS_H
#define SUPPORT_BLOBS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "stance/stream.h"

enum {
    BLOBS_WIDTH = 320, /* of the pictures */
    BLOBS_HEIGHT = 192,
    BLOB_WIDTH = 48, /* of a body */
    BLOB_HEIGHT = 72,
    BLOB_POINTS = 6,
    BLOB_CLASS = 17,
    BLOBS_MOST = 16
};

struct blob {
    double x, y;        /* of the body's middle, at time 0 */
    double vx, vy;      /* pixels per second */
    double from, until; /* seconds, when it is there; until 0: to the end */
    bool hollow;        /* without its body: only the pose network sees it */
};

/* A pipeline of both networks, or with one of them.
 * Detector: x [1, 3, 192, 320] → RTMDet's three maps, a box of a body's size where it is bright.
 * Pose network: x [n, 3, 96, 72] → heatmaps [n, 6, 48, 36], map k is high where dot k is. */
struct stance_pose *blobs_open(int threads, bool detector, bool network);
/* The same with other options; their models are set here. Where detector_classes name some the detector
 * knows 80 classes, and bodies are of the class BLOB_CLASS. */
struct stance_pose *blobs_open_with(struct stance_pose_options *options, bool detector,
                                    bool network);
/* A pipeline of this one-stage network, which must live as long. */
struct stance_pose *blobs_open_one_stage(const struct base_buffer *model);

/* A black picture. */
struct stance_image *blobs_picture(void);
void blobs_draw(struct stance_image *image, const struct blob *blobs, int count, double seconds);

bool blob_is_there(const struct blob *blob, double seconds);
/* Dot k, which sways around its place once a second. */
void blob_point(const struct blob *blob, double seconds, int k, double *x, double *y);

/* Fails unless these people are in the result, and nobody else, each with all dots within `tolerance`
 * pixels and an id of its own. ids[i]: who blob i is, filled where 0. */
void blobs_expect(const struct stance_stream_result *result, const struct blob *blobs, int count,
                  double seconds, double tolerance, int64_t *ids);

/* What a result says, kept beyond the stream's next call. */
struct blobs_copy {
    int count, width, height, measured, detected;
    int64_t time_us, ids[BLOBS_MOST];
    float boxes[BLOBS_MOST][4], scores[BLOBS_MOST], box_scores[BLOBS_MOST];
    struct stance_keypoint points[BLOBS_MOST][BLOB_POINTS];
};
/* Unused places are 0, so that equal results are equal bytes. */
void blobs_copy(const struct stance_stream_result *result, struct blobs_copy *copy);

#endif
