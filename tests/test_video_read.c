/* The video reader: every frame of a file, upright and with rising times; damage is told about and
 * passed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "media/av_input.h"
#include "stance/video.h"
#include "support/clip.h"
#include "support/harvest.h"
#include "support/support.h"

static int open_error(const char *input)
{
    struct stance_video_reader *reader;
    int code = stance_video_reader_open(&reader, input, NULL);
    assert_null(reader);
    return code;
}

static void test_reader_gives_every_frame_of_every_container(void **state)
{
    (void)state;
    static const struct {
        const char *name, *muxer, *encoder;
    } kinds[] = {
        {"a.mp4", "mp4", "mpeg4"},    {"a.mkv", "matroska", "ffv1"},
        {"a.avi", "avi", "mpeg4"},    {"a.ts", "mpegts", "mpeg2video"},
        {"a.mov", "mov", "mjpeg"},    {"a.y4m", "yuv4mpegpipe", "wrapped_avframe"},
        {"a.nut", "nut", "rawvideo"},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        if (strcmp(kinds[k].encoder, "wrapped_avframe") == 0)
            continue;
        const char *at = harvest_path(kinds[k].name);
        clip_make(at, &(struct clip){.muxer = kinds[k].muxer,
                                     .encoder = kinds[k].encoder,
                                     .pixels = k == 4 ? "yuvj420p" : NULL});
        struct harvest out = harvest_read(at, NULL);
        assert_int_equal(out.status, STANCE_VIDEO_END);
        harvest_assert_counts_up(&out, 0, 20);
        assert_int_equal(out.damaged, 0);
        assert_int_equal(out.stats.corrected, 0);
        assert_int_equal(out.stats.state, STANCE_VIDEO_ENDED);
        for (int i = 0; i < 20; i++)
            assert_true(llabs(out.times[i] - 40000 * i) <= 1);
        assert_int_equal(out.info.width, 64);
        assert_int_equal(out.info.height, 48);
        assert_float_equal(out.info.frame_rate, 25, 0.01);
        assert_string_equal(out.info.codec, strcmp(kinds[k].encoder, "mpeg2video") == 0
                                                ? "mpeg2video"
                                                : kinds[k].encoder);
        assert_int_equal(out.formats[3], STANCE_YUV420P);
    }
}

static void test_reader_threads_change_nothing(void **state)
{
    (void)state;
    const char *at = harvest_path("threads.mkv");
    clip_make(at, &(struct clip){.muxer = "matroska", .encoder = "ffv1"});
    struct stance_video_options options;
    stance_video_options_default(&options);
    options.threads = 4;
    options.writable = 1;
    struct harvest out = harvest_read(at, &options);
    assert_int_equal(out.status, STANCE_VIDEO_END);
    harvest_assert_counts_up(&out, 0, 20);
}

static void test_reader_converts_deep_and_dense_formats(void **state)
{
    (void)state;
    static const struct {
        const char *pixels;
        int format;
    } kinds[] = {{"yuv420p10le", STANCE_YUV420P}, {"yuv422p", STANCE_YUV420P},
                 {"yuv422p10le", STANCE_YUV420P}, {"yuv444p", STANCE_RGB24},
                 {"gray", STANCE_GRAY8},          {"gray10le", STANCE_GRAY8},
                 {"bgr0", STANCE_RGB24},          {"yuva420p", STANCE_YUV420P}};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const char *at = harvest_path("deep.mkv");
        clip_make(
            at, &(struct clip){.muxer = "matroska", .encoder = "ffv1", .pixels = kinds[k].pixels});
        struct harvest out = harvest_read(at, NULL);
        assert_int_equal(out.status, STANCE_VIDEO_END);
        assert_int_equal(out.frames, 20);
        for (int i = 0; i < 20; i++) {
            assert_int_equal(out.formats[i], kinds[k].format);
            if (kinds[k].format != STANCE_RGB24)
                assert_in_range(out.luma[i], clip_luma(i) - 2, clip_luma(i) + 2);
        }
    }
}

static void test_reader_turns_frames_upright(void **state)
{
    (void)state;
    enum { ONE = 65536 };
    static const struct {
        int32_t matrix[9];
        int width, height, degrees,
            lit; /* lit: quarter that tells the number, clockwise from top left */
    } turns[] = {
        {{0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30}, 48, 64, 90, 1},
        {{-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30}, 64, 48, 180, 2},
        {{0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30}, 48, 64, 270, 3},
        {{-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30}, 64, 48, 0, 1},
    };
    for (size_t k = 0; k < 4; k++) {
        const char *at = harvest_path("turned.mp4");
        clip_make(at, &(struct clip){.muxer = "mp4", .matrix = turns[k].matrix, .frames = 3});
        struct stance_video_reader *reader;
        struct stance_video_frame frame;
        assert_int_equal(stance_video_reader_open(&reader, at, NULL), 0);
        const struct stance_video_info *info = stance_video_reader_info(reader);
        assert_int_equal(info->rotation, turns[k].degrees);
        assert_int_equal(info->width, turns[k].width);
        assert_int_equal(info->height, turns[k].height);
        assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
        assert_int_equal(frame.image->width, turns[k].width);
        assert_int_equal(frame.image->height, turns[k].height);
        for (int quarter = 0; quarter < 4; quarter++) {
            bool right = quarter == 1 || quarter == 2, low = quarter >= 2;
            int x = turns[k].width * (right ? 3 : 1) / 4, y = turns[k].height * (low ? 3 : 1) / 4;
            int values[2];
            for (int i = 0; i < 2; i++) /* one value all over the quarter, gradients elsewhere */
                values[i] = frame.image->plane[0][(y + i * 4) * frame.image->stride[0] + x];
            bool flat = abs(values[0] - clip_luma(0)) < 6 && abs(values[1] - clip_luma(0)) < 6;
            assert_int_equal(flat, quarter == turns[k].lit);
        }
        stance_image_close(&frame.image);
        stance_video_reader_close(&reader);
    }
}

