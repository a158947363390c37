/* The version, from the build. */
#include "stance/version.h"

const char *stance_version(void)
{
    return STANCE_VERSION;
}
