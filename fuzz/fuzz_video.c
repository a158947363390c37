/* Fuzz target: any bytes as a video file; frames that come out are usable and their times rise. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "stance/video.h"

enum { MOST_FRAMES = 50 };

static void must(int condition)
{
    if (!condition)
        abort();
}

static void read_frames(struct stance_video_reader *reader)
{
    struct stance_video_frame frame;
    int64_t last = -1;
    for (int i = 0; i < MOST_FRAMES; i++) {
        int status = stance_video_reader_read(reader, &frame, 0);
        must(status <= STANCE_VIDEO_FRAME);
        if (status != STANCE_VIDEO_FRAME)
            return;
        must(frame.time_us > last);
        must(frame.image || frame.code < 0);
        must(frame.code == 0 || frame.cause);
        last = frame.time_us;
        if (frame.image) {
            struct stance_image *grey;
            must(frame.image->width >= 1 && frame.image->width <= STANCE_IMAGE_MAX_SIDE);
            must(frame.image->height >= 1 && frame.image->height <= STANCE_IMAGE_MAX_SIDE);
            if (stance_image_convert(&grey, frame.image, STANCE_GRAY8) == 0)
                stance_image_close(&grey);
        }
        stance_image_close(&frame.image);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int file = memfd_create("video", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size) {
        if (file >= 0)
            close(file);
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct stance_video_reader *reader;
    if (stance_video_reader_open(&reader, path, NULL) == 0)
        read_frames(reader);
    must(!reader || size > 0);
    stance_video_reader_close(&reader);
    close(file);
    return 0;
}
