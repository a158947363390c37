/* Cameras through libavdevice, which is opened when the first one is asked for: at load it would
 * cost every program 60 ms and 17 MB. The only file that knows it. */
#include <libavdevice/avdevice.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "media/av_source.h"

#define NAME(version) "libavdevice.so." NAME_TEXT(version)
#define NAME_TEXT(version) #version

static const char prefix[] = "camera:";

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

/* The library stays open for the life of the process. */
static void open_library(void)
{
    void *library = dlopen(NAME(LIBAVDEVICE_VERSION_MAJOR), RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "avdevice_register_all") : NULL;
    __typeof__(avdevice_register_all) *register_all = NULL;
    memcpy(&register_all, &symbol, sizeof symbol);
    if (register_all)
        register_all();
    ready = register_all != NULL;
}

static bool is_camera(const char *input)
{
    return strncmp(input, prefix, sizeof prefix - 1) == 0;
}

/* "camera:0" or "camera:/dev/video0". */
static int find_device(char *path, size_t size, const char *input)
{
    const char *which = input + sizeof prefix - 1;
    bool number = which[0] && strspn(which, "0123456789") == strlen(which) && strlen(which) <= 3;
    if (!number && strncmp(which, "/dev/", 5) != 0)
        return base_error(STANCE_EARGUMENT, "'%s': write camera:0 or camera:/dev/video0", input);
    int length = snprintf(path, size, "%s%s", number ? "/dev/video" : "", which);
    if (length < 0 || (size_t)length >= size)
        return base_error(STANCE_EARGUMENT, "'%.100s…': too long", input);
    if (access(path, F_OK) != 0)
        return base_error(STANCE_EDEVICE, "'%s': there is no camera %s", input, path);
    if (access(path, R_OK) != 0)
        return base_error(STANCE_EDEVICE,
                          "'%s': %s may not be read; is the user in the group 'video'?", input,
                          path);
    return 0;
}

static void choose(struct AVDictionary **settings, const struct stance_video_options *options)
{
    char text[48];
    if (options->width > 0 && options->height > 0) {
        snprintf(text, sizeof text, "%dx%d", options->width, options->height);
        av_dict_set(settings, "video_size", text, 0);
    }
    if (options->frame_rate > 0) {
        int64_t thousandths = (int64_t)(options->frame_rate * 1000 + 0.5);
        snprintf(text, sizeof text, "%lld/1000", (long long)thousandths);
        av_dict_set(settings, "framerate", text, 0);
    }
}

static int open_camera(struct media_source **out, const struct media_request *request)
{
    char path[256];
    *out = NULL;
    BASE_TRY(find_device(path, sizeof path, request->input));
    pthread_once(&once, open_library);
    if (!ready)
        return base_error(STANCE_EDEVICE, "'%s': cameras need libavdevice (%s), which is not there",
                          request->input, NAME(LIBAVDEVICE_VERSION_MAJOR));
    struct AVDictionary *settings = NULL;
    struct media_av_input input = {.kind = &media_camera_source,
                                   .url = path,
                                   .name = request->input,
                                   .format = "video4linux2,v4l2",
                                   .descriptor = -1,
                                   .settings = &settings,
                                   .device = true};
    choose(&settings, request->options);
    int code = media_av_source_open(out, &input, request);
    av_dict_free(&settings);
    return code;
}

const struct media_source_kind media_camera_source = {"camera", is_camera, open_camera,
                                                      media_av_source_next, media_av_source_close};
