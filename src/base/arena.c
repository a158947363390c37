/* Arena over chunks of growing size. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"

struct chunk {
    struct chunk *next;
    size_t size, used;
    _Alignas(BASE_ALIGN) unsigned char bytes[];
};

struct base_arena {
    struct chunk *chunks;
    size_t limit, used, next_size;
};

int base_arena_open(struct base_arena **out, size_t limit)
{
    *out = NULL;
    struct base_arena *arena = base_alloc_zero(1, sizeof *arena);
    if (!arena)
        return base_error_memory(sizeof *arena, "an arena");
    arena->limit = limit;
    arena->next_size = 16 << 10;
    *out = arena;
    return 0;
}

void base_arena_close(struct base_arena **arena)
{
    if (!*arena)
        return;
    struct chunk *chunk = (*arena)->chunks;
    while (chunk) {
        struct chunk *next = chunk->next;
        base_free(chunk);
        chunk = next;
    }
    base_free(*arena);
    *arena = NULL;
}

static struct chunk *add_chunk(struct base_arena *arena, size_t bytes)
{
    size_t size = bytes > arena->next_size ? bytes : arena->next_size;
    struct chunk *chunk = base_alloc(sizeof *chunk + size);
    if (!chunk) {
        base_error_memory(size, "an arena chunk");
        return NULL;
    }
    chunk->next = arena->chunks;
    chunk->size = size;
    chunk->used = 0;
    arena->chunks = chunk;
    if (arena->next_size < (1 << 20))
        arena->next_size *= 2;
    return chunk;
}

void *base_arena_alloc(struct base_arena *arena, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX / 2) / size) {
        base_error(STANCE_ELIMIT, "arena: %zu × %zu bytes overflow", count, size);
        return NULL;
    }
    size_t bytes = count * size;
    if (bytes > arena->limit || arena->used > arena->limit - bytes) {
        base_error(STANCE_ELIMIT, "arena: more than its limit of %zu bytes", arena->limit);
        return NULL;
    }
    size_t align = bytes >= BASE_ALIGN ? BASE_ALIGN : 16;
    struct chunk *chunk = arena->chunks;
    size_t at = chunk ? (chunk->used + align - 1) / align * align : 0;
    if (!chunk || at > chunk->size || chunk->size - at < bytes) {
        chunk = add_chunk(arena, bytes);
        if (!chunk)
            return NULL;
        at = 0;
    }
    chunk->used = at + bytes;
    arena->used += bytes;
    return memset(chunk->bytes + at, 0, bytes);
}

char *base_arena_string(struct base_arena *arena, const char *bytes, size_t length)
{
    char *copy = base_arena_alloc(arena, length + 1, 1);
    if (copy && length)
        memcpy(copy, bytes, length);
    return copy;
}

char *base_arena_format(struct base_arena *arena, const char *format, ...)
{
    char buffer[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    if (length < 0)
        length = 0;
    if ((size_t)length >= sizeof buffer)
        length = sizeof buffer - 1;
    return base_arena_string(arena, buffer, (size_t)length);
}

size_t base_arena_used(const struct base_arena *arena)
{
    return arena->used;
}
