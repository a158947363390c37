/* A bounded queue on a mutex. */
#include <stdlib.h>

#include "queue.h"

bool queue_open(struct queue *queue, int capacity)
{
    *queue = (struct queue){.capacity = capacity};
    queue->items = calloc((size_t)capacity, sizeof queue->items[0]);
    if (!queue->items)
        return false;
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
    return true;
}

void queue_destroy(struct queue *queue)
{
    if (!queue->items)
        return;
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    free(queue->items);
    queue->items = NULL;
}

bool queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == queue->capacity && !queue->closed)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    bool open = !queue->closed;
    if (open)
        queue->items[(queue->first + queue->count++) % queue->capacity] = item;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    return open;
}

static void *take(struct queue *queue, bool waits)
{
    void *item = NULL;
    pthread_mutex_lock(&queue->mutex);
    while (waits && queue->count == 0 && !queue->closed)
        pthread_cond_wait(&queue->changed, &queue->mutex);
    if (queue->count) {
        item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
    }
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    return item;
}

void *queue_pop(struct queue *queue)
{
    return take(queue, true);
}

void *queue_try(struct queue *queue)
{
    return take(queue, false);
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}
