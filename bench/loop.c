/* A video again and again, without an end of its own: FRAMES frames of one size as YUV4MPEG2 to standard
 * output, for whoever wants to see long ones. Pixels are repeated or left out to fit the size.
 *
 * usage: loop VIDEO FRAMES WIDTH HEIGHT */
#include <stdio.h>
#include <stdlib.h>

#include <stance/stance.h>

struct size {
    int width, height;
};

/* One plane, the nearest pixel of it for each wanted. */
static int write_plane(const struct stance_image *image, int plane, struct size wanted)
{
    static uint8_t row[STANCE_IMAGE_MAX_SIDE];
    int half = plane > 0;
    struct size here = {(image->width + half) >> half, (image->height + half) >> half};
    struct size there = {wanted.width >> half, wanted.height >> half};
    for (int y = 0; y < there.height; y++) {
        const uint8_t *from = image->plane[plane] +
                              (ptrdiff_t)(y * here.height / there.height) * image->stride[plane];
        for (int x = 0; x < there.width; x++)
            row[x] = from[x * here.width / there.width];
        if (fwrite(row, 1, (size_t)there.width, stdout) != (size_t)there.width)
            return -1;
    }
    return 0;
}

static int write_frame(const struct stance_image *image, struct size wanted)
{
    if (image->format != STANCE_YUV420P) {
        fprintf(stderr, "loop: only video in planar YUV 4:2:0\n");
        return -1;
    }
    fputs("FRAME\n", stdout);
    for (int plane = 0; plane < 3; plane++)
        if (write_plane(image, plane, wanted) < 0)
            return -1;
    return 0;
}

/* Once through the video; the number of frames written, or -1. */
static long play(const char *path, long most, struct size wanted)
{
    struct stance_video_reader *reader = NULL;
    struct stance_video_frame frame;
    long count = 0;
    int status = stance_video_reader_open(&reader, path, NULL);
    while (status >= 0 && count < most &&
           (status = stance_video_reader_read(reader, &frame, -1)) == STANCE_VIDEO_FRAME) {
        if (frame.image && write_frame(frame.image, wanted) < 0)
            status = -1;
        count += frame.image != NULL;
        stance_image_close(&frame.image);
    }
    if (status < 0 && !ferror(stdout))
        fprintf(stderr, "loop: %s\n", stance_error_text());
    stance_video_reader_close(&reader);
    return status < 0 ? -1 : count;
}

int main(int count, char **words)
{
    if (count != 5) {
        fprintf(stderr, "usage: loop VIDEO FRAMES WIDTH HEIGHT\n");
        return 2;
    }
    long left = strtol(words[2], NULL, 10);
    struct size wanted = {(int)strtol(words[3], NULL, 10), (int)strtol(words[4], NULL, 10)};
    if (left < 1 || wanted.width < 2 || wanted.height < 2 || wanted.width % 2 ||
        wanted.height % 2 || wanted.width > STANCE_IMAGE_MAX_SIDE ||
        wanted.height > STANCE_IMAGE_MAX_SIDE) {
        fprintf(stderr, "loop: a number of frames and an even size, not %s of %sx%s\n", words[2],
                words[3], words[4]);
        return 2;
    }
    printf("YUV4MPEG2 W%d H%d F25:1 Ip A1:1 C420mpeg2\n", wanted.width, wanted.height);
    while (left > 0) {
        long done = play(words[1], left, wanted);
        if (done <= 0)
            return 1;
        left -= done;
    }
    return fflush(stdout) != 0;
}
