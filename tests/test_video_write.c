/* The video writer: what was added can be played, with its times and the source's audio, and files
 * appear whole or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <dirent.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "stance/video.h"
#include "support/clip.h"
#include "support/support.h"

static char path[256], source_path[256];

static const char *file(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", support_temp_folder(), name);
    return path;
}

static const char *source_file(const char *name)
{
    snprintf(source_path, sizeof source_path, "%s/%s", support_temp_folder(), name);
    return source_path;
}

/* Flat pictures whose luma tells their number. */
static struct stance_image *picture(int format, int width, int height, int number)
{
    struct stance_image *image;
    assert_int_equal(stance_image_open(&image, format, width, height), 0);
    int planes = format == STANCE_YUV420P ? 3 : format == STANCE_NV12 ? 2 : 1;
    for (int i = 0; i < planes; i++)
        for (int y = 0; y < (i ? (height + 1) / 2 : height); y++)
            memset(image->plane[i] + y * image->stride[i], i ? 128 : clip_luma(number),
                   (size_t)labs(image->stride[i]));
    return image;
}

static void add(struct stance_video_writer *writer, int format, int width, int height, int number,
                int64_t time_us)
{
    struct stance_image *image = picture(format, width, height, number);
    if (stance_video_writer_add(writer, image, time_us, 40000) != 0)
        fail_msg("%s", stance_error_text());
    stance_image_close(&image);
}

/* What a file contains, by libavformat alone. */
struct content {
    int video, audio;
    int64_t last_video_us, duration_us, video_duration_us, audio_end_us;
};

static struct content look_into(const char *at)
{
    struct content content = {0};
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    if (avformat_open_input(&format, at, NULL, NULL) < 0 ||
        avformat_find_stream_info(format, NULL) < 0)
        fail_msg("cannot open %s", at);
    while (av_read_frame(format, packet) == 0) {
        AVStream *stream = format->streams[packet->stream_index];
        bool video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
        int64_t end =
            av_rescale_q(packet->pts + packet->duration, stream->time_base, AV_TIME_BASE_Q);
        int64_t *last = video ? &content.last_video_us : &content.audio_end_us;
        *last = end > *last ? end : *last;
        *(video ? &content.video : &content.audio) += 1;
        if (video && stream->duration != AV_NOPTS_VALUE)
            content.video_duration_us =
                av_rescale_q(stream->duration, stream->time_base, AV_TIME_BASE_Q);
        av_packet_unref(packet);
    }
    content.duration_us = format->duration;
    av_packet_free(&packet);
    avformat_close_input(&format);
    return content;
}

/* Frames of the temporary folder whose name contains ".part". */
static int leftovers(void)
{
    int count = 0;
    DIR *folder = opendir(support_temp_folder());
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strstr(entry->d_name, ".part") != NULL;
    closedir(folder);
    return count;
}

static void test_writer_writes_every_container(void **state)
{
    (void)state;
    static const struct {
        const char *name, *codec;
        int format;
    } kinds[] = {
        {"w.mp4", NULL, STANCE_YUV420P},    {"w.mkv", NULL, STANCE_NV12},
        {"w.webm", NULL, STANCE_RGB24},     {"w.mov", "mpeg4", STANCE_BGR24},
        {"w.m4v", "mpeg4", STANCE_GRAY8},   {"w2.mkv", "mjpeg", STANCE_YUV420P},
        {"w3.mkv", "ffv1", STANCE_YUV420P},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct stance_video_writer *writer;
        struct stance_video_writer_options options;
        stance_video_writer_options_default(&options);
        options.codec = kinds[k].codec;
        if (stance_video_writer_open(&writer, file(kinds[k].name), &options) != 0)
            fail_msg("%s: %s", kinds[k].name, stance_error_text());
        for (int i = 0; i < 30; i++)
            add(writer, kinds[k].format, 64, 48, i, i * 40000);
        if (stance_video_writer_close(&writer) != 0)
            fail_msg("%s: %s", kinds[k].name, stance_error_text());
        struct content content = look_into(path);
        assert_int_equal(content.video, 30);
        assert_true(llabs(content.duration_us - 1200000) <= 1000);
        struct stance_video_reader *reader;
        struct stance_video_frame frame;
        assert_int_equal(stance_video_reader_open(&reader, path, NULL), 0);
        for (int i = 0; i < 30; i++) {
            assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
            assert_true(llabs(frame.time_us - i * 40000) <= 1000);
            int luma = frame.image->plane[0][20 * frame.image->stride[0] + 20];
            int expected =
                kinds[k].format < STANCE_YUV420P ? 16 + clip_luma(i) * 219 / 255 : clip_luma(i);
            if (frame.image->color >= STANCE_BT601_FULL)
                expected = (clip_luma(i) - 16) * 255 / 219;
            assert_in_range(luma, expected - 6, expected + 6);
            stance_image_close(&frame.image);
        }
        assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_END);
        stance_video_reader_close(&reader);
    }
    assert_int_equal(leftovers(), 0);
}

