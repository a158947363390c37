/* Block stacks for run-time results and scratch, and the doors through which operators reach them.
 */
#include <string.h>

#include "base/memory.h"
#include "engine/op_memory.h"

/* Smallest block: many small scratch requests share one. */
enum { BLOCK_BYTES = 64 << 10 };

struct engine_memory_block {
    struct engine_memory_block *next;
    size_t size;
    unsigned char *data;
};

struct stack {
    struct engine_memory_block *first, *at; /* at: block in use, NULL before the first */
    size_t block_used;
};

struct engine_memory {
    struct stack results, scratch;
    size_t limit, held;
    int code;
};

int engine_memory_open(struct engine_memory **out, size_t limit)
{
    *out = base_alloc_zero(1, sizeof **out);
    if (!*out)
        return base_error_memory(sizeof **out, "operator memory");
    (*out)->limit = limit;
    return 0;
}

static void free_blocks(struct engine_memory *memory, struct stack *stack)
{
    while (stack->first) {
        struct engine_memory_block *next = stack->first->next;
        memory->held -= stack->first->size;
        base_free(stack->first->data);
        base_free(stack->first);
        stack->first = next;
    }
    stack->at = NULL;
    stack->block_used = 0;
}

void engine_memory_close(struct engine_memory **memory)
{
    if (!*memory)
        return;
    free_blocks(*memory, &(*memory)->results);
    free_blocks(*memory, &(*memory)->scratch);
    base_free(*memory);
    *memory = NULL;
}

/* Appends a block behind all others and makes it the one in use. */
static int add_block(struct engine_memory *memory, struct stack *stack, size_t bytes)
{
    if (bytes > memory->limit - memory->held)
        return base_error(STANCE_ELIMIT,
                          "%zu bytes of operator memory more than the %zu in use: the limit is %zu",
                          bytes, memory->held, memory->limit);
    struct engine_memory_block *block = base_alloc_zero(1, sizeof *block);
    if (!block)
        return base_error_memory(sizeof *block, "operator memory");
    block->data = base_alloc(bytes);
    if (!block->data) {
        base_free(block);
        return base_error_memory(bytes, "operator memory");
    }
    block->size = bytes;
    memory->held += bytes;
    struct engine_memory_block **end = &stack->first;
    while (*end)
        end = &(*end)->next;
    *end = block;
    stack->at = block;
    stack->block_used = 0;
    return 0;
}

/* Moves on to the next block that has room. */
static int find_room(struct engine_memory *memory, struct stack *stack, size_t bytes)
{
    if (stack->at && stack->at->size - stack->block_used >= bytes)
        return 0;
    struct engine_memory_block *block = stack->at ? stack->at->next : stack->first;
    while (block && block->size < bytes)
        block = block->next;
    if (!block) {
        size_t room = memory->limit - memory->held;
        size_t size = bytes >= BLOCK_BYTES || room < BLOCK_BYTES ? bytes : BLOCK_BYTES;
        return add_block(memory, stack, size);
    }
    stack->at = block;
    stack->block_used = 0;
    return 0;
}

static void *take(struct engine_memory *memory, struct stack *stack, size_t bytes)
{
    if (bytes > memory->limit) {
        memory->code = base_error(STANCE_ELIMIT, "%zu bytes of operator memory: the limit is %zu",
                                  bytes, memory->limit);
        return NULL;
    }
    bytes = bytes ? (bytes + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN : BASE_ALIGN;
    int code = find_room(memory, stack, bytes);
    if (code < 0) {
        memory->code = code;
        return NULL;
    }
    void *data = stack->at->data + stack->block_used;
    stack->block_used += bytes;
    return data;
}

static void wind_back(struct stack *stack)
{
    stack->at = NULL;
    stack->block_used = 0;
}

void *engine_memory_alloc(struct engine_memory *memory, size_t bytes)
{
    return take(memory, &memory->results, bytes);
}

void *engine_memory_scratch(struct engine_memory *memory, size_t bytes)
{
    return take(memory, &memory->scratch, bytes);
}

void engine_memory_end_call(struct engine_memory *memory)
{
    wind_back(&memory->scratch);
}

void engine_memory_reset(struct engine_memory *memory)
{
    wind_back(&memory->results);
    wind_back(&memory->scratch);
}

size_t engine_memory_held(const struct engine_memory *memory)
{
    return memory->held;
}

int engine_memory_code(const struct engine_memory *memory)
{
    return memory->code;
}

int engine_call_allocate(struct engine_call *call, int output, int dtype,
                         const struct tensor_shape *shape)
{
    struct stance_tensor *out = &call->out[output];
    int64_t count;
    BASE_TRY(tensor_shape_count(shape, &count));
    size_t size = stance_dtype_size(dtype);
    if (size == 0)
        return base_error(STANCE_ETYPE, "element type %d is not known", dtype);
    void *data = engine_memory_alloc(call->memory, (size_t)count * size);
    if (!data)
        return engine_memory_code(call->memory);
    *out = (struct stance_tensor){.dtype = dtype, .rank = shape->rank, .data = data};
    memcpy(out->dims, shape->dims, sizeof out->dims);
    return 0;
}

void *engine_call_scratch(struct engine_call *call, size_t bytes)
{
    return engine_memory_scratch(call->memory, bytes);
}
