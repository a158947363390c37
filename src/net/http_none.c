/* HTTP in a build without network (-Dnet=disabled): an error that says so. */
#include "net/http.h"

int net_http_get(struct base_buffer *out, const char *url, const struct net_limits *limits)
{
    return base_error(STANCE_EUNSUPPORTED,
                      "cannot fetch '%s': this stance was built without network (-Dnet=disabled)",
                      url);
}

int net_http_save(const struct net_save *save)
{
    return base_error(STANCE_EUNSUPPORTED,
                      "cannot fetch '%s': this stance was built without network (-Dnet=disabled)",
                      save->url);
}
