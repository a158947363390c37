/* Version of the library. */
#ifndef STANCE_VERSION_H
#define STANCE_VERSION_H

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define STANCE_VERSION_MAJOR 0
#define STANCE_VERSION_MINOR 1
#define STANCE_VERSION_PATCH 0

/* "0.1.0". Static. */
STANCE_API const char *stance_version(void);

#ifdef __cplusplus
}
#endif
#endif
