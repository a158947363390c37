/* Live sources: the newest frame only, drops counted, connected anew with growing patience. The
 * source and the time are the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "media/live.h"

enum { MOST_PAUSES = 64 };

/* A source that gives a frame each time the test lets it. */
struct fake {
    sem_t go, done; /* one step of next(), and its end */
    int script[32]; /* status of each step: FRAME, END, an error, or DAMAGED */
    int steps, opened, closed, refuse;
    int64_t now;
    int64_t pauses[MOST_PAUSES];
    int paused;
    atomic_int cancel;
    struct media_live *live;
};

enum { DAMAGED = 77 };

static int fake_open(void *context)
{
    struct fake *fake = context;
    if (fake->refuse > 0) {
        fake->refuse--;
        return base_error(STANCE_EIO, "nobody is there");
    }
    fake->opened++;
    return 0;
}

static int fake_next(void *context, struct stance_video_frame *frame)
{
    struct fake *fake = context;
    sem_post(&fake->done); /* what came before is in place */
    sem_wait(&fake->go);
    int status = fake->script[fake->steps++];
    if (status == DAMAGED) {
        frame->code = STANCE_EFORMAT;
        frame->cause = "broken";
        return STANCE_VIDEO_FRAME;
    }
    if (status < 0)
        return base_error(status, "the cable is out");
    frame->time_us = fake->steps * 40000;
    fake->now += 40000;
    return status == STANCE_VIDEO_FRAME
               ? stance_image_open(&frame->image, STANCE_GRAY8, fake->steps, 1) < 0
                     ? STANCE_ENOMEMORY
                     : STANCE_VIDEO_FRAME
               : status;
}

static void fake_close(void *context)
{
    ((struct fake *)context)->closed++;
}

static int64_t fake_now(void *context)
{
    return ((struct fake *)context)->now;
}

static void fake_pause(void *context, int64_t us)
{
    struct fake *fake = context;
    if (fake->paused < MOST_PAUSES)
        fake->pauses[fake->paused++] = us;
    fake->now += us;
}

static void open_fake(struct fake *fake, const int *script, size_t count, int reconnects)
{
    memset(fake, 0, sizeof *fake);
    memcpy(fake->script, script, count * sizeof *script);
    sem_init(&fake->go, 0, 0);
    sem_init(&fake->done, 0, 0);
    struct media_live_input input = {.context = fake,
                                     .open = fake_open,
                                     .next = fake_next,
                                     .close = fake_close,
                                     .now_us = fake_now,
                                     .pause = fake_pause,
                                     .cancel = &fake->cancel,
                                     .endless = true};
    struct media_live_options options = {500000, 4000000, reconnects};
    base_log_limit(BASE_LOG_ERROR);
    assert_int_equal(media_live_open(&fake->live, &input, &options), 0);
    sem_wait(&fake->done);
}

/* Lets the source take a step and waits until it wants the next. */
static void step(struct fake *fake)
{
    sem_post(&fake->go);
    sem_wait(&fake->done);
}

static void close_fake(struct fake *fake)
{
    atomic_store(&fake->cancel, 1);
    sem_post(&fake->go);
    media_live_wake(fake->live);
    media_live_close(&fake->live);
    sem_destroy(&fake->go);
    sem_destroy(&fake->done);
}

static int take(struct fake *fake, struct stance_video_frame *frame)
{
    static char cause[MEDIA_CAUSE_BYTES];
    return media_live_read(fake->live, frame, 0, cause);
}

static struct stance_video_stats stats_of(struct fake *fake)
{
    struct stance_video_stats stats = {0};
    media_live_stats(fake->live, &stats);
    return stats;
}

static void test_live_gives_the_newest_frame_and_counts_the_others(void **state)
{
    (void)state;
    static const int script[32] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct fake fake;
    struct stance_video_frame frame;
    long live = base_alloc_live();
    open_fake(&fake, script, 32, -1);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_WAIT);
    for (int i = 0; i < 5; i++)
        step(&fake);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
    assert_int_equal(frame.index, 4);
    assert_int_equal(frame.image->width, 5);
    stance_image_close(&frame.image);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_WAIT);
    step(&fake);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
    assert_int_equal(frame.index, 5);
    stance_image_close(&frame.image);
    step(&fake); /* stays in the slot until the end */
    struct stance_video_stats stats = stats_of(&fake);
    assert_int_equal(stats.frames, 7);
    assert_int_equal(stats.dropped, 4);
    assert_int_equal(stats.state, STANCE_VIDEO_ONLINE);
    close_fake(&fake);
    assert_int_equal(fake.closed, 1);
    assert_int_equal(base_alloc_live(), live);
}

static void test_live_damage_does_not_displace_a_frame(void **state)
{
    (void)state;
    static const int script[32] = {1, DAMAGED, DAMAGED, 1};
    struct fake fake;
    struct stance_video_frame frame;
    open_fake(&fake, script, 32, -1);
    step(&fake);
    step(&fake);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
    assert_int_equal(frame.code, 0);
    stance_image_close(&frame.image);
    step(&fake);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
    assert_int_equal(frame.code, STANCE_EFORMAT);
    assert_string_equal(frame.cause, "broken");
    assert_int_equal(stats_of(&fake).damaged, 2);
    close_fake(&fake);
}

