/* A bounded queue between two threads. */
#ifndef CLI_QUEUE_H
#define CLI_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void **items; /* [capacity] */
    int first, count, capacity;
    bool closed;
};

/* False: out of memory. */
bool queue_open(struct queue *queue, int capacity);
/* Also of one that is all zero. */
void queue_destroy(struct queue *queue);

/* Waits while it is full; false when it was closed: the item is not in it. */
bool queue_push(struct queue *queue, void *item);
/* Waits while it is empty; NULL when it is empty and closed. */
void *queue_pop(struct queue *queue);
/* The same without waiting; NULL when it is empty. */
void *queue_try(struct queue *queue);
/* Nothing more goes in; what is in it can still be taken. */
void queue_close(struct queue *queue);

#endif
