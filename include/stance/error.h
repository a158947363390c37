/* Errors: every function that can fail returns 0 or a negative STANCE_E… code, and leaves one
 * sentence (what, where, why, what to do) for the calling thread.
 *
 * Threads: codes and sentences belong to the calling thread. */
#ifndef STANCE_ERROR_H
#define STANCE_ERROR_H

#if defined(__GNUC__)
#define STANCE_API __attribute__((visibility("default")))
#else
#define STANCE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, text). The one list of errors; codes never change their value. */
#define STANCE_ERROR_LIST(X)                                                                       \
    X(EARGUMENT, -1, "invalid argument")                                                           \
    X(ENOMEMORY, -2, "out of memory")                                                              \
    X(EIO, -3, "input or output failed")                                                           \
    X(ENOTFOUND, -4, "not found")                                                                  \
    X(EFORMAT, -5, "malformed data")                                                               \
    X(EUNSUPPORTED, -6, "not supported")                                                           \
    X(ELIMIT, -7, "limit exceeded")                                                                \
    X(ESHAPE, -8, "shapes do not fit")                                                             \
    X(ETYPE, -9, "types do not fit")                                                               \
    X(EDEVICE, -10, "device not available")                                                        \
    X(EMODEL, -11, "model not usable for this purpose")                                            \
    X(ECANCELLED, -12, "cancelled")

enum stance_error {
    STANCE_OK = 0,
#define STANCE_ERROR_ENUM(name, value, text) STANCE_##name = value,
    STANCE_ERROR_LIST(STANCE_ERROR_ENUM)
#undef STANCE_ERROR_ENUM
};

/* The sentence of the last error on this thread; "" when there was none. Valid until the next
 * failing call on this thread. UTF-8, at most 1023 bytes, without passwords of addresses. */
STANCE_API const char *stance_error_text(void);

/* In place, everywhere in the text: "rtsp://user:secret@host/1" becomes "rtsp://user:***@host/1" (user
 * information as in RFC 3986, section 3.2.1). It never becomes longer. */
STANCE_API void stance_hide_passwords(char *text);

/* "STANCE_EFORMAT" for STANCE_EFORMAT; "STANCE_OK" for 0; "unknown error" otherwise. Static. */
STANCE_API const char *stance_error_name(int code);

/* The short description of a code ("malformed data"). Static. */
STANCE_API const char *stance_error_describe(int code);

#ifdef __cplusplus
}
#endif
#endif
