/* Cards: what is known about a model beside its weights: how it wants its pictures, what it was
 * trained on, how well it does, under which terms it may be used, where it is to be had. A built-in
 * model has its card inside the library; the card of MODEL.onnx is the file MODEL.json beside it;
 * the SDK files of an MMDeploy export serve as one. Cards of models that others publish come with
 * stance. The fields are documented in docs/formats.md.
 *
 * Threads: a card is read-only once open. */
#ifndef STANCE_CARD_H
#define STANCE_CARD_H

#include <stdint.h>

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One number that was measured. */
struct stance_card_metric {
    const char *name; /* "PCK@0.2 of the torso, huu" */
    double value;     /* NaN: not measured */
    double low, high; /* interval of 95 %; NaN: none given */
    const char *note; /* NULL: none */
};

struct stance_card {
    const char *path;         /* of the ONNX file; NULL: built in, or not on this machine */
    const char *name;         /* "stance-pose" */
    const char *title;        /* what it is for, in a few words; NULL: not given, as below */
    const char *family;       /* "rtmdet", "yolox", "simcc", "heatmap", "rtmo"; "auto": as
                                 recognised from the network's inputs and outputs */
    const char *keypoint_set; /* "coco17", see stance_keypoint_set_find() */
    const char *refine;       /* "udp", see enum stance_refine; NULL: the family's usual way */
    const char *storage;      /* "float16": how the file holds the weights */
    const char *sha256;       /* of the ONNX file, 64 lower-case hexadecimal digits */
    const char *file;         /* what is downloaded: an ONNX file or an archive */
    const char *member;       /* folder of an archive that holds several models */
    const char *checkpoint;   /* address of the PyTorch checkpoint */
    const char *licence, *training_data, *notice;
    int32_t builtin;       /* not 0: inside the library */
    int32_t width, height; /* of the input in pixels; 0: as the network says */
    int32_t bgr;           /* not 0: the channels are blue, green, red */
    float mean[3], std[3]; /* of 0 … 255, in the order of the channels */
    int64_t parameters;    /* -1: not given */
    int64_t multiply_adds; /* of one run; -1: not given */
    int32_t metric_count;
    const struct stance_card_metric *metrics;
    int32_t url_count;
    const char *const *urls; /* addresses of `file`, the publisher's first */
    const char *json;        /* the card as it is written */
};

/* The card of the model that stance_model_open() opens for `name`; when there is no such model
 * here, the card NAME.json in one of its folders, or the one that comes with stance.
 * Errors: ENOTFOUND (no such model, or it has no card), EFORMAT, EUNSUPPORTED (a newer card), EIO,
 * ELIMIT, ENOMEMORY. */
STANCE_API int stance_card_open(struct stance_card **out, const char *name);

/* Name i of the cards that come with stance, sorted; NULL behind the last. */
STANCE_API const char *stance_card_name_at(int i);

struct stance_model;

/* Writes the card of a file MODEL.onnx that was made from the model `like`, beside it as MODEL.json:
 * it is used as `like` is and has its terms, with its own name and digest. `storage`: how it holds the
 * weights, "int8". An older card is replaced. Errors: EARGUMENT (another ending than .onnx), EMODEL,
 * EIO, ENOMEMORY. */
STANCE_API int stance_card_write(const char *path, struct stance_model *like, const char *storage);

/* NULL allowed; sets NULL. */
STANCE_API void stance_card_close(struct stance_card **card);

#ifdef __cplusplus
}
#endif
#endif
