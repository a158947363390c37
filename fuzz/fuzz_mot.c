/* Fuzz target: a table of true tracks, a NUL byte, and a table of tracks in MOTChallenge's format.
 * What can be read is measured and tracked anew; numbers and boxes are finite. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "stance/track.h"
#include "track/mot_file.h"

static void must(int condition)
{
    if (!condition)
        abort();
}

static void measure(const struct stance_mot *truth, const struct stance_mot *tracks)
{
    struct stance_eval_number numbers[STANCE_MOT_NUMBERS];
    int count;
    if (stance_mot_measure(truth, tracks, numbers, &count) < 0) {
        must(stance_error_text()[0] != 0);
        return;
    }
    for (int i = 0; i < count; i++) {
        must(isfinite(numbers[i].value));
        must(i >= 4 || numbers[i].value <= 1 + 1e-9); /* HOTA and its parts */
    }
}

static void track(const struct stance_mot *mot)
{
    struct stance_tracker *tracker;
    int count;
    const struct stance_mot_row *rows = stance_mot_rows(mot, &count);
    if (stance_tracker_open(&tracker, NULL) < 0)
        return;
    for (int i = 0; i < count && i < 1000; i++) {
        const struct stance_track *tracks;
        int seen;
        struct stance_detection d = {.box = {(float)rows[i].left, (float)rows[i].top,
                                             (float)(rows[i].left + rows[i].width),
                                             (float)(rows[i].top + rows[i].height)},
                                     .score = (float)rows[i].score};
        must(stance_tracker_update(tracker, rows[i].frame * 1000, &d, 1, &tracks, &seen) == 0);
        for (int k = 0; k < seen; k++)
            for (int e = 0; e < 4; e++)
                must(isfinite(tracks[k].box[e]));
    }
    stance_tracker_close(&tracker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end = size ? memchr(text, 0, size) : NULL;
    size_t first = end ? (size_t)(end - text) : size;
    struct stance_mot *truth, *tracks = NULL;
    int code = track_mot_open_bytes(&truth, text, first, "truth");
    must(code == 0 ? truth != NULL : truth == NULL && stance_error_text()[0]);
    if (code < 0)
        return 0;
    if (end && track_mot_open_bytes(&tracks, end + 1, size - first - 1, "tracks") == 0) {
        measure(truth, tracks);
        track(tracks);
    }
    measure(truth, truth);
    stance_mot_close(&truth);
    stance_mot_close(&tracks);
    return 0;
}
