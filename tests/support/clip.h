/* Small videos of any kind for tests of the reader, made by libavformat and libavcodec themselves,
 * so that they do not depend on what is tested. */
#ifndef CLIP_H
#define CLIP_H

#include <stdint.h>

struct clip {
    const char *muxer;       /* "matroska" */
    const char *encoder;     /* NULL: mpeg4 */
    const char *pixels;      /* NULL: yuv420p */
    int width, height;       /* 0: 64×48 */
    int frames;              /* 0: 20 */
    int first;               /* number of the first frame, which its picture shows */
    const int64_t *times_ms; /* [frames]; NULL: every 40 ms */
    const int32_t *matrix;   /* display matrix (9), or NULL */
    const char *audio;       /* encoder of a sound track as long as the video; NULL: none */
    const char *options;     /* "key=value,…" of the muxer; NULL: none */
    int gop;                 /* 0: 12 */
    const char *extra;       /* "key=value" of the encoder, or NULL */
};

/* Makes the file; any trouble fails the test. */
void clip_make(const char *path, const struct clip *clip);

/* The luma of frame `number`: its top left quarter has one value, so that frames can be told
 * apart. */
int clip_luma(int number);

/* Appends file `from` to file `to`. */
void clip_append(const char *to, const char *from);
/* Keeps the first `size` bytes. */
void clip_cut(const char *path, long size);
long clip_size(const char *path);
/* Overwrites `count` bytes with noise. */
void clip_damage(const char *path, long at, long count);

#endif
