/* Zip archives: what lies in one, and single entries read into memory. Nothing is ever written
 * where an entry's name says. */
#ifndef NET_ARCHIVE_H
#define NET_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { NET_ARCHIVE_ENTRIES = 4096 };

struct net_archive;

/* Opens an archive. Errors: ENOTFOUND, EFORMAT (no zip, or an entry whose name leads out of the
 * archive's folder: absolute, with a drive, a backslash or ".."), ELIMIT (more than
 * NET_ARCHIVE_ENTRIES), EIO, EUNSUPPORTED (built without, or no libzip here), ENOMEMORY. */
int net_archive_open(struct net_archive **out, const char *path);

/* NULL allowed; sets NULL. */
void net_archive_close(struct net_archive **archive);

int net_archive_count(const struct net_archive *archive);
/* The path of entry i inside of the archive; valid while it is open. */
const char *net_archive_name(const struct net_archive *archive, int i);
/* The entry of that path, or -1. */
int net_archive_find(const struct net_archive *archive, const char *name);

/* Appends entry i to `out`, within the buffer's limit however much it says or unpacks to; its
 * checksum is compared. Errors: EFORMAT, ELIMIT, EUNSUPPORTED (encrypted, or an unknown method),
 * ENOMEMORY. */
int net_archive_read(struct net_archive *archive, int i, struct base_buffer *out);

/* Whether a name stays inside the folder that an archive is unpacked into. */
bool net_archive_is_inside(const char *name);

#endif
