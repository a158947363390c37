/* Networks with seeded weights: a structure file (xz) whose weights are zeros, and noise that
 * element i of tensor NAME gets as
 *     mean + std * sqrt(3) * (2u - 1), clipped to [min, max] where given,
 *     u = (splitmix64(h + (i + 1) * G) >> 40) / 2^24, h = fnv1a64(NAME) ^ (seed * G),
 * with mean, std, min and max from the model's property synth.v1. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <lzma.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_read.h"
#include "base/memory.h"
#include "onnx/onnx_model.h"
#include "support/support.h"

#define GOLDEN 0x9E3779B97F4A7C15ull
#define MAX_MODEL_BYTES ((size_t)512 << 20)

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3ull;
    return hash;
}

struct statistics {
    double mean, std, min, max;
    bool clipped;
};

static void fill_noise(float *out, size_t count, uint64_t hash, const struct statistics *stats)
{
    uint64_t start = hash ^ GOLDEN; /* seed 1 */
    double scale = stats->std * sqrt(3.0);
    for (size_t i = 0; i < count; i++) {
        uint64_t z = start + (i + 1) * GOLDEN;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        z ^= z >> 31;
        double u = (double)(z >> 40) / 16777216.0, value = stats->mean + scale * (2 * u - 1);
        if (stats->clipped)
            value = value < stats->min ? stats->min : value > stats->max ? stats->max : value;
        out[i] = (float)value;
    }
}

void support_synth_input(const char *name, const int64_t *dims, int rank, double std, float *out)
{
    struct statistics stats = {.std = std};
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    uint64_t hash = hash_bytes(0xCBF29CE484222325ull, "input:", 6);
    fill_noise(out, count, hash_bytes(hash, name, strlen(name)), &stats);
}

/* A tensor's name with the names of the nodes whose graphs hold it. */
struct path {
    char text[512];
    size_t size;
};

static struct path path_add(const struct path *path, const char *between, struct onnx_string name)
{
    struct path longer;
    int length = snprintf(longer.text, sizeof longer.text, "%.*s%s%.*s", (int)path->size,
                          path->text, between, (int)name.size, name.data);
    assert_in_range(length, 0, sizeof longer.text - 1);
    longer.size = (size_t)length;
    return longer;
}

static void fill_tensor(const base_json_value *all, const struct path *path,
                        const struct onnx_tensor *tensor)
{
    const base_json_value *entry = base_json_get(all, path->text);
    struct statistics stats = {0};
    double *const fields[] = {&stats.mean, &stats.std, &stats.min, &stats.max};
    if (!entry)
        return;
    size_t given = base_json_count(entry), count = tensor->size / sizeof(float);
    assert_true(given == 2 || given == 4);
    for (size_t i = 0; i < given; i++)
        assert_int_equal(base_json_as_float(base_json_at(entry, i), path->text, fields[i]), 0);
    stats.clipped = given == 4;
    assert_int_equal(tensor->dtype, STANCE_FLOAT32);
    assert_int_equal(tensor->storage, ONNX_RAW);
    float *values = base_alloc(tensor->size);
    assert_non_null(values);
    fill_noise(values, count, hash_bytes(0xCBF29CE484222325ull, path->text, path->size), &stats);
    memcpy((void *)(uintptr_t)tensor->data, values, tensor->size);
    base_free(values);
}

static void fill_graph(const base_json_value *all, const struct path *prefix,
                       const struct onnx_graph *graph)
{
    for (size_t i = 0; i < graph->initializer_count; i++) {
        struct path path = path_add(prefix, "", graph->initializers[i].name);
        fill_tensor(all, &path, &graph->initializers[i]);
    }
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct onnx_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->attribute_count; k++) {
            const struct onnx_attribute *attribute = &node->attributes[k];
            if (attribute->t && onnx_string_equal(node->type, "Constant") &&
                onnx_string_equal(attribute->name, "value")) {
                struct path path = path_add(prefix, "const:", node->outputs[0]);
                fill_tensor(all, &path, attribute->t);
            }
            if (attribute->g) {
                struct path path = path_add(prefix, "", node->name);
                path = path_add(&path, "/", (struct onnx_string){"", 0});
                fill_graph(all, &path, attribute->g);
            }
        }
    }
}

/* The weights are written over the zeros of the bytes that `model` was read from. */
static void fill_model(const struct onnx_model *model)
{
    const struct onnx_string *text = onnx_model_property(model, "synth.v1");
    struct base_json_doc *doc;
    struct path empty = {.size = 0};
    assert_non_null(text);
    assert_int_equal(base_json_parse(&doc, text->data, text->size, 1 << 20, "synth.v1"), 0);
    fill_graph(base_json_root(doc), &empty, model->graph);
    base_json_doc_close(&doc);
}

static void decompress(const struct base_mapping *packed, struct base_buffer *out)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    assert_int_equal(lzma_stream_decoder(&stream, (uint64_t)256 << 20, 0), LZMA_OK);
    stream.next_in = packed->data;
    stream.avail_in = packed->size;
    lzma_ret code = LZMA_OK;
    while (code == LZMA_OK) {
        assert_int_equal(base_buffer_reserve(out, 1 << 20), 0);
        stream.next_out = (uint8_t *)out->data + out->size;
        stream.avail_out = 1 << 20;
        code = lzma_code(&stream, LZMA_FINISH);
        out->size += (1 << 20) - stream.avail_out;
    }
    assert_int_equal(code, LZMA_STREAM_END);
    lzma_end(&stream);
}

static void write_model(const struct base_mapping *packed, const char *path)
{
    struct base_buffer bytes;
    struct onnx_model *model;
    base_buffer_init(&bytes, MAX_MODEL_BYTES);
    decompress(packed, &bytes);
    assert_int_equal(onnx_model_parse(&model, bytes.data, bytes.size, NULL), 0);
    fill_model(model);
    onnx_model_close(&model);
    assert_int_equal(base_file_write(path, bytes.data, bytes.size), 0);
    base_buffer_free(&bytes);
}

static void cache_folder(char *folder, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *temporary = getenv("TMPDIR");
    const char *top = cache && cache[0] ? cache : temporary && temporary[0] ? temporary : P_tmpdir;
    int length = snprintf(folder, size, "%s/stance-tests", top);
    assert_in_range(length, 1, size - 1);
    assert_int_equal(base_file_make_folder(folder), 0);
}

bool support_synth_model(const char *name, char *path, size_t size)
{
    char folder[BASE_PATH_BYTES], relative[256], source[BASE_PATH_BYTES];
    struct base_mapping packed;
    snprintf(relative, sizeof relative, "models-structure/%s.onnx.xz", name);
    if (!support_shared_path(source, sizeof source, relative))
        return false;
    assert_int_equal(base_file_map(&packed, source, MAX_MODEL_BYTES), 0);
    cache_folder(folder, sizeof folder);
    /* The name holds a hash of the structure file: a changed one is filled anew. */
    uint64_t hash = hash_bytes(0xCBF29CE484222325ull, packed.data, packed.size);
    int length = snprintf(path, size, "%s/%s-%016llx.onnx", folder, name, (unsigned long long)hash);
    assert_in_range(length, 1, size - 1);
    if (!base_file_exists(path))
        write_model(&packed, path);
    base_file_unmap(&packed);
    return true;
}
