/* Between the files of this room: what stands behind a model, and the steps of reading it. */
#ifndef ONNX_ONNX_SOURCE_H
#define ONNX_ONNX_SOURCE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/file.h"
#include "onnx/onnx_model.h"
#include "onnx/wire.h"

/* A mapped file of external data; mapped once per model. */
struct onnx_external {
    struct onnx_external *next;
    struct base_mapping mapping;
    char location[]; /* as written in the model */
};

struct onnx_source {
    struct base_arena *arena; /* holds the model itself too */
    struct base_mapping mapping;
    struct base_buffer owned; /* bytes that came with onnx_model_take() */
    const char *folder;       /* of external data; NULL: refused */
    atomic_int references;
    pthread_mutex_t mutex; /* guards `externals` */
    struct onnx_external *externals;
};

/* Memory of the model's arena for a list. Errors: ELIMIT, ENOMEMORY. */
int onnx_source_alloc(struct onnx_source *source, size_t count, size_t size, void *out);

/* Fills everything but `source` from the bytes of a ModelProto. */
int onnx_read_model(struct onnx_model *model, const void *data, size_t size);
int onnx_read_graph(struct onnx_source *source, struct onnx_wire wire, struct onnx_graph *graph);
int onnx_read_attribute(struct onnx_source *source, struct onnx_wire wire,
                        struct onnx_attribute *attribute);
int onnx_read_tensor(struct onnx_wire wire, struct onnx_tensor *tensor);
int onnx_read_value_info(struct onnx_wire wire, struct onnx_value_info *info);
/* A StringStringEntryProto. */
int onnx_read_property(struct onnx_wire wire, struct onnx_property *property);

/* A string that is a name: without NUL. */
int onnx_field_name(const struct onnx_field *field, struct onnx_string *out);
/* A domain: "ai.onnx" becomes "". */
int onnx_field_domain(const struct onnx_field *field, struct onnx_string *out);

/* How often each field below ONNX_FIELDS stands in a message; the whole message is walked and so
 * known to be well formed at this level. ELIMIT above ONNX_MAX_ENTRIES. */
enum { ONNX_FIELDS = 32 };
int onnx_count_fields(struct onnx_wire wire, size_t counts[ONNX_FIELDS]);

/* The bytes of an external tensor. The mapping lives as long as the model. */
int onnx_external_data(struct onnx_source *source, const struct onnx_tensor *tensor,
                       const unsigned char **data, size_t *size);
void onnx_external_close(struct onnx_source *source);

#endif
