/* Growing byte buffer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

void base_buffer_init(struct base_buffer *buffer, size_t limit)
{
    *buffer = (struct base_buffer){.limit = limit};
}

void base_buffer_free(struct base_buffer *buffer)
{
    base_free(buffer->data);
    base_buffer_init(buffer, buffer->limit);
}

int base_buffer_reserve(struct base_buffer *buffer, size_t bytes)
{
    if (bytes > buffer->limit || buffer->size > buffer->limit - bytes)
        return base_error(STANCE_ELIMIT, "a buffer would outgrow its limit of %zu bytes",
                          buffer->limit);
    size_t needed = buffer->size + bytes + 1;
    if (needed <= buffer->capacity)
        return 0;
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
    if (capacity > buffer->limit + 1)
        capacity = buffer->limit + 1;
    if (capacity < needed)
        capacity = needed;
    char *data = base_realloc(buffer->data, buffer->size, capacity);
    if (!data)
        return base_error_memory(capacity, "a buffer");
    buffer->data = data;
    buffer->capacity = capacity;
    data[buffer->size] = 0;
    return 0;
}

int base_buffer_append(struct base_buffer *buffer, const void *data, size_t bytes)
{
    BASE_TRY(base_buffer_reserve(buffer, bytes));
    if (bytes)
        memcpy(buffer->data + buffer->size, data, bytes);
    buffer->size += bytes;
    buffer->data[buffer->size] = 0;
    return 0;
}

int base_buffer_format(struct base_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    int code = length < 0 ? base_error(STANCE_EARGUMENT, "cannot format text")
                          : base_buffer_reserve(buffer, (size_t)length);
    if (code == 0) {
        vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
    return code;
}
