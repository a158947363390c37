/* Quantising: a float network becomes one that computes with 8-bit integers where that does no harm.
 *
 * What comes out is an ordinary ONNX file with QuantizeLinear and DequantizeLinear nodes: weights in
 * int8 with a scale per output channel, activations in uint8 with one scale, biases in int32. Ranges
 * are chosen, and weights rounded (GPTQ: Frantar et al., 2023), on real inputs, which
 * stance_pose_inputs() makes from pictures; stance_agreement says what a choice of layers costs.
 * docs/quantization.md tells the whole way.
 *
 * Order of calls: open, feed (often), calibrate, then choose, model and save as often as wanted.
 * Threads: a quantizer belongs to one thread at a time. */
#ifndef STANCE_QUANTIZE_H
#define STANCE_QUANTIZE_H

#include "stance/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the range of an activation is found. */
enum stance_quantize_method {
    STANCE_QUANTIZE_AUTO = 0,       /* for every value the one whose layers err least */
    STANCE_QUANTIZE_MINMAX = 1,     /* everything seen */
    STANCE_QUANTIZE_PERCENTILE = 2, /* all but one in ten thousand */
    STANCE_QUANTIZE_MSE = 3,        /* least mean squared error of the values themselves */
    STANCE_QUANTIZE_ENTROPY = 4,    /* least Kullback-Leibler divergence of the distributions */
};

/* What a layer does in the network. Only STANCE_LAYER_BODY starts in int8. */
enum stance_layer_role {
    STANCE_LAYER_BODY = 0,
    STANCE_LAYER_FIRST = 1,     /* reads the picture */
    STANCE_LAYER_ATTENTION = 2, /* one factor per channel */
    STANCE_LAYER_HEAD = 3,      /* no convolution and no weights of a product follow */
    STANCE_LAYER_OTHER = 4,     /* stays float: matrix products, … */
};

struct stance_quantizer;

struct stance_quantize_options {
    uint32_t struct_size;   /* filled by stance_quantize_options_default() */
    int32_t method;         /* enum stance_quantize_method */
    int32_t threads;        /* computing threads; 0: 1 */
    int32_t correct_biases; /* not 0: what rounding adds to a channel's mean is taken off; 1 */
    int32_t equalize;       /* not 0: neighbouring layers share their channels' ranges where nothing
                                or a ReLU is between them; 1 */
    int32_t max_inputs;     /* further inputs are not kept; 256 */
    /* Told while stance_quantizer_calibrate() works. Anything but 0 ends it with ECANCELLED. NULL:
     * none. */
    int (*progress)(void *context, int done, int total);
    void *context;
};

/* One layer with weights. Pointers are valid until the next call on the quantizer. */
struct stance_quantize_layer {
    const char *name, *type; /* of the node */
    int32_t role;            /* enum stance_layer_role */
    int32_t quantized;       /* not 0: in int8 */
    int64_t multiply_adds;   /* of one run with batch 1 */
    /* Of what it reads, where it could be int8; else 0 and NULL. */
    const char *method; /* "mse" */
    float low, high;    /* the range that bytes have */
    float least, most;  /* what was seen */
    double error;       /* squared error of its output over the output's square */
    int32_t bin_count;  /* of the histogram of what was seen, from bin_low to bin_high */
    float bin_low, bin_high;
    const int64_t *bins;
};

STANCE_API void stance_quantize_options_default(struct stance_quantize_options *options);

/* `options` NULL: the defaults. Keeps its own reference on the model. Errors: EMODEL (quantised
 * already, or nothing in it to quantise), EARGUMENT, ENOMEMORY. */
STANCE_API int stance_quantizer_open(struct stance_quantizer **out, struct stance_model *model,
                                     const struct stance_quantize_options *options);

/* NULL allowed; sets NULL. */
STANCE_API void stance_quantizer_close(struct stance_quantizer **quantizer);

/* Keeps a copy of what the network may be shown: batch 1, all of the same shape. 1: kept; 0: there
 * are enough already. Errors: ESHAPE, ETYPE, ELIMIT (more than 2 GiB), ENOMEMORY. */
STANCE_API int stance_quantizer_feed(struct stance_quantizer *quantizer,
                                     const struct stance_tensor *input);

/* Finds ranges, weights and biases for all layers. Errors: EARGUMENT (nothing was fed), ECANCELLED,
 * EFORMAT (the network computes values that are not finite), ENOMEMORY. */
STANCE_API int stance_quantizer_calibrate(struct stance_quantizer *quantizer);

STANCE_API int stance_quantizer_layer_count(const struct stance_quantizer *quantizer);
/* Layer i in running order. Errors: EARGUMENT. */
STANCE_API int stance_quantizer_layer(const struct stance_quantizer *quantizer, int i,
                                      struct stance_quantize_layer *out);

/* Puts layer i into int8 or back into float. Errors: EARGUMENT (no such layer, or one of
 * STANCE_LAYER_OTHER). */
STANCE_API int stance_quantizer_choose(struct stance_quantizer *quantizer, int i, int quantized);

/* The network as chosen now, under the name of the float one. Errors: EARGUMENT (not calibrated),
 * ENOMEMORY. */
STANCE_API int stance_quantizer_model(struct stance_quantizer *quantizer,
                                      struct stance_model **out);

/* Writes it as a file, which gets its name when it was opened again and gives the answers of
 * stance_quantizer_model(). On errors nothing is left, and an older file stays. Errors: EARGUMENT,
 * EIO, ELIMIT (2 GiB), ENOMEMORY. */
STANCE_API int stance_quantizer_save(struct stance_quantizer *quantizer, const char *path);

#ifdef __cplusplus
}
#endif
#endif