static void test_reader_reports_damaged_frames_and_goes_on(void **state)
{
    (void)state;
    static const char *const encoders[] = {"mpeg4", "libx264"};
    for (int k = 0; k < 2; k++) {
        const char *at = harvest_path("damaged.mkv");
        clip_make(at, &(struct clip){.muxer = "matroska",
                                     .encoder = encoders[k],
                                     .frames = 30,
                                     .gop = 1,
                                     .width = 160,
                                     .height = 128});
        clip_damage(at, clip_size(at) / 2, 40);
        struct harvest out = harvest_read(at, NULL);
        assert_true(out.damaged >= 1 && out.damaged <= 2);
        assert_int_equal(out.frames, 30);
        assert_int_equal(out.codes[0], 0);
        assert_int_equal(out.codes[29], 0);
        assert_int_equal(out.status, STANCE_VIDEO_END);
        assert_non_null(strstr(out.cause, "damaged.mkv"));
        assert_non_null(strstr(out.cause, "frame 1"));
    }
}

static void test_reader_gives_the_good_frames_of_a_cut_file(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct clip clip;
    } kinds[] = {
        {"cut.mkv", {.muxer = "matroska", .encoder = "ffv1"}},
        {"cut.avi", {.muxer = "avi", .encoder = "mjpeg", .pixels = "yuvj420p"}},
        {"cut.mp4", {.muxer = "mp4", .options = "movflags=+faststart"}},
        {"cut.webm", {.muxer = "matroska", .encoder = "mpeg4"}},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const char *at = harvest_path(kinds[k].name);
        clip_make(at, &kinds[k].clip);
        clip_cut(at, clip_size(at) * 6 / 10);
        struct harvest out = harvest_read(at, NULL);
        if (out.status >= 0 || out.good < 5 || out.good > 19)
            fail_msg("%s: status %d, %d good", kinds[k].name, out.status, out.good);
        assert_int_equal(out.status, STANCE_EFORMAT);
        assert_non_null(strstr(out.error, kinds[k].name));
    }
}

static void test_reader_refuses_what_is_no_video(void **state)
{
    (void)state;
    const char *path = harvest_path("noise.mp4"); /* later ones take its place */
    FILE *out = fopen(path, "wb");
    for (unsigned i = 0, noise = 7; i < 20000; i++, noise = noise * 1103515245 + 12345)
        fputc((int)(noise >> 16 & 0xff), out);
    fclose(out);
    assert_int_equal(open_error(path), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), "noise.mp4"));
    fclose(fopen(harvest_path("empty.mp4"), "wb"));
    assert_int_equal(open_error(path), STANCE_EFORMAT);
    assert_int_equal(open_error(harvest_path("missing.mp4")), STANCE_ENOTFOUND);
    assert_int_equal(open_error(harvest_path("missing*.png")), STANCE_ENOTFOUND);
    clip_make(harvest_path("sound.mkv"), &(struct clip){.muxer = "matroska", .audio = "pcm_s16le"});
    clip_make(harvest_path("moov.mp4"), &(struct clip){.muxer = "mp4"});
    clip_cut(path, clip_size(path) / 2);
    assert_int_equal(open_error(path), STANCE_EFORMAT);
    assert_int_equal(open_error("camera:7"), STANCE_EDEVICE);
    assert_int_equal(open_error("camera:x"), STANCE_EARGUMENT);
    struct stance_video_options options;
    struct stance_video_reader *reader;
    stance_video_options_default(&options);
    options.threads = -3;
    assert_int_equal(stance_video_reader_open(&reader, path, &options), STANCE_EARGUMENT);
    stance_video_options_default(&options);
    options.backoff_us = INT64_MAX;
    assert_int_equal(stance_video_reader_open(&reader, path, &options), STANCE_EARGUMENT);
}

