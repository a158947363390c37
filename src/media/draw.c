/* People on pictures: boxes, limbs, joints, scores, in sizes that suit the person. How shapes become
 * pixels is raster.c's. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/errors.h"
#include "media/raster.h"
#include "stance/draw.h"
#include "vision/pixel.h"

/* Colours of people, told apart at a glance on most photos. */
static const uint8_t person_colors[][3] = {
    {72, 202, 228},  {255, 183, 3},  {128, 237, 153}, {255, 112, 166},
    {178, 138, 255}, {255, 146, 76}, {94, 231, 223},  {235, 235, 110},
};

static const struct media_paint shadow = {{12, 16, 24}, 0.45f};

/* Sizes of one person's drawing in pixels. */
struct style {
    float radius, limb, frame, text;
    struct media_paint color;
};

static float clamp(float value, float least, float most)
{
    return value < least ? least : value > most ? most : value;
}

static struct style style_of(const struct media_canvas *canvas, const struct stance_person *person,
                             int index, const struct stance_draw_options *options)
{
    float width = person->box[2] - person->box[0], height = person->box[3] - person->box[1];
    float picture = sqrtf((float)canvas->width * (float)canvas->height);
    float size = width > 0 && height > 0 ? sqrtf(width * height) : picture / 4;
    size = isfinite(size) ? fminf(size, picture) : picture / 4;
    struct style style = {
        .limb = options->thickness > 0 ? options->thickness : clamp(0.016f * size, 1.5f, 14),
        .radius = options->radius > 0 ? options->radius : clamp(0.0155f * size, 1.75f, 14),
        .frame = clamp(0.0065f * size, 1.25f, 5),
        .text = clamp(0.045f * size, 8, fmaxf(8, 0.03f * picture)),
        .color = {.alpha = 1},
    };
    memcpy(style.color.rgb, person_colors[(size_t)index % (sizeof person_colors / 3)], 3);
    return style;
}

/* Whether keypoint `i` is to be drawn. */
static bool is_visible(const struct stance_person *person, int i, float threshold)
{
    const struct stance_keypoint *point = &person->keypoints[i];
    return point->score >= threshold && isfinite(point->x) && isfinite(point->y);
}

static struct media_paint paint_of(const uint8_t rgb[3], float alpha)
{
    return (struct media_paint){{rgb[0], rgb[1], rgb[2]}, alpha};
}

/* All shadows first, so that no limb lies in the shadow of its neighbour. */
static void draw_limbs(const struct media_canvas *canvas, const struct stance_person *person,
                       const struct stance_keypoint_set *set, const struct style *style,
                       float threshold)
{
    float rim = clamp(0.35f * style->limb, 0.8f, 2.5f);
    for (int pass = 0; pass < 2; pass++)
        for (int e = 0; e < set->edge_count; e++) {
            int a = set->edges[e][0], b = set->edges[e][1];
            if (a < 0 || b < 0 || a >= set->count || b >= set->count ||
                !is_visible(person, a, threshold) || !is_visible(person, b, threshold))
                continue;
            const struct stance_keypoint *from = &person->keypoints[a];
            const struct stance_keypoint *to = &person->keypoints[b];
            media_raster_line(canvas, from->x, from->y, to->x, to->y,
                              style->limb + (pass ? 0 : 2 * rim),
                              pass ? paint_of(set->edge_colors[e], 0.95f) : shadow);
        }
}

/* A dark rim, the colour, and a light heart where there is room for one. */
static void draw_joints(const struct media_canvas *canvas, const struct stance_person *person,
                        const struct stance_keypoint_set *set, const struct style *style,
                        float threshold)
{
    static const struct media_paint heart = {{255, 255, 255}, 0.9f};
    float rim = clamp(0.3f * style->radius, 0.8f, 2.5f);
    for (int i = 0; i < set->count; i++) {
        if (!is_visible(person, i, threshold))
            continue;
        const struct stance_keypoint *at = &person->keypoints[i];
        struct media_paint dark = shadow;
        dark.alpha = 0.75f;
        media_raster_disc(canvas, at->x, at->y, style->radius + rim, dark);
        media_raster_disc(canvas, at->x, at->y, style->radius, paint_of(set->colors[i], 1));
        if (style->radius >= 3)
            media_raster_disc(canvas, at->x, at->y, 0.42f * style->radius, heart);
    }
}

