/* Real networks on a real video: three people who train in place keep their ids. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stance/stream.h"
#include "stance/video.h"
#include "support/support.h"
#include "support/trial.h"

enum { MOST_IDS = 64, PEOPLE = 3, FRAMES_A_SECOND = 10 };

/* Who was told in how many frames. */
struct register_of_ids {
    int64_t ids[MOST_IDS];
    int64_t first_us[MOST_IDS];
    int frames[MOST_IDS];
    int count;
};

static void note(struct register_of_ids *all, const struct stance_stream_result *result)
{
    for (int i = 0; i < result->pose.person_count; i++) {
        int at = 0;
        while (at < all->count && all->ids[at] != result->ids[i])
            at++;
        assert_in_range(at, 0, MOST_IDS - 1);
        if (at == all->count) {
            all->ids[all->count++] = result->ids[i];
            all->first_us[at] = result->time_us;
        }
        all->frames[at]++;
    }
}

static struct stance_pose *open_networks(void)
{
    struct stance_pose_options options;
    struct stance_pose *pose;
    stance_pose_options_default(&options);
    options.threads = 2;
    options.detector = trial_model("rtmdet_nano_person_320_rawhead.onnx");
    options.pose = trial_model("simplepose_opset9.onnx");
    trial_check(stance_pose_open(&pose, &options));
    stance_model_close(&options.detector);
    stance_model_close(&options.pose);
    return pose;
}

/* All frames of a video through a stream; returns how many. */
static int64_t watch(struct stance_stream *stream, const char *path, struct register_of_ids *all)
{
    struct stance_video_reader *reader;
    struct stance_video_frame frame;
    trial_check(stance_video_reader_open(&reader, path, NULL));
    int status;
    while ((status = stance_video_reader_read(reader, &frame, -1)) == STANCE_VIDEO_FRAME) {
        struct stance_stream_frame next = {
            .stream = stream, .image = frame.image, .time_us = frame.time_us};
        trial_check(stance_stream_apply(&next, 1));
        note(all, next.result);
        stance_image_close(&frame.image);
    }
    assert_int_equal(status, STANCE_VIDEO_END);
    stance_video_reader_close(&reader);
    struct stance_stream_counts counts;
    stance_stream_counts(stream, &counts);
    print_message("%lld frames, %lld with the detector, %lld people\n", (long long)counts.measured,
                  (long long)counts.detections, (long long)counts.people);
    assert_int_equal(counts.people, all->count);
    assert_true(counts.detections < counts.measured / 2);
    return counts.measured;
}

static void test_three_people_keep_their_ids(void **state)
{
    char path[4096];
    struct stance_stream *stream;
    struct register_of_ids all = {0};
    int stayed = 0;
    (void)state;
    if (!support_shared_path(path, sizeof path, "data/video/felix_exercise.avi"))
        skip();
    struct stance_pose *pose = open_networks();
    trial_check(stance_stream_open(&stream, pose, NULL));
    int64_t frames = watch(stream, path, &all);
    for (int i = 0; i < all.count; i++) {
        print_message("id %lld: %d frames from %.1f s on\n", (long long)all.ids[i], all.frames[i],
                      (double)all.first_us[i] * 1e-6);
        bool stays = all.frames[i] * 100 >= frames * 95;
        stayed += stays;
        assert_true(stays || all.frames[i] <= 2 * FRAMES_A_SECOND);
    }
    assert_int_equal(stayed, PEOPLE);
    stance_stream_close(&stream);
    stance_pose_close(&pose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_people_keep_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
