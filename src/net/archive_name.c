/* Names inside of archives. */
#include <string.h>

#include "net/archive.h"

bool net_archive_is_inside(const char *name)
{
    if (!name[0] || name[0] == '/' || strchr(name, '\\') || (name[0] && name[1] == ':'))
        return false;
    for (const char *at = name; *at; at += strcspn(at, "/"), at += strspn(at, "/"))
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2]))
            return false;
    return true;
}
