/* Fetching models: address after address, going on where a connection broke. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/family.h"
#include "model/find.h"
#include "model/package.h"
#include "model/model_store.h"
#include "net/http.h"

#define DOWNLOAD_LIMIT ((size_t)2 << 30)
enum { CONNECT_MS = 15000, MOST_TRIES = 20 };

struct pull {
    const struct stance_card *card;
    const char *name, *folder, *url;
    const struct stance_store_options *options;
    char part[BASE_PATH_BYTES], lock[BASE_PATH_BYTES];
};

static int tell(void *context, int64_t done, int64_t total)
{
    const struct pull *pull = context;
    const struct stance_store_options *options = pull->options;
    return options->progress ? options->progress(options->context, pull->url, done, total) : 0;
}

static int64_t part_size(const struct pull *pull)
{
    struct stat status;
    return stat(pull->part, &status) == 0 ? status.st_size : 0;
}

/* One address; a connection that broke is taken up again as long as each one brings something. */
static int fetch(struct pull *pull)
{
    const struct net_save save = {
        .url = pull->url,
        .path = pull->part,
        .limit = DOWNLOAD_LIMIT,
        .limits = {.connect_ms = CONNECT_MS, .stall_s = pull->options->stall_seconds},
        .progress = tell,
        .context = pull};
    int64_t had = part_size(pull);
    int code = net_http_save(&save);
    for (int i = 0; code == STANCE_EIO && i < MOST_TRIES && part_size(pull) > had; i++) {
        had = part_size(pull);
        code = net_http_save(&save);
    }
    return code;
}

static void forget(const struct pull *pull)
{
    char tag[BASE_PATH_BYTES];
    unlink(pull->part);
    if (model_store_join(tag, pull->folder, pull->name, ".part.tag") == 0)
        unlink(tag);
}

static bool is_archive(const struct base_mapping *mapping)
{
    return mapping->size > 4 && memcmp(mapping->data, "PK\3\4", 4) == 0;
}

/* The model of an archive, which is not called .zip while it is a part: a link gives it that
 * name. */
static int store_packed(const struct pull *pull)
{
    char archive[BASE_PATH_BYTES], wanted[BASE_PATH_BYTES], path[BASE_PATH_BYTES];
    struct base_buffer bytes;
    BASE_TRY(model_store_join(archive, pull->folder, pull->name, ".part.zip"));
    const char *member = pull->card->member ? pull->card->member : "";
    int wrote = snprintf(wanted, sizeof wanted, "%s/%s", archive, member);
    if (wrote < 0 || (size_t)wrote >= sizeof wanted)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", archive);
    if (rename(pull->part, archive) != 0)
        return base_error(STANCE_EIO, "cannot rename '%s'", pull->part);
    base_buffer_init(&bytes, MODEL_PACKED_LIMIT);
    int code = model_package_find(wanted, path, sizeof path);
    if (code > 0)
        code = model_package_read(&bytes, path);
    const struct model_store_item item = {
        .name = pull->name, .data = bytes.data, .size = bytes.size, .card = pull->card};
    if (code == 0)
        code = model_store_put(&item, pull->folder, pull->options);
    base_buffer_free(&bytes);
    unlink(archive);
    return code;
}

static int store_plain(const struct pull *pull, const struct base_mapping *mapping)
{
    const struct model_store_item item = {.name = pull->name,
                                          .data = mapping->data,
                                          .size = mapping->size,
                                          .rename = pull->part,
                                          .card = pull->card};
    return model_store_put(&item, pull->folder, pull->options);
}

/* Whatever comes of it, the part is gone then. */
static int store(const struct pull *pull)
{
    struct base_mapping mapping;
    int code = base_file_map(&mapping, pull->part, DOWNLOAD_LIMIT);
    if (code == 0) {
        code = is_archive(&mapping) ? store_packed(pull) : store_plain(pull, &mapping);
        base_file_unmap(&mapping);
    }
    forget(pull);
    return code;
}

static int try_address(struct pull *pull, const char *url)
{
    pull->url = url;
    int code = fetch(pull);
    if (code == 0)
        code = store(pull);
    return code < 0 && code != STANCE_ECANCELLED ? base_error_context(code, "%s", url) : code;
}

