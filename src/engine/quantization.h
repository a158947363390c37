/* The quantizer inside: layers, ranges, and graphs built from them. The public side is
 * stance/quantize.h. */
#ifndef ENGINE_QUANTIZATION_H
#define ENGINE_QUANTIZATION_H

#include "engine/network.h"
#include "stance/quantize.h"

/* Values or layers that are looked at in one run: a session has 64 outputs. */
enum { QUANTIZE_METHODS = 4, QUANTIZE_BINS = 16384, QUANTIZE_OBSERVED = 48 };

struct quantize_range {
    float low, high;
};

/* How often values were seen: bins of equal width over -limit … limit, which grows by doubling. */
struct quantize_histogram {
    int64_t *bins; /* [QUANTIZE_BINS]; NULL: the value is not observed */
    double limit;  /* 0: nothing but zeros so far */
    int64_t count;
    float least, most;
};

/* Room for bins. Errors: ENOMEMORY. */
int engine_quantize_histogram_open(struct quantize_histogram *histogram);
/* Errors: EFORMAT (values that are not finite). */
int engine_quantize_histogram_add(struct quantize_histogram *histogram, const float *values,
                                  int64_t count);
/* The range by enum stance_quantize_method, but not AUTO; 0 lies inside. */
struct quantize_range engine_quantize_histogram_range(const struct quantize_histogram *histogram,
                                                      int method);
extern const char *const engine_quantize_method_names[QUANTIZE_METHODS + 1];

/* real = scale · (byte - zero) for a range. */
struct quantize_bytes {
    float scale;
    uint8_t zero;
};
struct quantize_bytes engine_quantize_bytes_of(struct quantize_range range);

/* One value of the graph. */
struct quantize_value {
    struct quantize_histogram histogram;
    int method;                                         /* chosen */
    struct quantize_range ranges[QUANTIZE_METHODS + 1]; /* by method; [0] unused */
    bool wanted; /* in bytes, by the last engine_quantize_place() */
    int group;   /* the value whose scale it shares; itself */
};

struct quantize_layer {
    int node, input, output; /* of the graph */
    int role;
    bool quantized;
    int64_t multiply_adds;
    struct tensor *weights; /* int8, as the float ones lie; NULL: cannot be quantised */
    struct tensor *scales;  /* [out] */
    struct tensor *bias;    /* float [out], corrected; NULL: none */
    double *reach; /* [out], of its output, where scale moves to layer `follower`; else NULL */
    int follower;
    struct quantize_gram *grams; /* while its weights are rounded; else NULL */
    int gram_count;
    int64_t places;                      /* of its output that `grams` have seen */
    double *means;                       /* [out], of the output's error, summed over inputs */
    double power;                        /* mean square of its output, summed over inputs */
    double errors[QUANTIZE_METHODS + 1]; /* of the output's error by method; [0] as chosen */
};

struct stance_quantizer {
    struct stance_quantize_options options;
    struct stance_model *model;
    struct graph *graph;  /* a copy of the model's, with its own weights where they changed */
    struct graph *shapes; /* specialised for one input */
    struct quantize_value *values; /* [graph->value_count] */
    struct quantize_layer *layers; /* in running order */
    int layer_count;
    struct tensor **inputs; /* [options.max_inputs] */
    int input_count;
    bool calibrated;
    int done, total; /* runs of the network, for progress */
    size_t bytes;    /* of the inputs kept */
};

/* Whether a network has been quantised, by the operators in its file. */
bool engine_quantize_is_quantized(const struct stance_model *model);
/* Fills `layers` from graph and shapes. Errors: EMODEL (none can be quantised), ENOMEMORY. */
int engine_quantize_find_layers(struct stance_quantizer *quantizer);

/* Fills `wanted` and `group` of all values for the layers that are quantised now, or, with `all`, for
 * all that can be. */
int engine_quantize_place(struct stance_quantizer *quantizer, bool all);
/* The range of a value's group by the methods chosen, or by one method for all. */
struct quantize_range engine_quantize_group_range(const struct stance_quantizer *quantizer,
                                                  int value, int method);

/* Moves scale between neighbouring convolutions, so that channels reach equally far. */
int engine_quantize_equalize(struct stance_quantizer *quantizer);
/* The float weights of a convolution. */
const struct stance_tensor *engine_quantize_float_weights(const struct stance_quantizer *quantizer,
                                                          const struct quantize_layer *layer);
/* The nearest step of int8. */
int8_t engine_quantize_nearest(double weight, double scale);
/* int8 weights of every layer that can have them. */
int engine_quantize_weights(struct stance_quantizer *quantizer);
/* Rounds them again, by what they are multiplied with. */
int engine_quantize_round(struct stance_quantizer *quantizer);
/* Runs of the network that takes. */
int engine_quantize_round_runs(const struct stance_quantizer *quantizer);
/* The filters in a convolution's weights, one for each output channel. */
struct quantize_filters {
    int64_t channels, each; /* weights of one */
    int64_t run;            /* so many of them lie together */
    int axis;               /* of the channels */
};
struct quantize_filters engine_quantize_filters(const struct graph_node *node,
                                                const struct stance_tensor *weights);

/* The graph with Q and DQ nodes for the layers chosen; engine_quantize_place() has been called. */
int engine_quantize_build(struct graph **out, const struct stance_quantizer *quantizer);
/* The float graph with other outputs: these values. */
int engine_quantize_build_observed(struct graph **out, const struct stance_quantizer *quantizer,
                                   const int *values, int count);
/* The float graph with an output for each of the listed layers that compares it with what it is in
 * int8 on the same inputs: [3 · out], by channel the mean difference, the mean square of the
 * difference, and the mean square of the float output. */
int engine_quantize_build_mirror(struct graph **out, const struct stance_quantizer *quantizer,
                                 const int *layers, int count, int method);
/* Runs a graph, which is closed, over `inputs` of the inputs, evenly spread, and has `take` look at the
 * outputs of each run. Errors: also ECANCELLED. */
typedef int quantize_take_fn(struct stance_quantizer *quantizer, const int *items, int count,
                             int method, const struct stance_tensor *outputs);
int engine_quantize_run(struct stance_quantizer *quantizer, struct graph *graph, int inputs,
                        const int *items, int count, int method, quantize_take_fn *take);
/* A graph as a model. */
int engine_quantize_model(struct stance_model **out, const struct stance_quantizer *quantizer,
                          const struct graph *graph);

#endif