/* Copies a source through reader and writer; at most `most` frames. */
static void copy(const char *from, const char *to, int most, const char *codec)
{
    struct stance_video_options reading;
    struct stance_video_writer_options writing;
    struct stance_video_reader *reader;
    struct stance_video_writer *writer;
    struct stance_video_frame frame;
    stance_video_options_default(&reading);
    stance_video_writer_options_default(&writing);
    reading.audio = 1;
    assert_int_equal(stance_video_reader_open(&reader, from, &reading), 0);
    writing.source = reader;
    writing.codec = codec;
    if (stance_video_writer_open(&writer, to, &writing) != 0)
        fail_msg("%s", stance_error_text());
    for (int i = 0; i < most && stance_video_reader_read(reader, &frame, -1) > 0; i++) {
        assert_int_equal(
            stance_video_writer_add(writer, frame.image, frame.time_us, frame.duration_us), 0);
        stance_image_close(&frame.image);
    }
    stance_video_reader_close(&reader);
    if (stance_video_writer_close(&writer) != 0)
        fail_msg("%s", stance_error_text());
}

static void test_writer_keeps_times_and_duration_of_the_source(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 40, 200, 210, 215, 1000, 1040, 3000, 3033, 3066, 3100};
    static const char *const names[] = {"t.mp4", "t.mkv", "t.webm"};
    clip_make(source_file("vfr.mkv"),
              &(struct clip){.muxer = "matroska", .frames = 11, .times_ms = times});
    for (int k = 0; k < 3; k++) {
        copy(source_path, file(names[k]), 1000, k == 1 ? "h264" : NULL);
        struct stance_video_reader *reader;
        struct stance_video_frame frame;
        assert_int_equal(stance_video_reader_open(&reader, path, NULL), 0);
        for (int i = 0; i < 11; i++) {
            assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
            assert_int_equal(frame.time_us, times[i] * 1000);
            stance_image_close(&frame.image);
        }
        stance_video_reader_close(&reader);
        struct content content = look_into(path);
        assert_int_equal(content.video, 11);
        if (k > 0) /* MP4 keeps durations in decoding order */
            assert_true(llabs(content.last_video_us - 3140000) <= 1000);
        assert_true(llabs(content.duration_us - 3140000) <= 1000);
    }
    clip_make(source_file("cfr.avi"), &(struct clip){.muxer = "avi", .frames = 60});
    copy(source_path, file("cfr.mp4"), 1000, NULL);
    struct content content = look_into(path), original = look_into(source_path);
    assert_int_equal(content.video, original.video);
    assert_true(llabs(content.duration_us - 2400000) <= 1000);
    assert_true(llabs(content.video_duration_us - 2400000) <= 1000);
}

/* AAC begins before the video; that must not push the frames back, in no container. */
static void test_writer_keeps_the_start_beside_sound(void **state)
{
    (void)state;
    const char *const names[] = {"lead.mp4", "lead.mkv", "lead.mov"};
    clip_make(source_file("lead_source.mp4"), &(struct clip){.muxer = "mp4", .audio = "aac"});
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        struct stance_video_reader *reader;
        struct stance_video_writer *writer;
        struct stance_video_frame frame;
        struct stance_video_options with_sound;
        struct stance_video_writer_options options;
        stance_video_options_default(&with_sound);
        with_sound.audio = 1;
        assert_int_equal(stance_video_reader_open(&reader, source_path, &with_sound), 0);
        stance_video_writer_options_default(&options);
        options.source = reader;
        assert_int_equal(stance_video_writer_open(&writer, file(names[k]), &options), 0);
        while (stance_video_reader_read(reader, &frame, -1) == STANCE_VIDEO_FRAME) {
            assert_int_equal(stance_video_writer_add(writer, frame.image, frame.time_us, 0), 0);
            stance_image_close(&frame.image);
        }
        stance_video_reader_close(&reader);
        assert_int_equal(stance_video_writer_close(&writer), 0);
        assert_true(look_into(path).audio >= 6);
        assert_int_equal(stance_video_reader_open(&reader, path, NULL), 0);
        assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
        if (frame.time_us != 0)
            fail_msg("%s begins at %lld µs", names[k], (long long)frame.time_us);
        stance_image_close(&frame.image);
        stance_video_reader_close(&reader);
    }
}

