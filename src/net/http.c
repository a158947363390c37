/* HTTP through libcurl; the only file that knows it. The library is opened when the first address
 * is asked for: that costs 10 ms and 6 MB, which pictures on the disk need not pay. */
#define CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "net/http.h"
#include "stance/version.h"

enum { MAX_REDIRECTS = 5, STALL_SECONDS = 20 };

struct library {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_easy_init) *init;
    __typeof__(curl_easy_setopt) *set;
    __typeof__(curl_easy_getinfo) *get;
    __typeof__(curl_easy_perform) *perform;
    __typeof__(curl_easy_cleanup) *cleanup;
    __typeof__(curl_easy_strerror) *describe;
    __typeof__(curl_slist_append) *add_header;
    __typeof__(curl_slist_free_all) *free_headers;
    bool ready;
};

static struct library curl;
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static bool find_symbol(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

/* The handle stays open for the life of the process, as libcurl asks. */
static void open_library(void)
{
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    curl.ready = handle && find_symbol(handle, "curl_global_init", &curl.global_init) &&
                 find_symbol(handle, "curl_easy_init", &curl.init) &&
                 find_symbol(handle, "curl_easy_setopt", &curl.set) &&
                 find_symbol(handle, "curl_easy_getinfo", &curl.get) &&
                 find_symbol(handle, "curl_easy_perform", &curl.perform) &&
                 find_symbol(handle, "curl_easy_cleanup", &curl.cleanup) &&
                 find_symbol(handle, "curl_easy_strerror", &curl.describe) &&
                 find_symbol(handle, "curl_slist_append", &curl.add_header) &&
                 find_symbol(handle, "curl_slist_free_all", &curl.free_headers) &&
                 curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static int request_open(CURL **request, const char *url)
{
    if (!net_is_address(url))
        return base_error(STANCE_EARGUMENT, "'%s' does not begin with http:// or https://", url);
    pthread_once(&curl_once, open_library);
    if (!curl.ready)
        return base_error(STANCE_EUNSUPPORTED, "cannot fetch '%s': libcurl.so.4 is not here", url);
    *request = curl.init();
    return *request ? 0 : base_error(STANCE_ENOMEMORY, "out of memory while fetching '%s'", url);
}

/* Only http and https, and never from https back to http. What libcurl.so.4 is here before 7.85
 * knows protocols by number only, and left alone would follow redirects to ftp. */
static void allow_protocols(CURL *request, bool secure)
{
    const long https = CURLPROTO_HTTPS, both = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    if (curl.set(request, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK) {
        curl.set(request, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    } else {
        curl.set(request, CURLOPT_PROTOCOLS, both);
        curl.set(request, CURLOPT_REDIR_PROTOCOLS, secure ? https : both);
    }
}

static void prepare(CURL *request, const char *url, const struct net_limits *limits, size_t room,
                    char *reason)
{
    curl.set(request, CURLOPT_URL, url);
    allow_protocols(request, strncasecmp(url, "https:", 6) == 0);
    curl.set(request, CURLOPT_FOLLOWLOCATION, 1L);
    curl.set(request, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    curl.set(request, CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_ms);
    curl.set(request, CURLOPT_TIMEOUT_MS, (long)limits->total_ms);
    curl.set(request, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl.set(request, CURLOPT_LOW_SPEED_TIME,
             (long)(limits->stall_s > 0 ? limits->stall_s : STALL_SECONDS));
    curl.set(request, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)room);
    curl.set(request, CURLOPT_FAILONERROR, 1L);
    curl.set(request, CURLOPT_NOSIGNAL, 1L);
    curl.set(request, CURLOPT_USERAGENT, "stance/" STANCE_VERSION);
    curl.set(request, CURLOPT_ERRORBUFFER, reason);
}

/* What went wrong; `code` is the error of the callback that stopped it, 0: none did. */
static int explain(CURL *request, CURLcode failure, int code, const char *url, size_t limit,
                   const char *reason)
{
    long status = 0;
    curl.get(request, CURLINFO_RESPONSE_CODE, &status);
    if (code == STANCE_ENOMEMORY || failure == CURLE_OUT_OF_MEMORY)
        return base_error(STANCE_ENOMEMORY, "out of memory while fetching '%s'", url);
    if (code == STANCE_ELIMIT || failure == CURLE_FILESIZE_EXCEEDED)
        return base_error(STANCE_ELIMIT, "'%s' is larger than the %zu bytes that are read", url,
                          limit);
    if (code < 0)
        return base_error_context(code, "while fetching '%s'", url);
    if (failure == CURLE_TOO_MANY_REDIRECTS)
        return base_error(STANCE_ELIMIT, "'%s' is redirected more than %d times", url,
                          MAX_REDIRECTS);
    if (failure == CURLE_HTTP_RETURNED_ERROR)
        return base_error(status == 404 || status == 410 ? STANCE_ENOTFOUND : STANCE_EIO,
                          "cannot fetch '%s': the server answers %ld", url, status);
    return base_error(STANCE_EIO, "cannot fetch '%s': %s", url,
                      reason[0] ? reason : curl.describe(failure));
}

/* ---- Into memory -------------------------------------------------------------------------------
 */

struct transfer {
    struct base_buffer *out;
    int code; /* of the buffer, when it took no more */
};

static size_t take(char *data, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    transfer->code = base_buffer_append(transfer->out, data, size * count);
    return transfer->code == 0 ? size * count : 0;
}

int net_http_get(struct base_buffer *out, const char *url, const struct net_limits *limits)
{
    char reason[CURL_ERROR_SIZE] = "";
    struct transfer transfer = {.out = out};
    CURL *request;
    BASE_TRY(request_open(&request, url));
    prepare(request, url, limits, out->limit - out->size, reason);
    curl.set(request, CURLOPT_WRITEFUNCTION, take);
    curl.set(request, CURLOPT_WRITEDATA, &transfer);
    CURLcode code = curl.perform(request);
    int result =
        code == CURLE_OK ? 0 : explain(request, code, transfer.code, url, out->limit, reason);
    curl.cleanup(request);
    return result;
}

/* ---- Into a file -------------------------------------------------------------------------------
 */

enum { VALIDATOR = 300, TAG = 4096, RANGE_BEYOND = 416 };

struct download {
    const struct net_save *save;
    CURL *request;
    int file, code;
    int64_t had, size; /* bytes there before this request, and now */
    long status;
    bool begun; /* the first byte of the body has come */
    bool stale; /* the answer does not go on with what is there */
    char etag[VALIDATOR], modified[VALIDATOR], range[VALIDATOR]; /* of the answer */
    char version[VALIDATOR];                                     /* of what is there, or "" */
    char tag_path[BASE_PATH_BYTES];
};

/* The value of a header line "NAME: value\r\n" into `value`, when it fits. */
static void read_header(const char *line, size_t length, const char *name, char *value)
{
    size_t at = strlen(name);
    if (length <= at || strncasecmp(line, name, at) != 0)
        return;
    while (at < length && line[at] == ' ')
        at++;
    while (length > at && (line[length - 1] == '\r' || line[length - 1] == '\n'))
        length--;
    if (length - at < VALIDATOR)
        snprintf(value, VALIDATOR, "%.*s", (int)(length - at), line + at);
}

static size_t take_header(char *line, size_t size, size_t count, void *user)
{
    struct download *download = user;
    if (count > 5 && strncasecmp(line, "HTTP/", 5) == 0) /* of the next answer, behind a redirect */
        download->etag[0] = download->modified[0] = download->range[0] = 0;
    read_header(line, size * count, "ETag:", download->etag);
    read_header(line, size * count, "Last-Modified:", download->modified);
    read_header(line, size * count, "Content-Range:", download->range);
    return size * count;
}

/* What If-Range takes: a strong ETag, else the date. */
static const char *validator(const struct download *download)
{
    return download->etag[0] == '"' ? download->etag : download->modified;
}

static int file_error(const struct download *download)
{
    return base_error(STANCE_EIO, "cannot write '%s': %s", download->save->path, strerror(errno));
}

static int start_anew(struct download *download)
{
    download->had = download->size = 0;
    unlink(download->tag_path);
    return ftruncate(download->file, 0) == 0 && lseek(download->file, 0, SEEK_SET) == 0
               ? 0
               : file_error(download);
}

/* Whether a partial answer begins where the file ends and is of its version: there are servers that
 * do not look at If-Range. */
static int check_part(struct download *download)
{
    char start[40];
    const char *version = download->version;
    const char *now = version[0] == '"' ? download->etag : download->modified;
    snprintf(start, sizeof start, "bytes %lld-", (long long)download->size);
    bool here = strncmp(download->range, start, strlen(start)) == 0;
    bool same = !version[0] || !now[0] || strcmp(now, version) == 0;
    download->stale = !here || !same;
    return download->stale
               ? base_error(STANCE_EIO,
                            "the server sends '%.60s' of '%.60s' where '%s' was asked for",
                            download->range, now, start)
               : 0;
}

/* Before the first byte: does the answer go on where the file ends, and what is it a part of? */
static int begin_body(struct download *download)
{
    long status = 0;
    char tag[TAG];
    curl.get(download->request, CURLINFO_RESPONSE_CODE, &status);
    download->begun = true;
    BASE_TRY(status == 206 ? check_part(download) : start_anew(download));
    int length = snprintf(tag, sizeof tag, "%s\n%s", download->save->url, validator(download));
    bool usable = validator(download)[0] && (size_t)length < sizeof tag;
    return usable ? base_file_write(download->tag_path, tag, (size_t)length) : 0;
}

static int write_body(struct download *download, const char *data, size_t size)
{
    if (!download->begun)
        BASE_TRY(begin_body(download));
    size_t limit = download->save->limit, here = (size_t)download->size;
    if (here > limit || size > limit - here)
        return STANCE_ELIMIT;
    while (size) {
        ssize_t wrote = write(download->file, data, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return file_error(download);
        data += wrote;
        size -= (size_t)wrote;
        download->size += wrote;
    }
    return 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *user)
{
    struct download *download = user;
    download->code = write_body(download, data, size * count);
    return download->code == 0 ? size * count : 0;
}

static int tell_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total,
                         curl_off_t up_now)
{
    struct download *download = user;
    const struct net_save *save = download->save;
    int64_t had = download->begun ? download->had : 0;
    if (!download->begun ||
        save->progress(save->context, download->size, total > 0 ? had + total : 0) == 0)
        return 0;
    download->code = base_error(STANCE_ECANCELLED, "cancelled");
    return 1;
}

/* The validator of what is in the file, if it is a part of `url`; "" otherwise. */
static void read_tag(const struct download *download, char value[VALIDATOR])
{
    struct base_buffer tag;
    size_t length = strlen(download->save->url);
    value[0] = 0;
    base_buffer_init(&tag, TAG);
    if (base_file_read(&tag, download->tag_path) == 0 && tag.size > length + 1 &&
        memcmp(tag.data, download->save->url, length) == 0 && tag.data[length] == '\n' &&
        tag.size - length - 1 < VALIDATOR && !strpbrk(tag.data + length + 1, "\r\n"))
        snprintf(value, VALIDATOR, "%s", tag.data + length + 1);
    base_buffer_free(&tag);
}

/* Asks for the rest of the file when it is known of what it is a part. */
static int ask_for_rest(struct download *download, struct curl_slist **headers)
{
    char line[VALIDATOR + 16], range[32];
    read_tag(download, download->version);
    if (download->size == 0 || !download->version[0])
        return 0;
    snprintf(line, sizeof line, "If-Range: %s", download->version);
    snprintf(range, sizeof range, "%lld-", (long long)download->size);
    *headers = curl.add_header(NULL, line);
    if (!*headers)
        return base_error(STANCE_ENOMEMORY, "out of memory while fetching '%s'",
                          download->save->url);
    curl.set(download->request, CURLOPT_HTTPHEADER, *headers);
    curl.set(download->request, CURLOPT_RANGE, range);
    return 0;
}

static int fetch_file(struct download *download)
{
    char reason[CURL_ERROR_SIZE] = "";
    const struct net_save *save = download->save;
    struct curl_slist *headers = NULL;
    download->begun = download->stale = false;
    download->code = 0;
    BASE_TRY(request_open(&download->request, save->url));
    CURL *request = download->request;
    prepare(request, save->url, &save->limits, save->limit, reason);
    curl.set(request, CURLOPT_WRITEFUNCTION, take_body);
    curl.set(request, CURLOPT_WRITEDATA, download);
    curl.set(request, CURLOPT_HEADERFUNCTION, take_header);
    curl.set(request, CURLOPT_HEADERDATA, download);
    if (save->progress) {
        curl.set(request, CURLOPT_NOPROGRESS, 0L);
        curl.set(request, CURLOPT_XFERINFOFUNCTION, tell_progress);
        curl.set(request, CURLOPT_XFERINFODATA, download);
    }
    int code = ask_for_rest(download, &headers);
    CURLcode done = code == 0 ? curl.perform(request) : CURLE_OK;
    curl.get(request, CURLINFO_RESPONSE_CODE, &download->status);
    if (code == 0 && done != CURLE_OK)
        code = explain(request, done, download->code, save->url, save->limit, reason);
    else if (code == 0 && !download->begun) /* an empty answer */
        code = begin_body(download);
    curl.free_headers(headers);
    curl.cleanup(request);
    return code;
}

static int open_file(struct download *download)
{
    const char *path = download->save->path;
    int length = snprintf(download->tag_path, sizeof download->tag_path, "%s.tag", path);
    if (length < 0 || (size_t)length >= sizeof download->tag_path)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", path);
    download->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (download->file < 0)
        return file_error(download);
    download->size = lseek(download->file, 0, SEEK_END);
    download->had = download->size;
    return download->size < 0 ? file_error(download) : 0;
}

int net_http_save(const struct net_save *save)
{
    struct download download = {.save = save, .file = -1};
    int code = open_file(&download);
    if (code == 0)
        code = fetch_file(&download);
    /* Beyond the range: it was whole, or the server has a shorter file now. */
    if (code < 0 && download.size > 0 && (download.stale || download.status == RANGE_BEYOND)) {
        code = start_anew(&download);
        if (code == 0)
            code = fetch_file(&download);
    }
    if (code == 0 && fsync(download.file) != 0 && errno != EINVAL)
        code = file_error(&download);
    if (code == 0)
        unlink(download.tag_path);
    if (code < 0 && download.file >= 0 && download.size == 0) { /* nothing to go on with */
        unlink(save->path);
        unlink(download.tag_path);
    }
    if (download.file >= 0)
        close(download.file);
    return code;
}