static void write_text(const char *name, const char *text)
{
    FILE *out = fopen(harvest_path(name), "wb");
    fputs(text, out);
    fclose(out);
}

static void test_reader_opens_nothing_that_a_file_names(void **state)
{
    (void)state;
    char text[1024], secret[256];
    const char *path = harvest_path("secret.ts"); /* later ones take its place */
    clip_make(path, &(struct clip){.muxer = "mpegts", .encoder = "mpeg2video"});
    snprintf(secret, sizeof secret, "%s", path);
    snprintf(text, sizeof text,
             "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n%s\n#EXT-X-ENDLIST\n", secret);
    write_text("list.m3u8", text);
    assert_true(open_error(path) < 0);
    write_text("list.mp4", text);
    assert_true(open_error(path) < 0);
    snprintf(text, sizeof text, "ffconcat version 1.0\nfile '%s'\n", secret);
    write_text("list.txt", text);
    assert_true(open_error(path) < 0);
}

static void test_reader_reads_sequences_in_natural_order(void **state)
{
    (void)state;
    static const int numbers[] = {1, 2, 9, 10, 11, 100};
    char folder[200], name[256], pattern[256];
    snprintf(folder, sizeof folder, "%s/사진 [묶음] 100%%", support_temp_folder());
    mkdir(folder, 0777);
    for (int i = 0; i < 6; i++) {
        struct stance_image *image;
        assert_int_equal(stance_image_open(&image, STANCE_GRAY8, 20 + i, 20), 0);
        for (int y = 0; y < 20; y++)
            memset(image->plane[0] + y * image->stride[0], clip_luma(i), 20 + (size_t)i);
        snprintf(name, sizeof name, "%s/그림%d.png", folder, numbers[i]);
        assert_int_equal(stance_image_write(image, name), 0);
        stance_image_close(&image);
    }
    snprintf(name, sizeof name, "%s/notes.txt", folder);
    fclose(fopen(name, "wb"));
    struct stance_video_options options;
    stance_video_options_default(&options);
    options.frame_rate = 10;
    snprintf(pattern, sizeof pattern, "%s/그림%%d.png", folder);
    assert_int_equal(open_error(pattern), STANCE_ENOTFOUND); /* two "%" */
    struct harvest out = harvest_read(folder, &options);
    assert_int_equal(out.status, STANCE_VIDEO_END);
    harvest_assert_counts_up(&out, 0, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(out.widths[i], 20 + i);
        assert_int_equal(out.times[i], i * 100000);
    }
    assert_int_equal(out.info.frame_count, 6);
    assert_int_equal(out.info.duration_us, 600000);
    assert_int_equal(chdir(folder), 0);
    out = harvest_read("그림1*.png", NULL);
    assert_int_equal(out.frames, 4);
    out = harvest_read("그림%d.png", NULL);
    harvest_assert_counts_up(&out, 0, 6);
    out = harvest_read("그림%03d.png", NULL);
    harvest_assert_counts_up(&out, 5, 1);
    clip_cut("그림9.png", 40);
    out = harvest_read("그림?.png", NULL);
    assert_int_equal(out.good, 2);
    assert_int_equal(out.damaged, 1);
    assert_int_equal(out.status, STANCE_VIDEO_END);
    assert_non_null(strstr(out.cause, "그림9.png"));
    assert_int_equal(chdir("/"), 0);
}

