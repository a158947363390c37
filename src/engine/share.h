/* Work beside a network on its session's threads, which have nothing to do meanwhile. */
#ifndef ENGINE_SHARE_H
#define ENGINE_SHARE_H

#include "base/pool.h"
#include "stance/session.h"

/* Runs fn for part = 0 … parts-1 and returns when all are done. From the thread that the session belongs
 * to, not while it runs. */
void engine_session_share(struct stance_session *session, base_pool_fn *fn, void *context,
                          int parts);

#endif