/* A header that tells of three days a frame. */
static void test_writer_takes_any_ticks_of_the_source(void **state)
{
    (void)state;
    static char bytes[1 << 16];
    struct stance_video_reader *reader;
    struct stance_video_writer *writer;
    struct stance_video_writer_options options;
    const char *at = source_file("slow.avi");
    clip_make(at, &(struct clip){.muxer = "avi", .encoder = "mjpeg", .pixels = "yuvj420p"});
    FILE *file_of_bytes = fopen(at, "r+b");
    assert_non_null(file_of_bytes);
    size_t size = fread(bytes, 1, sizeof bytes, file_of_bytes), strh = 0;
    while (strh < size && memcmp(bytes + strh, "vids", 4) != 0)
        strh++;
    const int32_t scale_and_rate[2] = {250000, 1};
    fseek(file_of_bytes, (long)strh + 20, SEEK_SET);
    fwrite(scale_and_rate, sizeof scale_and_rate, 1, file_of_bytes);
    fclose(file_of_bytes);
    assert_int_equal(stance_video_reader_open(&reader, at, NULL), 0);
    stance_video_writer_options_default(&options);
    options.source = reader;
    if (stance_video_writer_open(&writer, file("slow.mp4"), &options) != 0)
        fail_msg("%s", stance_error_text());
    stance_video_reader_close(&reader);
    for (int i = 0; i < 5; i++)
        add(writer, STANCE_YUV420P, 64, 48, i, i * 40000);
    assert_int_equal(stance_video_writer_close(&writer), 0);
    assert_int_equal(look_into(path).video, 5);
    assert_true(llabs(look_into(path).duration_us - 200000) <= 1000);
}

static void test_writer_copies_the_audio(void **state)
{
    (void)state;
    clip_make(source_file("sound.mkv"),
              &(struct clip){.muxer = "matroska", .frames = 50, .audio = "aac"});
    struct content original = look_into(source_path);
    assert_true(original.audio > 10);
    copy(source_path, file("sound.mp4"), 1000, NULL);
    struct content content = look_into(path);
    assert_int_equal(content.video, 50);
    assert_int_equal(content.audio, original.audio);
    assert_true(llabs(content.audio_end_us - original.audio_end_us) < 130000);
    /* In the middle of the source the sound ends with the picture. */
    copy(source_path, file("half.mkv"), 25, NULL);
    content = look_into(path);
    assert_int_equal(content.video, 25);
    assert_true(content.audio >= original.audio / 3 && content.audio < original.audio * 2 / 3 + 1);
    assert_true(content.duration_us < 1300000);
}

static int open_code(const char *name, const struct stance_video_writer_options *options)
{
    struct stance_video_writer *writer;
    int code = stance_video_writer_open(&writer, file(name), options);
    assert_true(code < 0);
    assert_null(writer);
    assert_false(base_file_exists(path));
    assert_int_equal(leftovers(), 0);
    return code;
}

static void test_writer_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    struct stance_video_writer_options options;
    stance_video_writer_options_default(&options);
    assert_int_equal(open_code("no.txt", NULL), STANCE_EARGUMENT);
    assert_int_equal(open_code("no", NULL), STANCE_EARGUMENT);
    assert_int_equal(open_code("no/folder.mp4", NULL), STANCE_ENOTFOUND);
    options.codec = "nonsense";
    assert_int_equal(open_code("no.mp4", &options), STANCE_EUNSUPPORTED);
    options.codec = "aac";
    assert_int_equal(open_code("no.mp4", &options), STANCE_EARGUMENT);
    options.codec = "h264";
    assert_int_equal(open_code("no.webm", &options), STANCE_EUNSUPPORTED);
    options.preset = "ludicrous";
    assert_int_equal(open_code("no.mp4", &options), STANCE_EARGUMENT);
    options.preset = NULL;
    options.crf = 99;
    assert_int_equal(open_code("no.mp4", &options), STANCE_EARGUMENT);
    options.codec = "mpeg4";
    options.crf = 20;
    assert_int_equal(open_code("no.mp4", &options), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "crf"));
}

