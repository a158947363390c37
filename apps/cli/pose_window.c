/* The window of `stance pose`, between the thread that draws and the main thread, which alone may
 * touch it. */
#include <stdio.h>

#include "pose_window.h"

#ifdef STANCE_HAVE_VIEW
#include "view/view_window.h"

/* Of several inputs the first that could be opened; there is one. */
static const struct video_input *first_open(const struct video_job *job)
{
    const struct video_input *input = job->inputs;
    while (!input->reader)
        input++;
    return input;
}

bool pose_window_wants(const struct video_input *input)
{
    return input->job->pose->values.show && input == first_open(input->job);
}

/* "24.9 fps  31 ms  2 dropped" */
static void write_caption(struct video_input *input, struct stance_image *image, double seconds)
{
    struct stance_draw_options style;
    const struct stance_pose_result nobody = {.width = image->width, .height = image->height};
    struct stance_video_stats stats;
    char caption[96];
    stance_video_reader_stats(input->reader, &stats);
    double spent = cli_clock() - input->job->started;
    int length = snprintf(caption, sizeof caption, "%.1f fps  %.0f ms",
                          spent > 0 ? (double)input->done / spent : 0, seconds * 1e3);
    if (input->info->live)
        snprintf(caption + length, sizeof caption - (size_t)length, "  %lld dropped",
                 (long long)stats.dropped);
    stance_draw_options_default(&style);
    style.caption = caption;
    stance_draw_pose(image, &nobody, &style);
}

void pose_window_take(struct video_input *input, struct stance_image *image, double seconds)
{
    struct video_job *job = input->job;
    struct stance_image *frame = NULL;
    if (!input->writer)
        frame = stance_image_keep(image);
    else if (stance_image_convert(&frame, image, image->format) < 0)
        return;
    write_caption(input, frame, seconds);
    pthread_mutex_lock(&job->shown_mutex);
    struct stance_image *before = job->shown;
    job->shown = frame;
    pthread_mutex_unlock(&job->shown_mutex);
    stance_image_close(&before);
}

static struct stance_image *newest(struct video_job *job)
{
    pthread_mutex_lock(&job->shown_mutex);
    struct stance_image *image = job->shown;
    job->shown = NULL;
    pthread_mutex_unlock(&job->shown_mutex);
    return image;
}

static void save(const struct video_job *job)
{
    char path[64];
    struct stance_image *rgb = NULL;
    if (!job->on_screen)
        return;
    snprintf(path, sizeof path, "stance_%06lld.png", (long long)first_open(job)->done);
    if (stance_image_convert(&rgb, job->on_screen, STANCE_RGB24) < 0 ||
        stance_image_write(rgb, path) < 0)
        cli_fail_library(0);
    else
        cli_note("saved %s", path);
    stance_image_close(&rgb);
}

static void act(struct video_job *job, enum view_key key)
{
    struct pose_values *v = &job->pose->values;
    if (key == VIEW_PAUSE)
        job->paused = !job->paused;
    if (key == VIEW_SAVE)
        save(job);
    if (key == VIEW_EVERY_1 || key == VIEW_EVERY_4 || key == VIEW_EVERY_8)
        v->infer_every = key == VIEW_EVERY_1 ? 1 : key == VIEW_EVERY_4 ? 4 : 8;
    if (key == VIEW_QUIT) {
        job->quit = true;
        video_stop(job);
    }
}

int pose_window_open(struct video_job *job)
{
    const struct video_input *input = first_open(job);
    char title[4096];
    return view_open(&job->window, cli_shown(input->path, title, sizeof title), input->info->width,
                     input->info->height)
               ? CLI_OK
               : cli_fail(CLI_FAILED, "%s", view_error());
}

void pose_window_update(struct video_job *job)
{
    struct stance_image *image = newest(job);
    if (image) {
        stance_image_close(&job->on_screen);
        job->on_screen = image;
        if (!view_show(job->window, image)) {
            cli_fail(0, "%s", view_error());
            video_stop(job);
        }
    }
    do {
        enum view_key key;
        while ((key = view_poll(job->window, job->paused ? 50 : 0)) != VIEW_NONE)
            act(job, key);
    } while (job->paused && !job->inputs->stopping);
}

void pose_window_close(struct video_job *job)
{
    struct stance_image *image = newest(job);
    stance_image_close(&image);
    stance_image_close(&job->on_screen);
    view_close(&job->window);
}

#else

bool pose_window_wants(const struct video_input *input)
{
    (void)input;
    return false;
}

void pose_window_take(struct video_input *input, struct stance_image *image, double seconds)
{
    (void)input, (void)image, (void)seconds;
}

int pose_window_open(struct video_job *job)
{
    (void)job;
    return cli_fail(CLI_FAILED, "--show: this program was built without a window; build it with "
                                "-Dview=enabled, or give -o");
}

void pose_window_update(struct video_job *job)
{
    (void)job;
}

void pose_window_close(struct video_job *job)
{
    (void)job;
}

#endif