static void test_live_connects_anew_with_growing_patience(void **state)
{
    (void)state;
    static const int script[32] = {1, STANCE_EIO, 1, STANCE_VIDEO_END, 1};
    static const int64_t waits[] = {500000, 1000000, 2000000, 4000000, 4000000, 4000000, 500000};
    struct fake fake;
    struct stance_video_frame frame;
    open_fake(&fake, script, 32, -1);
    step(&fake);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
    assert_int_equal(frame.epoch, 0);
    int64_t before = frame.time_us;
    stance_image_close(&frame.image);
    fake.refuse = 5;
    step(&fake); /* lost, refused five times, found */
    assert_int_equal(stats_of(&fake).state, STANCE_VIDEO_OFFLINE);
    step(&fake);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
    assert_int_equal(frame.epoch, 1);
    assert_true(frame.time_us - before >= 15500000); /* the clock went on */
    stance_image_close(&frame.image);
    assert_int_equal(stats_of(&fake).state, STANCE_VIDEO_ONLINE);
    step(&fake); /* an end is an interruption, too; patience begins anew */
    assert_int_equal(fake.paused, 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(fake.pauses[i], waits[i]);
    assert_int_equal(stats_of(&fake).epoch, 2);
    assert_int_equal(fake.closed, 2);
    close_fake(&fake);
    assert_int_equal(fake.opened, 2);
}

/* Looking for the source would not help. */
static void test_live_ends_when_too_many_pictures_are_kept(void **state)
{
    (void)state;
    static const int script[32] = {1, STANCE_ELIMIT};
    struct fake fake;
    struct stance_video_frame frame;
    open_fake(&fake, script, 2, -1);
    step(&fake);
    assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
    stance_image_close(&frame.image);
    sem_post(&fake.go);
    char cause[MEDIA_CAUSE_BYTES];
    assert_int_equal(media_live_read(fake.live, &frame, 5000000, cause), STANCE_ELIMIT);
    assert_int_equal(stats_of(&fake).state, STANCE_VIDEO_ENDED);
    assert_int_equal(fake.paused, 0);
    close_fake(&fake);
}

static void test_live_gives_up_when_told_so(void **state)
{
    (void)state;
    static const int script[32] = {1, STANCE_EIO};
    struct fake fake;
    struct stance_video_frame frame;
    char cause[MEDIA_CAUSE_BYTES];
    open_fake(&fake, script, 32, 3);
    step(&fake);
    fake.refuse = 100;
    sem_post(&fake.go);
    assert_int_equal(media_live_read(fake.live, &frame, -1, cause), STANCE_VIDEO_FRAME);
    stance_image_close(&frame.image);
    assert_int_equal(media_live_read(fake.live, &frame, -1, cause), STANCE_EIO);
    assert_string_equal(stance_error_text(), "nobody is there");
    assert_int_equal(fake.paused, 3);
    assert_int_equal(stats_of(&fake).state, STANCE_VIDEO_ENDED);
    close_fake(&fake);
}

static void test_live_times_rise_and_follow_the_clock(void **state)
{
    (void)state;
    static const int script[32] = {1, 1, 1, 1, 1, 1};
    struct fake fake;
    struct stance_video_frame frame;
    open_fake(&fake, script, 32, -1);
    int64_t last = -1;
    for (int i = 0; i < 6; i++) {
        if (i == 3)
            fake.now += 60000000; /* the stream's times stand still for a minute */
        step(&fake);
        assert_int_equal(take(&fake, &frame), STANCE_VIDEO_FRAME);
        assert_true(frame.time_us > last);
        assert_int_equal(frame.time_us - last >= 60000000, i == 3);
        last = frame.time_us;
        stance_image_close(&frame.image);
    }
    close_fake(&fake);
}

static void *cancel_soon(void *context)
{
    struct fake *fake = context;
    usleep(20000);
    atomic_store(&fake->cancel, 1);
    media_live_wake(fake->live);
    return NULL;
}

static void test_live_waiting_ends_when_cancelled(void **state)
{
    (void)state;
    static const int script[32] = {1};
    struct fake fake;
    struct stance_video_frame frame;
    char cause[MEDIA_CAUSE_BYTES];
    pthread_t thread;
    open_fake(&fake, script, 32, -1);
    assert_int_equal(media_live_read(fake.live, &frame, 1000, cause), STANCE_VIDEO_WAIT);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &fake), 0);
    assert_int_equal(media_live_read(fake.live, &frame, -1, cause), STANCE_ECANCELLED);
    pthread_join(thread, NULL);
    close_fake(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_gives_the_newest_frame_and_counts_the_others),
        cmocka_unit_test(test_live_damage_does_not_displace_a_frame),
        cmocka_unit_test(test_live_connects_anew_with_growing_patience),
        cmocka_unit_test(test_live_ends_when_too_many_pictures_are_kept),
        cmocka_unit_test(test_live_gives_up_when_told_so),
        cmocka_unit_test(test_live_times_rise_and_follow_the_clock),
        cmocka_unit_test(test_live_waiting_ends_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
