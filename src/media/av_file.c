/* Files, standard input and network addresses as video sources. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/dict.h>

#include "media/av_source.h"

static bool is_anything(const char *input)
{
    return true;
}

static int open_descriptor(int *out, const char *path)
{
    struct stat status;
    *out = open(path, O_RDONLY | O_CLOEXEC);
    if (*out < 0)
        return base_error(errno == ENOENT || errno == ENOTDIR ? STANCE_ENOTFOUND : STANCE_EIO,
                          "cannot open '%s': %s", path, strerror(errno));
    /* 0 is standard input and stays open. */
    int moved = *out == 0 ? fcntl(*out, F_DUPFD_CLOEXEC, 3) : *out;
    if (moved != *out)
        close(*out);
    *out = moved;
    if (moved < 0 || fstat(moved, &status) != 0)
        return base_error(STANCE_EIO, "cannot open '%s': %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_size > 0)
        return 0;
    close(moved);
    return base_error(STANCE_EFORMAT, "'%s' is empty", path);
}

static int open_file(struct media_source **out, const struct media_request *request)
{
    bool standard = strcmp(request->input, "-") == 0;
    struct media_av_input input = {.kind = &media_file_source,
                                   .name = standard ? "standard input" : request->input};
    *out = NULL;
    if (!standard)
        BASE_TRY(open_descriptor(&input.descriptor, request->input));
    return media_av_source_open(out, &input, request);
}

const struct media_source_kind media_file_source = {"file", is_anything, open_file,
                                                    media_av_source_next, media_av_source_close};

static bool is_address(const char *input)
{
    static const char *const schemes[] = {"http://",  "https://", "rtsp://", "rtsps://", "rtmp://",
                                          "rtmps://", "udp://",   "rtp://",  "srt://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(input, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

static int open_address(struct media_source **out, const struct media_request *request)
{
    struct AVDictionary *settings = NULL;
    struct media_av_input input = {.kind = &media_url_source,
                                   .url = request->input,
                                   .name = request->input,
                                   .descriptor = -1,
                                   .settings = &settings,
                                   .network = true};
    bool rtsp = strncasecmp(request->input, "rtsp", 4) == 0;
    if (rtsp)
        av_dict_set(&settings, "rtsp_transport", "tcp", 0);
    av_dict_set_int(&settings, rtsp ? "timeout" : "rw_timeout", request->options->timeout_us, 0);
    int code = media_av_source_open(out, &input, request);
    av_dict_free(&settings);
    return code;
}

const struct media_source_kind media_url_source = {"address", is_address, open_address,
                                                   media_av_source_next, media_av_source_close};