static void test_writer_says_when_hardware_is_missing(void **state)
{
    (void)state;
    static const char *const names[] = {"h264_vaapi", "h264_v4l2m2m"};
    for (int k = 0; k < 2; k++) {
        struct stance_video_writer_options options;
        struct stance_video_writer *writer;
        stance_video_writer_options_default(&options);
        options.codec = names[k];
        int code = stance_video_writer_open(&writer, file("hard.mp4"), &options);
        if (code == 0) { /* a machine that has it */
            stance_video_writer_close(&writer);
            continue;
        }
        assert_true(code == STANCE_EDEVICE || code == STANCE_EUNSUPPORTED);
        assert_non_null(strstr(stance_error_text(), names[k]));
    }
}

static void test_writer_refuses_audio_the_container_cannot_hold(void **state)
{
    (void)state;
    struct stance_video_options reading;
    struct stance_video_writer_options writing;
    struct stance_video_reader *reader;
    struct stance_video_writer *writer;
    stance_video_options_default(&reading);
    stance_video_writer_options_default(&writing);
    reading.audio = 1;
    clip_make(source_file("pcm.mkv"), &(struct clip){.muxer = "matroska", .audio = "pcm_s16le"});
    assert_int_equal(stance_video_reader_open(&reader, source_path, &reading), 0);
    writing.source = reader;
    assert_int_equal(stance_video_writer_open(&writer, file("pcm.webm"), &writing),
                     STANCE_EUNSUPPORTED);
    assert_non_null(strstr(stance_error_text(), "pcm_s16le"));
    writing.audio = 0;
    assert_int_equal(stance_video_writer_open(&writer, path, &writing), 0);
    assert_int_equal(stance_video_writer_close(&writer), 0);
    stance_video_reader_close(&reader);
}

static void test_writer_fits_frames_of_other_sizes(void **state)
{
    (void)state;
    struct stance_video_writer *writer;
    struct stance_video_reader *reader;
    struct stance_video_frame frame;
    struct stance_video_writer_options options;
    stance_video_writer_options_default(&options);
    options.codec = "ffv1";
    assert_int_equal(stance_video_writer_open(&writer, file("sizes.mkv"), &options), 0);
    add(writer, STANCE_YUV420P, 65, 49, 20, 0); /* odd: the last column and row go */
    add(writer, STANCE_YUV420P, 128, 48, 20, 40000);
    add(writer, STANCE_RGB24, 31, 77, 20, 80000);
    assert_int_equal(stance_video_writer_close(&writer), 0);
    assert_int_equal(stance_video_reader_open(&reader, path, NULL), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
        assert_int_equal(frame.image->width, 64);
        assert_int_equal(frame.image->height, 48);
        const uint8_t *luma = frame.image->plane[0];
        ptrdiff_t stride = frame.image->stride[0];
        assert_int_equal(luma[0] > 30, i == 0);
        assert_true(luma[24 * stride + 32] > 60);
        assert_int_equal(luma[24 * stride + 2] > 30, i != 2);
        assert_int_equal(luma[2 * stride + 32] > 30, i != 1);
        stance_image_close(&frame.image);
    }
    stance_video_reader_close(&reader);
}

/* Time stands still or goes back: the frame is told about, all others are there. */
static void test_writer_refuses_times_that_do_not_rise(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        int code;
    } frames[] = {{40000, 0},
                  {40000, STANCE_EARGUMENT},
                  {80000, 0},
                  {60000, STANCE_EARGUMENT},
                  {0, STANCE_EARGUMENT},
                  {80001, 0},
                  {120000, 0}};
    struct stance_video_writer *writer;
    assert_int_equal(stance_video_writer_open(&writer, file("rising.mp4"), NULL), 0);
    for (int i = 0; i < 7; i++) {
        struct stance_image *image = picture(STANCE_YUV420P, 64, 48, i);
        assert_int_equal(stance_video_writer_add(writer, image, frames[i].time_us, 40000),
                         frames[i].code);
        stance_image_close(&image);
        if (i == 3)
            assert_string_equal(strstr(stance_error_text(), "frame"),
                                "frame 2 at 60000 µs is not later than the one before, at 80000 "
                                "µs: leave it out, or give it a later time");
    }
    assert_int_equal(stance_video_writer_close(&writer), 0);
    assert_int_equal(look_into(path).video, 4);
}