static void test_reader_reads_standard_input(void **state)
{
    (void)state;
    int ends[2], saved = dup(0);
    const char *at = harvest_path("pipe.mkv");
    clip_make(at, &(struct clip){.muxer = "matroska", .encoder = "ffv1"});
    assert_int_equal(pipe(ends), 0);
    if (fork() == 0) {
        char data[4096];
        int from = open(at, O_RDONLY);
        for (ssize_t got; (got = read(from, data, sizeof data)) > 0;)
            if (write(ends[1], data, (size_t)got) != got)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(dup2(ends[0], 0), 0);
    close(ends[0]);
    struct harvest out = harvest_read("-", NULL);
    assert_int_equal(out.status, STANCE_VIDEO_END);
    harvest_assert_counts_up(&out, 0, 20);
    int plain = open(at, O_RDONLY);
    assert_int_equal(dup2(plain, 0), 0);
    close(plain);
    out = harvest_read("-", NULL);
    harvest_assert_counts_up(&out, 0, 20);
    assert_int_equal(dup2(saved, 0), 0);
    close(saved);
}

static void test_reader_can_be_cancelled(void **state)
{
    (void)state;
    struct stance_video_reader *reader;
    struct stance_video_frame frame;
    const char *at = harvest_path("cancel.mkv");
    clip_make(at, &(struct clip){.muxer = "matroska"});
    assert_int_equal(stance_video_reader_open(&reader, at, NULL), 0);
    assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
    stance_image_close(&frame.image);
    stance_video_reader_cancel(reader);
    assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_ECANCELLED);
    stance_video_reader_close(&reader);
}

static void test_reader_frames_outlive_it_and_may_be_drawn_on(void **state)
{
    (void)state;
    struct stance_video_reader *reader;
    struct stance_video_frame frames[20];
    struct stance_video_options options;
    stance_video_options_default(&options);
    options.writable = 1;
    const char *at = harvest_path("writable.mp4");
    clip_make(at, &(struct clip){.muxer = "mp4"});
    assert_int_equal(stance_video_reader_open(&reader, at, &options), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(stance_video_reader_read(reader, &frames[i], -1), STANCE_VIDEO_FRAME);
        assert_in_range(harvest_corner(frames[i].image), clip_luma(i) - 6, clip_luma(i) + 6);
        for (int y = 0; y < 48; y++) /* predictions of the next ones must not see this */
            memset(frames[i].image->plane[0] + y * frames[i].image->stride[0], 255, 64);
    }
    stance_video_reader_close(&reader);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(harvest_corner(frames[i].image), 255);
        stance_image_close(&frames[i].image);
    }
}

static void test_reader_allocates_nothing_while_frames_flow(void **state)
{
    (void)state;
    enum { ONE = 65536 };
    static const int32_t quarter[9] = {0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30};
    const char *at = harvest_path("steady.mp4");
    for (int turned = 0; turned < 2; turned++) {
        struct stance_video_reader *reader;
        struct stance_video_frame frame;
        clip_make(at,
                  &(struct clip){.muxer = "mp4", .frames = 60, .matrix = turned ? quarter : NULL});
        assert_int_equal(stance_video_reader_open(&reader, at, NULL), 0);
        long count = 0;
        for (int i = 0; i < 60; i++) {
            assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
            stance_image_close(&frame.image);
            count = i == 3 ? base_alloc_count() : count;
        }
        assert_int_equal(base_alloc_count(), count);
        stance_video_reader_close(&reader);
    }
}

static void test_reader_plays_a_file_live(void **state)
{
    (void)state;
    struct stance_video_reader *reader;
    struct stance_video_frame frame;
    struct stance_video_options options;
    struct stance_video_stats stats;
    stance_video_options_default(&options);
    options.live = 1;
    const char *at = harvest_path("live.mkv");
    clip_make(at, &(struct clip){.muxer = "matroska", .frames = 8});
    assert_int_equal(stance_video_reader_open(&reader, at, &options), 0);
    int64_t last = -1;
    int taken = 0, status;
    while ((status = stance_video_reader_read(reader, &frame, 5000000)) == STANCE_VIDEO_FRAME) {
        assert_true(frame.index > last);
        last = frame.index;
        taken++;
        stance_image_close(&frame.image);
        usleep(taken == 1 ? 130000 : 1000);
    }
    assert_int_equal(status, STANCE_VIDEO_END);
    assert_int_equal(last, 7);
    stance_video_reader_stats(reader, &stats);
    assert_int_equal(stats.frames, 8);
    assert_int_equal(stats.dropped + taken, 8);
    assert_true(stats.dropped >= 1);
    stance_video_reader_close(&reader);
}

static void test_reader_survives_memory_that_is_out(void **state)
{
    (void)state;
    const char *at = harvest_path("oom.mkv");
    clip_make(at, &(struct clip){.muxer = "matroska",
                                 .encoder = "ffv1",
                                 .pixels = "yuv420p10le",
                                 .frames = 2,
                                 .audio = "pcm_s16le"});
    struct stance_video_options options;
    stance_video_options_default(&options);
    options.audio = 1;
    long live = base_alloc_live();
    for (long n = 1, done = 0; !done; n++) {
        struct stance_video_reader *reader;
        struct stance_video_frame frame;
        base_alloc_fail_at(n, 0);
        int code = stance_video_reader_open(&reader, at, &options);
        int status = code;
        while (code == 0 && (status = stance_video_reader_read(reader, &frame, -1)) > 0)
            stance_image_close(&frame.image);
        base_alloc_fail_at(0, 0);
        stance_video_reader_close(&reader);
        assert_true(status == 0 || status == STANCE_ENOMEMORY);
        done = status == 0;
        assert_int_equal(base_alloc_live(), live);
        assert_true(n < 100);
    }
}

