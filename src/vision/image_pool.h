/* Pictures that come and go with the frames of a stream: their memory is used again, so that
 * nothing is allocated while frames flow.
 *
 * Pictures out of a pool are ordinary ones; the last stance_image_close() brings them back, from
 * any thread. They may outlive the pool's handle. */
#ifndef VISION_IMAGE_POOL_H
#define VISION_IMAGE_POOL_H

#include "base/errors.h"
#include "stance/image.h"

struct vision_pool;

/* `limit`: most pictures that may be in use at once. Errors: ENOMEMORY. */
STANCE_PRIVATE int vision_pool_open(struct vision_pool **out, int limit);
/* NULL allowed; sets NULL. */
STANCE_PRIVATE void vision_pool_close(struct vision_pool **pool);

/* A picture with undefined pixels. Errors: those of stance_image_open(), ELIMIT when too many are
 * in use. */
STANCE_PRIVATE int vision_pool_take(struct vision_pool *pool, struct stance_image **out, int format,
                                    int width, int height);

/* A picture over planes of somebody else: `release(context)` is called once, when its last
 * reference goes. On error nothing is released. Errors: EARGUMENT, ELIMIT, ENOMEMORY. */
STANCE_PRIVATE int vision_pool_wrap(struct vision_pool *pool, struct stance_image **out,
                                    const struct stance_image *view, void (*release)(void *),
                                    void *context);

/* For image.c: the block behind a counted picture; own pixels follow it. */
struct vision_owner;
void vision_pool_give_back(struct vision_pool *pool, struct vision_owner *owner);

#endif
