/* The formats of results: one descriptor and one file each. How text gets to the disk is
 * result_writer.c's. */
#ifndef MEDIA_RESULT_FORMAT_H
#define MEDIA_RESULT_FORMAT_H

#include <stdbool.h>

#include "base/json_write.h"
#include "stance/result.h"

enum media_result_shape {
    MEDIA_RESULT_LINES,  /* text is appended */
    MEDIA_RESULT_ARRAY,  /* one JSON array */
    MEDIA_RESULT_FOLDER, /* one file an item */
};

/* What a format may remember between items. */
struct media_result_state {
    int64_t items;                         /* added so far */
    bool any;                              /* whether the array has an entry */
    const struct stance_keypoint_set *set; /* of the header line */
};

struct media_result_format {
    struct stance_result_format face;
    enum media_result_shape shape;
    /* Appends the item's text. Array entries begin with media_result_entry(). */
    int (*write)(struct base_buffer *out, struct media_result_state *state,
                 const struct stance_result_item *item);
};

/* Ends with NULL. */
extern const struct media_result_format *const media_result_formats[];
extern const struct media_result_format media_result_json, media_result_coco, media_result_mmpose,
    media_result_openpose, media_result_csv;

/* Begins an entry of an array: the comma after the one before, and a line of its own. */
int media_result_entry(struct base_buffer *out, struct media_result_state *state);

/* The name of the input without folders and ending: "a/b.mp4" → "b"; "stdin" for "-". At most
 * `size` bytes with the NUL, cut at the end. */
void media_result_stem(const char *file, char *stem, size_t size);

/* People and keypoints of an item; 0 where it has no result. */
int media_result_people(const struct stance_result_item *item);
int media_result_keypoints(const struct stance_result_item *item);

void media_result_floats(struct base_json *json, const float *values, int count, int decimals);
/* 0 for what is not finite: not every reader knows null. */
void media_result_number(struct base_json *json, float value, int decimals);

#endif
