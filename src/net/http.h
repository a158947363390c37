/* HTTP: one request, one answer in memory, everything limited. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>

#include "base/buffer.h"

struct net_limits {
    int connect_ms; /* until the server has accepted the connection */
    int total_ms;   /* until the last byte is here, redirects included */
};

/* Whether `text` begins with http:// or https://. */
bool net_is_address(const char *text);

/* Appends what `url` answers to `out`, within the buffer's limit. Follows at most five redirects,
 * only to http and https and never from https back to http; proxies as the environment says
 * (http_proxy, https_proxy, no_proxy). An answer that breaks off is an error, and then `out` may
 * hold a part of it.
 * Errors: EARGUMENT (no http address), ENOTFOUND (404, 410), ELIMIT (too large, too many redirects),
 * EIO (everything else on the way), EUNSUPPORTED (built without network, or no libcurl here),
 * ENOMEMORY. */
int net_http_get(struct base_buffer *out, const char *url, const struct net_limits *limits);

#endif
