/* Frames a second: detector and pose network on one decoded picture again and again, from its pixels
 * to keypoints.
 *
 * usage: frames PICTURE [THREADS [DETECTOR POSE]] (2 threads, the built-in models) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stance/stance.h>

enum { WARM_UP = 20, FRAMES = 400 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static int measure(struct stance_pose *pose, const struct stance_image *picture)
{
    static double times[FRAMES];
    const struct stance_pose_result *found = NULL;
    double detect = 0, keypoints = 0;
    for (int i = -WARM_UP; i < FRAMES; i++) {
        double start = now();
        if (stance_pose_image(pose, picture, NULL, 0, &found) < 0)
            return -1;
        if (i < 0)
            continue;
        times[i] = now() - start;
        detect += (double)found->detect_ns / 1e6 / FRAMES;
        keypoints += (double)found->pose_ns / 1e6 / FRAMES;
    }
    qsort(times, FRAMES, sizeof times[0], ascending);
    double median = times[FRAMES / 2];
    printf("%s\n", stance_pose_describe(pose));
    printf("%dx%d, %d people: median %.2f ms, %.0f frames a second; slowest of a hundred %.2f ms; "
           "mean: detect %.2f ms, keypoints %.2f ms\n",
           found->width, found->height, found->person_count, median * 1e3, 1 / median,
           times[FRAMES * 99 / 100] * 1e3, detect, keypoints);
    return 0;
}

int main(int count, char **words)
{
    struct stance_pose_options options;
    struct stance_pose *pose = NULL;
    struct stance_image *picture = NULL;
    if (count != 2 && count != 3 && count != 5) {
        fprintf(stderr, "usage: frames PICTURE [THREADS [DETECTOR POSE]]\n");
        return 2;
    }
    stance_pose_options_default(&options);
    options.threads = count > 2 ? (int)strtol(words[2], NULL, 10) : 2;
    int code = -1;
    if (stance_model_open(&options.detector, count > 3 ? words[3] : "stance-det") == 0 &&
        stance_model_open(&options.pose, count > 3 ? words[4] : "stance-pose") == 0 &&
        stance_pose_open(&pose, &options) == 0 && stance_image_read(&picture, words[1]) == 0)
        code = measure(pose, picture);
    if (code < 0)
        fprintf(stderr, "frames: %s\n", stance_error_text());
    stance_image_close(&picture);
    stance_pose_close(&pose);
    stance_model_close(&options.detector);
    stance_model_close(&options.pose);
    return code < 0;
}
