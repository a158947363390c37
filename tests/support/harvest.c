/* Reading to the end, with what holds for every stream checked on the way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>

#include "base/memory.h"
#include "support/clip.h"
#include "support/harvest.h"
#include "support/support.h"

const char *harvest_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", support_temp_folder(), name);
    return path;
}

int harvest_corner(const struct stance_image *image)
{
    bool packed = image->format == STANCE_RGB24 || image->format == STANCE_BGR24;
    int step = packed ? 3 : 1, sum = 0, count = 0;
    for (int y = 1; y < image->height / 4; y++)
        for (int x = 1; x < image->width / 4; x++, count++)
            sum += image->plane[0][y * image->stride[0] + x * step + (packed ? 1 : 0)];
    return count ? sum / count : 0;
}

void harvest_reap(struct stance_video_reader *reader, struct harvest *out)
{
    struct stance_video_frame frame;
    int64_t last = -1;
    while ((out->status = stance_video_reader_read(reader, &frame, -1)) == STANCE_VIDEO_FRAME) {
        int i = out->frames++;
        assert_true(i < HARVEST_MOST);
        assert_int_equal(frame.index, i);
        assert_true(frame.time_us > last);
        assert_true(frame.code < 0 || frame.duration_us > 0);
        assert_int_equal(frame.code < 0, frame.cause != NULL);
        last = out->times[i] = frame.time_us;
        out->codes[i] = frame.code;
        if (frame.code < 0 && out->damaged++ == 0)
            snprintf(out->cause, sizeof out->cause, "%s", frame.cause);
        if (frame.code == 0)
            out->good++;
        if (frame.image) {
            out->widths[i] = frame.image->width;
            out->heights[i] = frame.image->height;
            out->formats[i] = frame.image->format;
            out->luma[i] = harvest_corner(frame.image);
        }
        stance_image_close(&frame.image);
    }
    if (out->status < 0)
        snprintf(out->error, sizeof out->error, "%s", stance_error_text());
    stance_video_reader_stats(reader, &out->stats);
    assert_int_equal(out->stats.frames, out->good);
    assert_int_equal(out->stats.damaged, out->damaged);
    assert_int_equal(stance_video_reader_read(reader, &frame, -1), out->status);
}

struct harvest harvest_read(const char *input, const struct stance_video_options *options)
{
    struct harvest out = {0};
    struct stance_video_reader *reader;
    long live = base_alloc_live();
    if (stance_video_reader_open(&reader, input, options) != 0)
        fail_msg("%s: %s", input, stance_error_text());
    out.info = *stance_video_reader_info(reader);
    harvest_reap(reader, &out);
    stance_video_reader_close(&reader);
    assert_int_equal(base_alloc_live(), live);
    return out;
}

void harvest_assert_counts_up(const struct harvest *out, int first, int count)
{
    assert_int_equal(out->frames, count);
    for (int i = 0; i < count; i++)
        assert_in_range(out->luma[i], clip_luma(first + i) - 6, clip_luma(first + i) + 6);
}
