/* COCO files as text, from tables of people. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/coco_text.h"

#define PUT(...) assert_int_equal(base_buffer_format(out, __VA_ARGS__), 0)

static void put_points(struct base_buffer *out, const struct coco_person *p, int keypoints)
{
    PUT("\"keypoints\":[");
    for (int k = 0; k < keypoints; k++)
        PUT("%s%.3f,%.3f,%d", k ? "," : "", p->x + p->shift + p->width * (k + .5) / keypoints,
            p->y + p->height * (k + .5) / keypoints, p->visible);
    PUT("]");
}

void coco_text_truth(struct base_buffer *out, const struct coco_person *people, int count,
                     int pictures, int keypoints)
{
    base_buffer_init(out, (size_t)256 << 20);
    PUT("{\"annotations\":[");
    for (int i = 0; i < count; i++) {
        const struct coco_person *p = &people[i];
        PUT("%s{\"id\":%d,\"image_id\":%d,\"category_id\":1,\"bbox\":[%.3f,%.3f,%.3f,%.3f],"
            "\"area\":%.3f,\"iscrowd\":%d,",
            i ? ",\n" : "", p->id, p->picture, p->x, p->y, p->width, p->height,
            p->width * p->height * .7, p->crowd);
        put_points(out, p, keypoints);
        PUT("}");
    }
    PUT("],\"images\":[");
    for (int i = 1; i <= pictures; i++)
        PUT("%s{\"id\":%d,\"width\":640,\"height\":480,\"file_name\":\"<%d>.jpg\","
            "\"crowdIndex\":%.1f}",
            i > 1 ? "," : "", i, i, (i - 1) % 3 * .5);
    PUT("],\"categories\":[{\"id\":1,\"name\":\"person\",\"skeleton\":[[1,2],[2,3]]}]}\n");
}

void coco_text_results(struct base_buffer *out, const struct coco_person *people, int count,
                       int keypoints)
{
    base_buffer_init(out, (size_t)256 << 20);
    PUT("[");
    for (int i = 0; i < count; i++) {
        const struct coco_person *p = &people[i];
        PUT("%s{\"image_id\":%d,\"category_id\":1,\"score\":%.9f,", i ? "," : "", p->picture,
            p->score);
        if (keypoints)
            put_points(out, p, keypoints);
        else
            PUT("\"bbox\":[%.3f,%.3f,%.3f,%.3f]", p->x + p->shift, p->y, p->width, p->height);
        PUT("}");
    }
    PUT("]");
}