static void test_writer_leaves_no_file_without_frames(void **state)
{
    (void)state;
    struct stance_video_writer *writer;
    assert_int_equal(stance_video_writer_open(&writer, file("none.mp4"), NULL), 0);
    assert_int_equal(leftovers(), 1);
    assert_non_null(strstr(stance_video_writer_describe(writer), "mp4"));
    struct stance_image *image = picture(STANCE_GRAY8, 64, 48, 0);
    assert_int_equal(stance_video_writer_add(writer, image, -1, 0), STANCE_EARGUMENT);
    assert_int_equal(stance_video_writer_add(writer, NULL, 0, 0), STANCE_EARGUMENT);
    stance_image_close(&image);
    assert_int_equal(stance_video_writer_close(&writer), 0);
    assert_int_equal(leftovers(), 0);
    assert_false(base_file_exists(path));
    assert_int_equal(stance_video_writer_close(&writer), 0);
}

static void test_writer_keeps_the_old_file_until_the_new_is_whole(void **state)
{
    (void)state;
    FILE *old = fopen(file("old.mkv"), "wb");
    fputs("old", old);
    fclose(old);
    struct stance_video_writer *writer;
    assert_int_equal(stance_video_writer_open(&writer, path, NULL), 0);
    for (int i = 0; i < 5; i++)
        add(writer, STANCE_YUV420P, 64, 48, i, i * 40000);
    assert_int_equal(clip_size(path), 3);
    assert_int_equal(stance_video_writer_close(&writer), 0);
    assert_int_equal(look_into(path).video, 5);
}

static void test_writer_reports_a_full_disk(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    char part[300];
    struct stance_video_writer *writer;
    file("full.mkv");
    snprintf(part, sizeof part, "%s.part-%ld", path, (long)getpid());
    assert_int_equal(symlink("/dev/full", part), 0);
    assert_int_equal(stance_video_writer_open(&writer, path, NULL), 0);
    for (int i = 0; i < 3; i++) {
        struct stance_image *image = picture(STANCE_YUV420P, 64, 48, i);
        stance_video_writer_add(writer, image, i * 40000, 0);
        stance_image_close(&image);
    }
    assert_int_equal(stance_video_writer_close(&writer), STANCE_EIO);
    assert_false(base_file_exists(path));
    assert_int_equal(leftovers(), 0);
}

static void test_writer_survives_memory_that_is_out(void **state)
{
    (void)state;
    long live = base_alloc_live();
    struct stance_image *image = picture(STANCE_RGB24, 32, 32, 1);
    for (long n = 1, done = 0; !done; n++) {
        struct stance_video_writer *writer;
        struct stance_video_writer_options options;
        stance_video_writer_options_default(&options);
        options.codec = "mpeg4";
        base_alloc_fail_at(n, 0);
        int code = stance_video_writer_open(&writer, file("oom.mkv"), &options);
        if (code == 0)
            code = stance_video_writer_add(writer, image, 0, 0);
        int closed = stance_video_writer_close(&writer);
        base_alloc_fail_at(0, 0);
        assert_true(code == 0 || code == STANCE_ENOMEMORY);
        done = code == 0 && closed == 0;
        assert_true(n < 60);
    }
    stance_image_close(&image);
    assert_int_equal(base_alloc_live(), live);
    assert_int_equal(leftovers(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_writes_every_container),
        cmocka_unit_test(test_writer_keeps_times_and_duration_of_the_source),
        cmocka_unit_test(test_writer_keeps_the_start_beside_sound),
        cmocka_unit_test(test_writer_takes_any_ticks_of_the_source),
        cmocka_unit_test(test_writer_copies_the_audio),
        cmocka_unit_test(test_writer_refuses_what_it_cannot_do),
        cmocka_unit_test(test_writer_says_when_hardware_is_missing),
        cmocka_unit_test(test_writer_refuses_audio_the_container_cannot_hold),
        cmocka_unit_test(test_writer_fits_frames_of_other_sizes),
        cmocka_unit_test(test_writer_refuses_times_that_do_not_rise),
        cmocka_unit_test(test_writer_leaves_no_file_without_frames),
        cmocka_unit_test(test_writer_keeps_the_old_file_until_the_new_is_whole),
        cmocka_unit_test(test_writer_reports_a_full_disk),
        cmocka_unit_test(test_writer_survives_memory_that_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
