/* Archives in a build without them (-Dnet=disabled): an error that says so. */
#include "net/archive.h"

int net_archive_open(struct net_archive **out, const char *path)
{
    *out = NULL;
    return base_error(STANCE_EUNSUPPORTED,
                      "cannot read '%s': this stance was built without archives (-Dnet=disabled)",
                      path);
}

void net_archive_close(struct net_archive **archive)
{
    *archive = NULL;
}

int net_archive_count(const struct net_archive *archive)
{
    return 0;
}

const char *net_archive_name(const struct net_archive *archive, int i)
{
    return NULL;
}

int net_archive_find(const struct net_archive *archive, const char *name)
{
    return -1;
}

int net_archive_read(struct net_archive *archive, int i, struct base_buffer *out)
{
    return STANCE_EUNSUPPORTED;
}
