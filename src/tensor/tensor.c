/* Reference-counted tensor contents. */
#include <string.h>

#include "base/memory.h"
#include "tensor/storage.h"

int64_t stance_tensor_count(const struct stance_tensor *tensor)
{
    struct tensor_shape shape = tensor_shape_of(tensor);
    int64_t count;
    return tensor_shape_count(&shape, &count) == 0 ? count : 0;
}

size_t tensor_bytes(const struct stance_tensor *view)
{
    return (size_t)stance_tensor_count(view) * stance_dtype_size(view->dtype);
}

int tensor_open(struct tensor **out, int dtype, const struct tensor_shape *shape)
{
    *out = NULL;
    int64_t count;
    BASE_TRY(tensor_shape_count(shape, &count));
    if (stance_dtype_size(dtype) == 0)
        return base_error(STANCE_ETYPE, "element type %d is not known", dtype);
    size_t bytes = (size_t)count * stance_dtype_size(dtype);
    void *data = base_alloc(bytes);
    if (!data)
        return base_error_memory(bytes, "a tensor");
    struct stance_tensor view = {.dtype = dtype, .rank = shape->rank, .data = data};
    memcpy(view.dims, shape->dims, sizeof view.dims);
    int code = tensor_wrap(out, &view, NULL, NULL);
    if (code < 0)
        base_free(data);
    else
        (*out)->owned = data;
    return code;
}

int tensor_wrap(struct tensor **out, const struct stance_tensor *view, void (*release)(void *),
                void *context)
{
    *out = NULL;
    struct tensor *tensor = base_alloc_zero(1, sizeof *tensor);
    if (!tensor)
        return base_error_memory(sizeof *tensor, "a tensor");
    tensor->view = *view;
    atomic_init(&tensor->references, 1);
    tensor->release = release;
    tensor->context = context;
    *out = tensor;
    return 0;
}

struct tensor *tensor_keep(struct tensor *tensor)
{
    atomic_fetch_add_explicit(&tensor->references, 1, memory_order_relaxed);
    return tensor;
}

void tensor_close(struct tensor **handle)
{
    struct tensor *tensor = *handle;
    *handle = NULL;
    if (!tensor || atomic_fetch_sub_explicit(&tensor->references, 1, memory_order_acq_rel) != 1)
        return;
    if (tensor->release)
        tensor->release(tensor->context);
    base_free(tensor->owned);
    base_free(tensor);
}
