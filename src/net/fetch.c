/* Files from the web for users of the library. */
#include <strings.h>

#include "base/memory.h"
#include "net/http.h"
#include "stance/bytes.h"

static const struct net_limits limits = {.connect_ms = 10 * 1000, .total_ms = 300 * 1000};

bool net_is_address(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

int stance_bytes_fetch(struct stance_bytes *out, const char *url, size_t limit)
{
    *out = (struct stance_bytes){0};
    struct base_buffer buffer;
    base_buffer_init(&buffer, limit);
    int code = net_http_get(&buffer, url, &limits);
    if (code < 0) {
        base_buffer_free(&buffer);
        return code;
    }
    out->data = buffer.data;
    out->size = buffer.size;
    return 0;
}

void stance_bytes_free(struct stance_bytes *bytes)
{
    if (!bytes)
        return;
    base_free(bytes->data);
    *bytes = (struct stance_bytes){0};
}
