/* An ONNX file as plain structs: what it says, not what it means (that is the graph room's work).
 *
 * Strings and weights are views into the mapped file and stay valid while a reference on the model
 * is held; tensors from onnx_tensor_load() hold one themselves. Everything is checked against the
 * file's bounds and the limits below while reading; a file that breaks them gives an error
 * sentence. Unknown fields are skipped. Strings carry no NUL at their end; names never contain one.
 *
 * Threads: a model is immutable; keep, close and onnx_tensor_load() may be called from any. */
#ifndef ONNX_ONNX_MODEL_H
#define ONNX_ONNX_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "tensor/storage.h"

/* Largest file, most entries in one list (nodes, initialisers, inputs, …), most memory for the
 * structs of one model, deepest nesting of messages (a graph inside a node's attribute costs 3). */
#define ONNX_MAX_BYTES ((size_t)4 << 30)
#define ONNX_MAX_ENTRIES 1000000
#define ONNX_MAX_ARENA ((size_t)256 << 20)
#define ONNX_MAX_DEPTH 64

struct onnx_string {
    const char *data; /* never NULL */
    size_t size;
};

/* Where a tensor's values lie. */
enum onnx_storage {
    ONNX_RAW,      /* raw_data: little-endian bytes */
    ONNX_TYPED,    /* float_data, int32_data, …: still encoded, decoded by onnx_tensor_load() */
    ONNX_EXTERNAL, /* a file next to the model */
};

struct onnx_tensor {
    struct onnx_string name; /* may be "" (attributes) */
    int dtype; /* TensorProto.DataType as written; onnx_tensor_load() refuses others */
    int rank;
    int64_t dims[STANCE_MAX_RANK]; /* not negative */
    enum onnx_storage storage;
    const unsigned char *data; /* RAW: the values; TYPED: the encoded TensorProto */
    size_t size;
    int field;                               /* TYPED: which field of the TensorProto, 0: none */
    struct onnx_string location;             /* EXTERNAL: as written in the file */
    uint64_t external_offset, external_size; /* EXTERNAL: size UINT64_MAX: up to the end */
};

/* Numbers are those of AttributeProto.AttributeType. */
enum onnx_attribute_type {
    ONNX_ATTRIBUTE_FLOAT = 1,
    ONNX_ATTRIBUTE_INT = 2,
    ONNX_ATTRIBUTE_STRING = 3,
    ONNX_ATTRIBUTE_TENSOR = 4,
    ONNX_ATTRIBUTE_GRAPH = 5,
    ONNX_ATTRIBUTE_FLOATS = 6,
    ONNX_ATTRIBUTE_INTS = 7,
    ONNX_ATTRIBUTE_STRINGS = 8,
    ONNX_ATTRIBUTE_OTHER = 9, /* lists of tensors or graphs, sparse tensors, types: not kept */
};

struct onnx_graph;

struct onnx_attribute {
    struct onnx_string name;
    enum onnx_attribute_type type; /* inferred where old exports leave it out */
    float f;
    int64_t i;
    struct onnx_string s;        /* any bytes */
    const struct onnx_tensor *t; /* TENSOR: never NULL */
    const struct onnx_graph *g;  /* GRAPH: never NULL */
    size_t count;                /* of the list that `type` names */
    const float *floats;
    const int64_t *ints;
    const struct onnx_string *strings;
};

struct onnx_node {
    struct onnx_string type, domain, name; /* "Conv", "" for ONNX itself (also for "ai.onnx"), "" */
    size_t input_count, output_count, attribute_count;
    const struct onnx_string *inputs, *outputs; /* "": left out */
    const struct onnx_attribute *attributes;
};

struct onnx_dim {
    int64_t value;             /* -1: symbolic or not given */
    struct onnx_string symbol; /* "" when not symbolic */
};

struct onnx_value_info {
    struct onnx_string name;
    int dtype;      /* TensorProto.DataType; 0: not given, or not a tensor */
    bool is_tensor; /* false for sequences, maps, optionals */
    bool has_shape;
    int rank;
    struct onnx_dim dims[STANCE_MAX_RANK];
};

struct onnx_graph {
    struct onnx_string name;
    size_t node_count, initializer_count, input_count, output_count, value_info_count;
    const struct onnx_node *nodes; /* in the file's order */
    const struct onnx_tensor *initializers;
    const struct onnx_value_info *inputs, *outputs; /* inputs may repeat initialisers (old files) */
    const struct onnx_value_info *value_infos;
};

struct onnx_opset {
    struct onnx_string domain; /* "" for ONNX itself (also for "ai.onnx") */
    int64_t version;
};

struct onnx_property {
    struct onnx_string key, value;
};

struct onnx_source;

struct onnx_model {
    int64_t ir_version;
    struct onnx_string producer, producer_version;
    size_t opset_count, property_count;
    const struct onnx_opset *opsets;
    const struct onnx_property *properties; /* metadata_props */
    size_t function_count;                  /* local functions: counted, not kept */
    const struct onnx_graph *graph;
    struct onnx_source *source; /* mapping, arena, references */
};

/* Maps and reads a file; external data is looked for in its folder.
 * Errors: ENOTFOUND, EIO, EFORMAT, EUNSUPPORTED (sparse initialisers), ELIMIT, ENOMEMORY; the
 * sentence begins with the path. */
int onnx_model_open(struct onnx_model **out, const char *path);

/* Reads a model from memory that must stay valid until the last reference is closed. `folder` is
 * where external data lies; NULL refuses external data. Errors as onnx_model_open(). */
int onnx_model_parse(struct onnx_model **out, const void *data, size_t size, const char *folder);

/* The same for bytes that the model takes over and frees: `bytes` is empty afterwards, on errors
 * too. External data is refused. */
int onnx_model_take(struct onnx_model **out, struct base_buffer *bytes);

/* One more reference; returns `model`. */
struct onnx_model *onnx_model_keep(struct onnx_model *model);
/* Drops one reference; NULL allowed; sets NULL. */
void onnx_model_close(struct onnx_model **model);
/* Gives the memory of the mapped files back until their weights are looked at again. */
void onnx_model_forget(const struct onnx_model *model);

/* The version of the opset of `domain` ("" for ONNX itself), or 0. */
int64_t onnx_model_opset(const struct onnx_model *model, const char *domain);
/* The value of a metadata property, or NULL. */
const struct onnx_string *onnx_model_property(const struct onnx_model *model, const char *key);

/* The values of a tensor of this model. Shares the mapped file where values lie there aligned to
 * their element size (and then holds a reference on the model), else copies or decodes them.
 * Errors: EFORMAT (bytes do not fit the shape, bad bool), EUNSUPPORTED (element type), ELIMIT,
 * ENOMEMORY, and for external data ENOTFOUND, EIO; the sentence names the tensor. */
int onnx_tensor_load(struct onnx_model *model, const struct onnx_tensor *tensor,
                     struct tensor **out);

bool onnx_string_equal(struct onnx_string string, const char *text);

/* For printf's "%.*s": ONNX_TEXT(name) gives length (at most 200) and bytes. */
#define ONNX_TEXT(string) (int)((string).size < 200 ? (string).size : 200), (string).data

#endif
