/* Finding the user information of addresses in a text. */
#include <string.h>

#include "stance/error.h"

/* What is between the first ':' and the last '@' of an authority becomes at most three stars. Returns
 * where the rest of the text begins. */
static char *hide(char *authority)
{
    char *end = authority + strcspn(authority, "/?# \t\r\n");
    char *at = end, *colon = memchr(authority, ':', (size_t)(end - authority));
    while (at > authority && *at != '@')
        at--;
    if (*at != '@' || !colon || colon > at)
        return end;
    size_t length = (size_t)(at - colon - 1), stars = length < 3 ? length : 3;
    memset(colon + 1, '*', stars);
    memmove(colon + 1 + stars, at, strlen(at) + 1);
    return end - (length - stars);
}

void stance_hide_passwords(char *text)
{
    for (char *found = text; (found = strstr(found, "://"));)
        found = hide(found + 3);
}
