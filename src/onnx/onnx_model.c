/* A model's life: opening, references, end; and lookups by name. */
#include <string.h>

#include "base/memory.h"
#include "onnx/onnx_source.h"

int onnx_source_alloc(struct onnx_source *source, size_t count, size_t size, void *out)
{
    size_t left = ONNX_MAX_ARENA - base_arena_used(source->arena);
    if (count > left / size)
        return base_error(STANCE_ELIMIT, "the model's structure needs more than %zu MiB",
                          ONNX_MAX_ARENA >> 20);
    void *block = base_arena_alloc(source->arena, count, size);
    if (!block)
        return STANCE_ENOMEMORY;
    memcpy(out, &block, sizeof block);
    return 0;
}

static void source_close(struct onnx_source *source)
{
    onnx_external_close(source);
    pthread_mutex_destroy(&source->mutex);
    base_file_unmap(&source->mapping);
    base_buffer_free(&source->owned);
    struct base_arena *arena = source->arena;
    base_arena_close(&arena);
}

/* Makes an empty model: both structs live in the model's own arena. */
static int make_model(struct onnx_model **out, const char *folder, size_t folder_size)
{
    struct base_arena *arena;
    BASE_TRY(base_arena_open(&arena, ONNX_MAX_ARENA));
    struct onnx_model *model = base_arena_alloc(arena, 1, sizeof *model);
    struct onnx_source *source = base_arena_alloc(arena, 1, sizeof *source);
    const char *copy = folder ? base_arena_string(arena, folder, folder_size) : NULL;
    if (!model || !source || (folder && !copy)) {
        base_arena_close(&arena);
        return STANCE_ENOMEMORY;
    }
    if (pthread_mutex_init(&source->mutex, NULL) != 0) {
        base_arena_close(&arena);
        return base_error(STANCE_ENOMEMORY, "cannot make a lock for a model");
    }
    source->arena = arena;
    source->folder = copy;
    atomic_init(&source->references, 1);
    model->source = source;
    *out = model;
    return 0;
}

int onnx_model_open(struct onnx_model **out, const char *path)
{
    *out = NULL;
    const char *slash = strrchr(path, '/');
    struct onnx_model *model;
    if (slash)
        BASE_TRY(make_model(&model, path, slash == path ? 1 : (size_t)(slash - path)));
    else
        BASE_TRY(make_model(&model, ".", 1));
    struct base_mapping *mapping = &model->source->mapping;
    int code = base_file_map(mapping, path, ONNX_MAX_BYTES);
    if (code == 0) {
        code = onnx_read_model(model, mapping->data, mapping->size);
        if (code < 0)
            base_error_context(code, "'%s'", path);
    }
    if (code < 0)
        source_close(model->source);
    else
        *out = model;
    return code;
}

int onnx_model_parse(struct onnx_model **out, const void *data, size_t size, const char *folder)
{
    *out = NULL;
    if (!data || size == 0)
        return base_error(STANCE_EFORMAT, "an empty file is no ONNX model");
    if (size > ONNX_MAX_BYTES)
        return base_error(STANCE_ELIMIT, "a model of %zu bytes; at most %zu are read", size,
                          ONNX_MAX_BYTES);
    struct onnx_model *model;
    BASE_TRY(make_model(&model, folder, folder ? strlen(folder) : 0));
    int code = onnx_read_model(model, data, size);
    if (code < 0)
        source_close(model->source);
    else
        *out = model;
    return code;
}

int onnx_model_take(struct onnx_model **out, struct base_buffer *bytes)
{
    int code = onnx_model_parse(out, bytes->data, bytes->size, NULL);
    if (code != 0) {
        base_buffer_free(bytes);
        return code;
    }
    (*out)->source->owned = *bytes;
    base_buffer_init(bytes, bytes->limit);
    return 0;
}

void onnx_model_forget(const struct onnx_model *model)
{
    struct onnx_source *source = model->source;
    base_file_forget(&source->mapping);
    pthread_mutex_lock(&source->mutex);
    for (const struct onnx_external *file = source->externals; file; file = file->next)
        base_file_forget(&file->mapping);
    pthread_mutex_unlock(&source->mutex);
}

struct onnx_model *onnx_model_keep(struct onnx_model *model)
{
    atomic_fetch_add_explicit(&model->source->references, 1, memory_order_relaxed);
    return model;
}

void onnx_model_close(struct onnx_model **handle)
{
    struct onnx_model *model = *handle;
    *handle = NULL;
    if (!model)
        return;
    struct onnx_source *source = model->source;
    if (atomic_fetch_sub_explicit(&source->references, 1, memory_order_acq_rel) == 1)
        source_close(source);
}

bool onnx_string_equal(struct onnx_string string, const char *text)
{
    return string.size == strlen(text) && memcmp(string.data, text, string.size) == 0;
}

int64_t onnx_model_opset(const struct onnx_model *model, const char *domain)
{
    for (size_t i = 0; i < model->opset_count; i++)
        if (onnx_string_equal(model->opsets[i].domain, domain))
            return model->opsets[i].version;
    return 0;
}

const struct onnx_string *onnx_model_property(const struct onnx_model *model, const char *key)
{
    for (size_t i = 0; i < model->property_count; i++)
        if (onnx_string_equal(model->properties[i].key, key))
            return &model->properties[i].value;
    return NULL;
}
