/* HTTP through libcurl; the only file that knows it. The library is opened when the first address
 * is asked for: that costs 10 ms and 6 MB, which pictures on the disk need not pay. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

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
                 curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

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

static void prepare(CURL *request, const char *url, const struct net_limits *limits,
                    struct transfer *transfer, char *reason)
{
    bool secure = strncasecmp(url, "https:", 6) == 0;
    size_t room = transfer->out->limit - transfer->out->size;
    curl.set(request, CURLOPT_URL, url);
    curl.set(request, CURLOPT_PROTOCOLS_STR, "http,https");
    curl.set(request, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl.set(request, CURLOPT_FOLLOWLOCATION, 1L);
    curl.set(request, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    curl.set(request, CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_ms);
    curl.set(request, CURLOPT_TIMEOUT_MS, (long)limits->total_ms);
    curl.set(request, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl.set(request, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl.set(request, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)room);
    curl.set(request, CURLOPT_FAILONERROR, 1L);
    curl.set(request, CURLOPT_NOSIGNAL, 1L);
    curl.set(request, CURLOPT_USERAGENT, "stance/" STANCE_VERSION);
    curl.set(request, CURLOPT_ERRORBUFFER, reason);
    curl.set(request, CURLOPT_WRITEFUNCTION, take);
    curl.set(request, CURLOPT_WRITEDATA, transfer);
}

static int explain(CURL *request, CURLcode code, const struct transfer *transfer, const char *url,
                   const char *reason)
{
    long status = 0;
    curl.get(request, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->code == STANCE_ENOMEMORY || code == CURLE_OUT_OF_MEMORY)
        return base_error(STANCE_ENOMEMORY, "out of memory while fetching '%s'", url);
    if (transfer->code < 0 || code == CURLE_FILESIZE_EXCEEDED)
        return base_error(STANCE_ELIMIT, "'%s' is larger than the %zu bytes that are read", url,
                          transfer->out->limit);
    if (code == CURLE_TOO_MANY_REDIRECTS)
        return base_error(STANCE_ELIMIT, "'%s' is redirected more than %d times", url,
                          MAX_REDIRECTS);
    if (code == CURLE_HTTP_RETURNED_ERROR)
        return base_error(status == 404 || status == 410 ? STANCE_ENOTFOUND : STANCE_EIO,
                          "cannot fetch '%s': the server answers %ld", url, status);
    return base_error(STANCE_EIO, "cannot fetch '%s': %s", url,
                      reason[0] ? reason : curl.describe(code));
}

int net_http_get(struct base_buffer *out, const char *url, const struct net_limits *limits)
{
    char reason[CURL_ERROR_SIZE] = "";
    struct transfer transfer = {.out = out};
    if (!net_is_address(url))
        return base_error(STANCE_EARGUMENT, "'%s' does not begin with http:// or https://", url);
    pthread_once(&curl_once, open_library);
    if (!curl.ready)
        return base_error(STANCE_EUNSUPPORTED, "cannot fetch '%s': libcurl.so.4 is not here", url);
    CURL *request = curl.init();
    if (!request)
        return base_error(STANCE_ENOMEMORY, "out of memory while fetching '%s'", url);
    prepare(request, url, limits, &transfer, reason);
    CURLcode code = curl.perform(request);
    int result = code == CURLE_OK ? 0 : explain(request, code, &transfer, url, reason);
    curl.cleanup(request);
    return result;
}