/* The mirror first, then the card's own; errors that another address cannot mend end it. */
static int try_addresses(struct pull *pull)
{
    char url[2048];
    const struct stance_store_options *options = pull->options;
    const char *mirror = options->mirror;
    int code = STANCE_ENOTFOUND;
    for (int i = mirror ? -1 : 0; i < pull->card->url_count; i++) {
        if (i < 0) {
            size_t length = strlen(mirror);
            int wrote = snprintf(url, sizeof url, "%s%s%s", mirror,
                                 length && mirror[length - 1] == '/' ? "" : "/", pull->card->file);
            if (wrote < 0 || (size_t)wrote >= sizeof url)
                return base_error(STANCE_ELIMIT, "the address '%.200s…' is too long", mirror);
        }
        code = try_address(pull, i < 0 ? url : pull->card->urls[i]);
        if (code == 0 || code == STANCE_ECANCELLED || code == STANCE_ENOMEMORY ||
            code == STANCE_EUNSUPPORTED)
            return code;
        if (options->failed && i + 1 < pull->card->url_count)
            options->failed(options->context, stance_error_text());
    }
    return code;
}

static int check_card(const struct stance_card *card, const char *name)
{
    if (!card)
        return base_error(STANCE_ENOTFOUND,
                          "there is no card '%.200s': 'stance models list --all' lists those that "
                          "come with stance",
                          name);
    if (card->url_count > 0 && card->file)
        return 0;
    const char *checkpoint = card->checkpoint ? card->checkpoint : "";
    return base_error(STANCE_ENOTFOUND, "%s: its publisher has no ONNX file of it%s%s", name,
                      checkpoint[0] ? "; docs/training.md tells which checkpoints become one; this "
                                      "is "
                                    : "",
                      checkpoint);
}

/* ---- One at a time ------------------------------------------------------------------------------
 */

/* Whether an open file is still the one of that name. */
static bool is_named(int file, const char *path)
{
    struct stat open, named;
    return fstat(file, &open) == 0 && stat(path, &named) == 0 && open.st_dev == named.st_dev &&
           open.st_ino == named.st_ino;
}

/* Nobody else touches the part while the lock, an open file, is held. Who holds it removes the
 * file, so that one which was opened before and is locked after that counts for nothing. */
static int lock(const struct pull *pull)
{
    for (;;) {
        int file = open(pull->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (file < 0)
            return base_error(STANCE_EIO, "cannot write '%s': %s", pull->lock, strerror(errno));
        int failed = flock(file, LOCK_EX | LOCK_NB), reason = errno;
        if (!failed && is_named(file, pull->lock))
            return file;
        close(file);
        if (failed && reason == EWOULDBLOCK)
            return base_error(STANCE_EIO, "%s: another process is fetching it", pull->name);
        if (failed)
            return base_error(STANCE_EIO, "cannot lock '%s': %s", pull->lock, strerror(reason));
    }
}

static void unlock(const struct pull *pull, int file)
{
    unlink(pull->lock);
    close(file);
}

/* Unless another process has just stored it. */
static int pull_locked(struct pull *pull)
{
    char path[BASE_PATH_BYTES];
    int file = lock(pull);
    BASE_TRY(file);
    bool there = !pull->options->replace && model_find(pull->name, path, sizeof path) == 0;
    int code = there ? 1 : try_addresses(pull);
    unlock(pull, file);
    return code;
}

int stance_store_pull(const char *name, const struct stance_store_options *options)
{
    char folder[BASE_PATH_BYTES], path[BASE_PATH_BYTES];
    struct stance_store_options filled;
    struct stance_card *card;
    BASE_TRY(model_store_check_name(name));
    bool replace = options && options->replace;
    if (!replace && model_find(name, path, sizeof path) == 0)
        return 1;
    BASE_TRY(model_card_absent(&card, name));
    struct pull pull = {.card = card, .name = name, .folder = folder, .options = &filled};
    int code = check_card(card, name);
    if (code == 0)
        code = model_store_prepare(&filled, options, folder);
    if (code == 0)
        code = model_store_join(pull.part, folder, name, ".part");
    if (code == 0)
        code = model_store_join(pull.lock, folder, name, ".part.lock");
    if (code == 0)
        code = pull_locked(&pull);
    stance_card_close(&card);
    return code;
}
