/* stance_model inside the engine: the general graph of one file, and the weights that sessions have
 * packed for their kernels, shared between all of them. */
#ifndef ENGINE_NETWORK_H
#define ENGINE_NETWORK_H

#include <pthread.h>
#include <stdatomic.h>

#include "graph/graph.h"
#include "base/slab.h"
#include "kernel/kernel.h"
#include "stance/model.h"

struct engine_packed;
struct engine_terms;
struct onnx_model;

struct stance_model {
    atomic_int references;
    char *path;
    struct onnx_model *onnx;      /* whose weights the graph's constants are */
    struct graph *graph;          /* simplified, immutable */
    pthread_mutex_t mutex;        /* guards `packed`, the counts in it, `slabs`, and `terms` */
    struct engine_packed *packed; /* list */
    struct base_slabs slabs;      /* in which their data lie */
    struct engine_terms *terms;   /* list, see terms.h */
};

/* Maps, imports and simplifies a file. Errors: see stance_model_open(). */
int engine_model_load(struct stance_model **out, const char *path);
/* The same from memory, which must outlive the model; `name` stands for the path in messages. */
int engine_model_parse(struct stance_model **out, const void *data, size_t size, const char *name);
/* The same for bytes that the model takes over: `bytes` is empty afterwards, on errors too. */
int engine_model_take(struct stance_model **out, struct base_buffer *bytes, const char *name);
struct stance_model *engine_model_keep(struct stance_model *model);

/* Weights packed for one kernel. */
struct engine_packed {
    struct engine_packed *next;
    int users;
    const struct kernel_table *kernels;
    /* what was packed; kept so that their addresses stay theirs */
    struct tensor *weights, *scales, *bias;
    unsigned char key[sizeof(struct kernel_qconv_plan)];
    size_t bytes;
    void *data;
};

/* What to pack and how; `key` tells packings of the same weights apart (zero-filled). */
struct engine_packing {
    const struct kernel_table *kernels;
    struct tensor *weights, *scales, *bias; /* scales of int8 weights, else NULL; bias or NULL */
    const void *key;
    size_t key_size, bytes;
    void (*pack)(const struct engine_packing *packing, void *data);
    const void *context;
};

/* Finds or makes a packing; the caller drops it with engine_unpack(). Errors: ENOMEMORY. */
int engine_pack(struct engine_packed **out, struct stance_model *model,
                const struct engine_packing *packing);
void engine_unpack(struct stance_model *model, struct engine_packed *packed);

#endif
