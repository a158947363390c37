/* The idle pictures of a stream, and how many are in use. */
#include <pthread.h>
#include <stdbool.h>

#include "vision/image_owner.h"
#include "vision/image_pool.h"
#include "vision/pixel.h"

enum { MOST_IDLE = 32 };

/* `lock` guards everything. The pool ends when its handle is closed and the last picture is
 * back. */
struct vision_pool {
    pthread_mutex_t lock;
    struct vision_owner *idle;
    int idle_count, used, limit;
    bool closed;
};

int vision_pool_open(struct vision_pool **out, int limit)
{
    *out = NULL;
    struct vision_pool *pool = base_alloc_zero(1, sizeof *pool);
    if (!pool)
        return base_error_memory(sizeof *pool, "a pool of pictures");
    pthread_mutex_init(&pool->lock, NULL);
    pool->limit = limit;
    *out = pool;
    return 0;
}

static void free_idle(struct vision_pool *pool)
{
    while (pool->idle) {
        struct vision_owner *owner = pool->idle;
        pool->idle = owner->next;
        base_free(owner);
    }
    pool->idle_count = 0;
}

static void free_pool(struct vision_pool *pool)
{
    pthread_mutex_destroy(&pool->lock);
    base_free(pool);
}

void vision_pool_close(struct vision_pool **handle)
{
    struct vision_pool *pool = *handle;
    *handle = NULL;
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    free_idle(pool);
    pool->closed = true;
    bool last = pool->used == 0;
    pthread_mutex_unlock(&pool->lock);
    if (last)
        free_pool(pool);
}

void vision_pool_give_back(struct vision_pool *pool, struct vision_owner *owner)
{
    pthread_mutex_lock(&pool->lock);
    bool keep = !pool->closed && pool->idle_count < MOST_IDLE;
    if (keep) {
        owner->next = pool->idle;
        pool->idle = owner;
        pool->idle_count++;
    }
    pool->used--;
    bool last = pool->closed && pool->used == 0;
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        base_free(owner);
    if (last)
        free_pool(pool);
}

/* An idle block with room for `bytes` that is not wastefully large; NULL where there is none. */
static struct vision_owner *find_idle(struct vision_pool *pool, size_t bytes)
{
    for (struct vision_owner **at = &pool->idle; *at; at = &(*at)->next) {
        struct vision_owner *owner = *at;
        if (owner->capacity < bytes || owner->capacity / 2 > bytes)
            continue;
        *at = owner->next;
        pool->idle_count--;
        return owner;
    }
    return NULL;
}

/* One more block in use. When nothing fits, what lies idle is of a size gone by. */
static int take_block(struct vision_pool *pool, struct vision_owner **out, size_t bytes)
{
    pthread_mutex_lock(&pool->lock);
    bool full = pool->used >= pool->limit;
    struct vision_owner *owner = full ? NULL : find_idle(pool, bytes);
    if (!full && !owner && pool->idle_count == MOST_IDLE)
        free_idle(pool);
    pool->used += !full;
    pthread_mutex_unlock(&pool->lock);
    if (full)
        return base_error(STANCE_ELIMIT, "%d pictures of this stream are in use; close some",
                          pool->limit);
    if (owner) {
        owner->release = NULL;
        atomic_store_explicit(&owner->references, 1, memory_order_relaxed);
    } else if (!(owner = vision_owner_open(bytes))) {
        pthread_mutex_lock(&pool->lock);
        pool->used--;
        pthread_mutex_unlock(&pool->lock);
        return STANCE_ENOMEMORY;
    }
    owner->pool = pool;
    *out = owner;
    return 0;
}

int vision_pool_take(struct vision_pool *pool, struct stance_image **out, int format, int width,
                     int height)
{
    *out = NULL;
    BASE_TRY(vision_check_size(format, width, height));
    struct vision_owner *owner;
    BASE_TRY(take_block(pool, &owner, vision_image_bytes(format, width, height)));
    vision_owner_lay_out(owner, format, width, height);
    *out = &owner->image;
    return 0;
}

int vision_pool_wrap(struct vision_pool *pool, struct stance_image **out,
                     const struct stance_image *view, void (*release)(void *), void *context)
{
    *out = NULL;
    BASE_TRY(vision_image_check(view));
    struct vision_owner *owner;
    BASE_TRY(take_block(pool, &owner, 0));
    owner->image = *view;
    owner->image.owner = owner;
    owner->release = release;
    owner->context = context;
    *out = &owner->image;
    return 0;
}
