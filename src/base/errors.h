/* Setting the error sentence of the calling thread. The public side is stance/error.h. */
#ifndef BASE_ERRORS_H
#define BASE_ERRORS_H

#include <stddef.h>

#include "stance/error.h"

/* For symbols that libstance-media needs from libstance: exported, but under the private version
 * node and without promises. */
#define STANCE_PRIVATE STANCE_API

#if defined(__GNUC__)
#define BASE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define BASE_PRINTF(text, first)
#endif

/* Sets the sentence and returns `code`, so that `return base_error(STANCE_EIO, "…");` reads. Passwords in
 * addresses are hidden. */
STANCE_PRIVATE int base_error(int code, const char *format, ...) BASE_PRINTF(2, 3);

/* Puts "context: " before the present sentence and returns `code`. */
STANCE_PRIVATE int base_error_context(int code, const char *format, ...) BASE_PRINTF(2, 3);

/* base_error(STANCE_ENOMEMORY, …) for a failed allocation of `bytes` for `what`. */
STANCE_PRIVATE int base_error_memory(size_t bytes, const char *what);

/* Forwards an error: the happy path reads without branches. */
#define BASE_TRY(call)                                                                             \
    do {                                                                                           \
        int base_try_code = (call);                                                                \
        if (BASE_FAILED(base_try_code))                                                            \
            return base_try_code;                                                                  \
    } while (0)

/* The analyser looks at one file at a time: it is told that errors are negative and that no code is
 * positive. */
#if defined(__clang_analyzer__)
#define base_error(...) ((void)(base_error)(__VA_ARGS__), -1)
#define base_error_context(...) ((void)(base_error_context)(__VA_ARGS__), -1)
#define base_error_memory(...) ((void)(base_error_memory)(__VA_ARGS__), -1)
#define BASE_FAILED(code) ((code) != 0)
#else
#define BASE_FAILED(code) ((code) < 0)
#endif

#endif