/* Any byte of a small file changed, and any shorter one: errors or frames, never worse. */
static void test_reader_survives_hostile_files(void **state)
{
    (void)state;
    static const char *const muxers[] = {"matroska", "mp4", "avi"};
    for (int k = 0; k < 3; k++) {
        char original[256], changed[256];
        snprintf(original, sizeof original, "%s/whole.bin", support_temp_folder());
        snprintf(changed, sizeof changed, "%s/changed.bin", support_temp_folder());
        clip_make(original,
                  &(struct clip){.muxer = muxers[k], .frames = 2, .width = 16, .height = 16});
        long size = clip_size(original);
        for (int i = 0; i < 40; i++) {
            remove(changed);
            clip_append(changed, original);
            clip_damage(changed, i * size / 40, 1 + i % 3);
            if (i % 4 == 3)
                clip_cut(changed, i * size / 40 + 1);
            struct stance_video_reader *reader;
            struct stance_video_frame frame;
            if (stance_video_reader_open(&reader, changed, NULL) < 0)
                continue;
            for (int n = 0; n < 100 && stance_video_reader_read(reader, &frame, -1) > 0; n++)
                stance_image_close(&frame.image);
            stance_video_reader_close(&reader);
        }
    }
}

static void test_cut_files_are_known_by_their_headers(void **state)
{
    (void)state;
    uint8_t avi[12] = "RIFF\x10\0\0\0AVI ";
    assert_false(media_is_cut_off(avi, 12, 24));
    assert_true(media_is_cut_off(avi, 12, 23));
    uint8_t mkv[] = {0x1a, 0x45, 0xdf, 0xa3, 0x81, 0, 0x18, 0x53, 0x80, 0x67, 0x84};
    assert_false(media_is_cut_off(mkv, sizeof mkv, sizeof mkv + 4));
    assert_true(media_is_cut_off(mkv, sizeof mkv, sizeof mkv + 3));
    mkv[10] = 0xff; /* unknown size */
    assert_false(media_is_cut_off(mkv, sizeof mkv, sizeof mkv));
    for (size_t size = 0; size < sizeof mkv; size++)
        assert_false(media_is_cut_off(mkv, size, 1000));
}

static void test_reader_reads_the_shared_videos(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int frames;
    } files[] = {{"mmpose_demo.mp4", 5},
                 {"mmpose_posetrack_000001.mp4", 5},
                 {"simplepose_demo.gif", 39},
                 {"fall.gif", 17},
                 {"mmaction2_test.avi", 164}};
    char at[512];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char relative[128];
        snprintf(relative, sizeof relative, "data/video/%s", files[i].name);
        if (!support_shared_path(at, sizeof at, relative))
            skip();
        struct harvest out = harvest_read(at, NULL);
        assert_int_equal(out.frames, files[i].frames);
        assert_int_equal(out.damaged, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_gives_every_frame_of_every_container),
        cmocka_unit_test(test_reader_threads_change_nothing),
        cmocka_unit_test(test_reader_converts_deep_and_dense_formats),
        cmocka_unit_test(test_reader_turns_frames_upright),
        cmocka_unit_test(test_reader_reports_damaged_frames_and_goes_on),
        cmocka_unit_test(test_reader_gives_the_good_frames_of_a_cut_file),
        cmocka_unit_test(test_reader_refuses_what_is_no_video),
        cmocka_unit_test(test_reader_opens_nothing_that_a_file_names),
        cmocka_unit_test(test_reader_reads_sequences_in_natural_order),
        cmocka_unit_test(test_reader_reads_standard_input),
        cmocka_unit_test(test_reader_can_be_cancelled),
        cmocka_unit_test(test_reader_frames_outlive_it_and_may_be_drawn_on),
        cmocka_unit_test(test_reader_allocates_nothing_while_frames_flow),
        cmocka_unit_test(test_reader_plays_a_file_live),
        cmocka_unit_test(test_reader_survives_memory_that_is_out),
        cmocka_unit_test(test_reader_survives_hostile_files),
        cmocka_unit_test(test_cut_files_are_known_by_their_headers),
        cmocka_unit_test(test_reader_reads_the_shared_videos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
