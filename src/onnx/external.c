/* External data: files next to the model, mapped once, never outside the model's folder. */
#include <string.h>

#include "base/memory.h"
#include "onnx/onnx_source.h"

static int check_location(const struct onnx_source *source, const struct onnx_tensor *tensor,
                          char location[BASE_PATH_BYTES])
{
    if (!source->folder)
        return base_error(STANCE_EUNSUPPORTED,
                          "its values are in the file '%.*s', but the model came without a folder",
                          ONNX_TEXT(tensor->location));
    if (tensor->location.size >= BASE_PATH_BYTES)
        return base_error(STANCE_ELIMIT, "the name of its file is too long");
    if (memchr(tensor->location.data, 0, tensor->location.size))
        return base_error(STANCE_EFORMAT, "the name of its file contains a NUL byte");
    memcpy(location, tensor->location.data, tensor->location.size);
    location[tensor->location.size] = 0;
    return 0;
}

static int map_external(struct onnx_source *source, const char *location,
                        struct onnx_external **out)
{
    char path[BASE_PATH_BYTES];
    int code = base_file_resolve(path, source->folder, location);
    if (code < 0)
        return code == STANCE_EARGUMENT ? STANCE_EFORMAT : code;
    size_t bytes = strlen(location) + 1;
    struct onnx_external *external = base_alloc_zero(1, sizeof *external + bytes);
    if (!external)
        return base_error_memory(bytes, "the name of an external file");
    memcpy(external->location, location, bytes);
    code = base_file_map(&external->mapping, path, ONNX_MAX_BYTES);
    if (code < 0) {
        base_free(external);
        return code;
    }
    *out = external;
    return 0;
}

/* Finds or maps the file; the caller holds the lock. */
static int find_external(struct onnx_source *source, const char *location,
                         struct onnx_external **out)
{
    for (struct onnx_external *at = source->externals; at; at = at->next)
        if (strcmp(at->location, location) == 0) {
            *out = at;
            return 0;
        }
    BASE_TRY(map_external(source, location, out));
    (*out)->next = source->externals;
    source->externals = *out;
    return 0;
}

int onnx_external_data(struct onnx_source *source, const struct onnx_tensor *tensor,
                       const unsigned char **data, size_t *size)
{
    char location[BASE_PATH_BYTES];
    struct onnx_external *external = NULL;
    BASE_TRY(check_location(source, tensor, location));
    pthread_mutex_lock(&source->mutex);
    int code = find_external(source, location, &external);
    pthread_mutex_unlock(&source->mutex);
    if (code < 0)
        return code;
    size_t whole = external->mapping.size;
    uint64_t offset = tensor->external_offset;
    if (offset > whole)
        return base_error(STANCE_EFORMAT, "its values begin at byte %llu of '%s', which has %zu",
                          (unsigned long long)offset, location, whole);
    uint64_t left = whole - offset;
    if (tensor->external_size != UINT64_MAX && tensor->external_size > left)
        return base_error(STANCE_EFORMAT, "its %llu bytes at byte %llu of '%s' are not there",
                          (unsigned long long)tensor->external_size, (unsigned long long)offset,
                          location);
    *data = external->mapping.data + offset;
    *size = (size_t)(tensor->external_size < left ? tensor->external_size : left);
    return 0;
}

void onnx_external_close(struct onnx_source *source)
{
    while (source->externals) {
        struct onnx_external *external = source->externals;
        source->externals = external->next;
        base_file_unmap(&external->mapping);
        base_free(external);
    }
}
