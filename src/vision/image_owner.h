/* The block behind a counted picture, shared by image.c and image_pool.c. */
#ifndef VISION_IMAGE_OWNER_H
#define VISION_IMAGE_OWNER_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/memory.h"
#include "stance/image.h"

struct vision_pool;

struct vision_owner {
    struct stance_image image;
    atomic_int references;
    struct vision_pool *pool;  /* where it goes when nobody needs it; NULL: the heap */
    struct vision_owner *next; /* among the idle ones */
    size_t capacity;           /* bytes of pixels that follow the header */
    void (*release)(void *);   /* for pixels of somebody else */
    void *context;
};

enum {
    VISION_OWNER_BYTES = (sizeof(struct vision_owner) + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN
};

/* With one reference and room for `pixels` bytes; NULL after an error. */
struct vision_owner *vision_owner_open(size_t pixels);

/* Errors: EARGUMENT, ELIMIT. */
int vision_check_size(int format, int width, int height);

/* Bytes of pixels that a picture of its own memory takes. */
size_t vision_image_bytes(int format, int width, int height);

/* Lays the planes into the pixels that follow the header. */
void vision_owner_lay_out(struct vision_owner *owner, int format, int width, int height);

#endif
