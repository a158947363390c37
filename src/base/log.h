/* Messages for the person who runs the program, not results. To stderr unless redirected.
 *
 * Threads: logging from any; set the handler and the level before other threads start. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/errors.h"

enum base_log_level {
    BASE_LOG_ERROR,
    BASE_LOG_WARN,
    BASE_LOG_INFO,
    BASE_LOG_DEBUG,
};

/* `text`: one line without the line feed. */
typedef void base_log_fn(void *context, enum base_log_level level, const char *text);

/* NULL brings back stderr. */
STANCE_PRIVATE void base_log_handler(base_log_fn *handler, void *context);
/* Messages above this level are dropped. At first BASE_LOG_WARN. */
STANCE_PRIVATE void base_log_limit(enum base_log_level level);
/* At most 1023 bytes are kept. */
STANCE_PRIVATE void base_log(enum base_log_level level, const char *format, ...) BASE_PRINTF(2, 3);

#endif