static bool box_of(struct media_rectangle *out, const struct stance_person *person)
{
    *out = (struct media_rectangle){person->box[0], person->box[1], person->box[2], person->box[3]};
    return out->x2 > out->x1 && out->y2 > out->y1;
}

static void draw_box(const struct media_canvas *canvas, const struct stance_person *person,
                     const struct style *style)
{
    struct media_rectangle box;
    if (!box_of(&box, person))
        return;
    float corner = 2.5f * style->frame;
    media_raster_frame(canvas, &box, corner, style->frame + 2, shadow);
    media_raster_frame(canvas, &box, corner, style->frame, style->color);
}

/* The score on a tab in the person's colour: above the box, or inside it at the picture's top. */
static void draw_score(const struct media_canvas *canvas, const struct stance_person *person,
                       const struct style *style)
{
    static const struct media_paint ink = {{16, 20, 28}, 1};
    struct media_rectangle box;
    if (!box_of(&box, person) || !isfinite(person->box_score))
        return;
    char text[16];
    snprintf(text, sizeof text, "%d%%", (int)lroundf(clamp(person->box_score, 0, 9.99f) * 100));
    float size = style->text, margin = 0.55f * size;
    float width = media_raster_text_width(text, size) + 2 * margin, height = size + 2 * margin;
    float left = clamp(box.x1 - style->frame / 2, 0, fmaxf(0, (float)canvas->width - width));
    float bottom = box.y1 - style->frame / 2 - 1.5f;
    if (bottom < height)
        bottom = fmaxf(box.y1, 0) + style->frame + height + 1;
    struct media_rectangle tab = {left, bottom - height, left + width, bottom};
    media_raster_fill(canvas, &tab, 0.3f * height, style->color);
    media_raster_text(canvas, left + margin, bottom - margin, size, fmaxf(1.2f, 0.15f * size), text,
                      ink);
}

void stance_draw_options_default(struct stance_draw_options *options)
{
    *options = (struct stance_draw_options){
        .struct_size = sizeof *options,
        .keypoint_threshold = 0.3f,
        .boxes = 1,
        .scores = 1,
    };
}

int stance_draw_pose(struct stance_image *image, const struct stance_pose_result *result,
                     const struct stance_draw_options *options)
{
    struct stance_draw_options chosen;
    struct media_canvas canvas;
    stance_draw_options_default(&chosen);
    if (options && options->struct_size < sizeof chosen)
        memcpy(&chosen, options, options->struct_size);
    else if (options)
        chosen = *options;
    BASE_TRY(vision_image_check(image));
    BASE_TRY(media_canvas_open(&canvas, image));
    for (int i = result->person_count; i-- > 0 && chosen.boxes;) {
        struct style style = style_of(&canvas, &result->people[i], i, &chosen);
        draw_box(&canvas, &result->people[i], &style);
    }
    for (int i = result->person_count; i-- > 0 && result->keypoint_set;) {
        const struct stance_person *person = &result->people[i];
        struct style style = style_of(&canvas, person, i, &chosen);
        draw_limbs(&canvas, person, result->keypoint_set, &style, chosen.keypoint_threshold);
        draw_joints(&canvas, person, result->keypoint_set, &style, chosen.keypoint_threshold);
    }
    for (int i = result->person_count; i-- > 0 && chosen.scores;) {
        struct style style = style_of(&canvas, &result->people[i], i, &chosen);
        draw_score(&canvas, &result->people[i], &style);
    }
    return 0;
}
