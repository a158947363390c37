/* HTTP: one request, one answer in memory or in a file, everything limited. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct net_limits {
    int connect_ms; /* until the server has accepted the connection */
    int total_ms;   /* until the last byte is here, redirects included; 0: no limit */
    int stall_s;    /* without a byte; 0: 20 */
};

/* Whether `text` begins with http:// or https://. */
bool net_is_address(const char *text);

/* Appends what `url` answers to `out`, within the buffer's limit. Follows at most five redirects,
 * only to http and https and never from https back to http; proxies as the environment says
 * (http_proxy, https_proxy, no_proxy). An answer that breaks off is an error, and then `out` may
 * hold a part of it.
 * Errors: EARGUMENT (no http address), ENOTFOUND (404, 410), ELIMIT (too large, too many
 * redirects), EIO (everything else on the way), EUNSUPPORTED (built without network, or no libcurl
 * here), ENOMEMORY. */
int net_http_get(struct base_buffer *out, const char *url, const struct net_limits *limits);

/* A download into a file. */
struct net_save {
    const char *url;
    const char *path; /* of the file; PATH.tag beside it says which version it is a part of */
    size_t limit;     /* most bytes */
    struct net_limits limits;
    /* Told now and then; `total` is 0 while it is not known. Anything but 0 ends the download with
     * ECANCELLED. NULL: nobody is told. */
    int (*progress)(void *context, int64_t done, int64_t total);
    void *context;
};

/* Downloads a file, going on behind what an earlier call left of the same version (the server's
 * ETag or Last-Modified decides; a server that cannot go on starts anew, and so does one that goes
 * on elsewhere or in another version). What has come stays in `path` when the connection breaks, so
 * that another call can go on; the tag is gone once the file is whole. The caller sees to it that
 * nobody else writes `path` meanwhile. Redirects and proxies as net_http_get(). Errors: those of
 * net_http_get(), ECANCELLED, and EIO also when the file cannot be written. */
int net_http_save(const struct net_save *save);

#endif
