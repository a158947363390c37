/* When frames are shown: what odd streams and containers say about it, and what the reader makes of
 * that. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/clip.h"
#include "support/harvest.h"
#include "support/support.h"

static void test_reader_keeps_variable_times(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 40, 200, 210, 215, 1000, 1040, 3000};
    const char *at = harvest_path("vfr.mkv");
    clip_make(at, &(struct clip){.muxer = "matroska", .frames = 8, .times_ms = times});
    struct harvest out = harvest_read(at, NULL);
    assert_int_equal(out.frames, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(out.times[i], times[i] * 1000);
    assert_int_equal(out.stats.corrected, 0);
}

static void test_reader_goes_on_where_a_recording_begins_anew(void **state)
{
    (void)state;
    char second[256];
    const char *at = harvest_path("joined.ts");
    clip_make(at, &(struct clip){.muxer = "mpegts", .encoder = "mpeg4"});
    snprintf(second, sizeof second, "%s/second.ts", support_temp_folder());
    clip_make(second,
              &(struct clip){
                  .muxer = "mpegts", .encoder = "mpeg4", .width = 96, .height = 64, .first = 20});
    clip_append(at, second);
    struct harvest out = harvest_read(at, NULL);
    assert_int_equal(out.good, 40);
    assert_int_equal(out.widths[0], 64);
    assert_int_equal(out.widths[39], 96);
    assert_int_equal(out.heights[39], 64);
    assert_int_equal(out.times[39], 39 * 40000);
    assert_true(out.stats.corrected == 1);
}

/* AVI knows no times of showing: frames come out of the decoder late by its reordering. */
static void test_reader_takes_the_reordering_out_of_avi(void **state)
{
    (void)state;
    static const struct clip clips[] = {
        {.muxer = "avi", .encoder = "mpeg4", .extra = "bf=2"},
        {.muxer = "avi", .encoder = "libx264", .extra = "bf=3,b-pyramid=normal"},
        {.muxer = "avi", .encoder = "mjpeg", .pixels = "yuvj420p"},
        {.muxer = "mp4", .encoder = "libx264", .extra = "bf=3"},
        {.muxer = "matroska", .encoder = "mpeg4", .extra = "bf=2"},
    };
    for (size_t k = 0; k < sizeof clips / sizeof clips[0]; k++)
        for (int threads = 1; threads < 5; threads += 3) {
            struct stance_video_options options;
            stance_video_options_default(&options);
            options.threads = threads;
            const char *at = harvest_path("order");
            clip_make(at, &clips[k]);
            struct harvest out = harvest_read(at, &options);
            harvest_assert_counts_up(&out, 0, 20);
            for (int i = 0; i < 20; i++)
                if (out.times[i] != i * 40000)
                    fail_msg("clip %zu: frame %d at %lld µs", k, i, (long long)out.times[i]);
        }
}

/* A part head of a stream of JPEG pictures is gone: one frame less, and no error at the end. */
static void test_reader_goes_on_behind_what_cannot_be_read(void **state)
{
    (void)state;
    const char *at = harvest_path("parts.mjpeg");
    clip_make(at, &(struct clip){.muxer = "mpjpeg", .encoder = "mjpeg", .pixels = "yuvj420p"});
    clip_cut(at, clip_size(at) - 10); /* a last "--ffmpeg" that nothing follows */
    FILE *file = fopen(at, "r+b");
    assert_non_null(file);
    static char text[1 << 20];
    size_t size = fread(text, 1, sizeof text, file), from = size / 2;
    while (memcmp(text + from, "Content-type", 12) != 0)
        from++;
    fseek(file, (long)from, SEEK_SET);
    fputs("Content-xxxx", file);
    fclose(file);
    struct harvest out = harvest_read(at, NULL);
    assert_int_equal(out.status, STANCE_VIDEO_END);
    assert_int_equal(out.damaged, 1);
    assert_int_equal(out.good, 19);
    assert_int_equal(out.codes[19], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_keeps_variable_times),
        cmocka_unit_test(test_reader_goes_on_where_a_recording_begins_anew),
        cmocka_unit_test(test_reader_takes_the_reordering_out_of_avi),
        cmocka_unit_test(test_reader_goes_on_behind_what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
