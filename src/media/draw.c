/* People on pictures: boxes, limbs, joints, text, in sizes that suit the person. How shapes become
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

/* OpenPose's hues, limb after limb. */
static const uint8_t rainbow[][3] = {
    {255, 0, 0}, {255, 85, 0}, {255, 170, 0}, {255, 255, 0}, {170, 255, 0}, {85, 255, 0},
    {0, 255, 0}, {0, 255, 85}, {0, 255, 170}, {0, 255, 255}, {0, 170, 255}, {0, 85, 255},
    {0, 0, 255}, {85, 0, 255}, {170, 0, 255}, {255, 0, 255}, {255, 0, 170}, {255, 0, 85},
};

static const struct media_paint shadow = {{12, 16, 24}, 0.45f};
static const struct media_paint ink = {{16, 20, 28}, 1};

/* What the styles differ in. A size is `share` of the person's, within `least` and `most`
 * pixels. */
struct size {
    float share, least, most;
};

struct look {
    struct size limb, radius, frame;
    float limb_alpha;
    bool boxes, scores, rims, ellipses, rainbow, green;
};

/* OpenPose: 1/75 of the person, limbs 3/4 of the joints (renderPose.cpp). MMPose: radius 3 and
 * thickness 1 (its demos), kept visible on large pictures. */
static const struct look looks[] = {
    [STANCE_DRAW_STANCE] = {.limb = {0.016f, 1.5f, 14},
                            .radius = {0.0155f, 1.75f, 14},
                            .frame = {0.0065f, 1.25f, 5},
                            .limb_alpha = 0.95f,
                            .boxes = true,
                            .scores = true,
                            .rims = true},
    [STANCE_DRAW_MMPOSE] = {.limb = {0.0035f, 1, 8},
                            .radius = {0.0105f, 3, 14},
                            .frame = {0.0035f, 1, 5},
                            .limb_alpha = 0.8f,
                            .boxes = true,
                            .green = true},
    [STANCE_DRAW_OPENPOSE] = {.limb = {0.02f, 4, 24},
                              .radius = {0.0133f, 2, 16},
                              .frame = {0.0035f, 1, 5},
                              .limb_alpha = 0.6f,
                              .ellipses = true,
                              .rainbow = true},
    [STANCE_DRAW_SIMPLE] = {.limb = {0, 1, 1},
                            .radius = {0, 2, 2},
                            .frame = {0, 1, 1},
                            .limb_alpha = 1},
};

/* Sizes of one person's drawing in pixels. */
struct style {
    const struct look *look;
    float radius, limb, frame, text;
    struct media_paint color;
};

static float clamp(float value, float least, float most)
{
    return value < least ? least : value > most ? most : value;
}

static float size_of(const struct size *size, float person)
{
    return clamp(size->share * person, size->least, size->most);
}

static float picture_size(const struct media_canvas *canvas)
{
    return sqrtf((float)canvas->width * (float)canvas->height);
}

static struct style style_of(const struct media_canvas *canvas,
                             const struct stance_pose_result *result, int index,
                             const struct stance_draw_options *options)
{
    const struct look *look = &looks[options->style];
    const float *box = result->people[index].box;
    float width = box[2] - box[0], height = box[3] - box[1], picture = picture_size(canvas);
    float size = width > 0 && height > 0 ? sqrtf(width * height) : picture / 4;
    size = isfinite(size) ? fminf(size, picture) : picture / 4;
    struct style style = {
        .look = look,
        .limb = options->thickness > 0 ? options->thickness : size_of(&look->limb, size),
        .radius = options->radius > 0 ? options->radius : size_of(&look->radius, size),
        .frame = size_of(&look->frame, size),
        .text = clamp(0.045f * size, 8, fmaxf(8, 0.03f * picture)),
        .color = {.alpha = 1},
    };
    uint64_t number =
        options->ids && options->ids[index] ? (uint64_t)options->ids[index] : (uint64_t)index;
    static const uint8_t green[3] = {0, 255, 0};
    const uint8_t *color = person_colors[number % (sizeof person_colors / 3)];
    memcpy(style.color.rgb, look->green && !options->ids ? green : color, 3);
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

static const uint8_t *hue(const struct style *style, const uint8_t (*colors)[3], int i)
{
    return style->look->rainbow ? rainbow[(size_t)i % (sizeof rainbow / 3)] : colors[i];
}

/* All shadows first, so that no limb lies in the shadow of its neighbour. */
static void draw_limbs(const struct media_canvas *canvas, const struct stance_person *person,
                       const struct stance_keypoint_set *set, const struct style *style,
                       float threshold)
{
    float rim = clamp(0.35f * style->limb, 0.8f, 2.5f);
    for (int pass = style->look->rims ? 0 : 1; pass < 2; pass++)
        for (int e = 0; e < set->edge_count; e++) {
            int a = set->edges[e][0], b = set->edges[e][1];
            if (a < 0 || b < 0 || a >= set->count || b >= set->count ||
                !is_visible(person, a, threshold) || !is_visible(person, b, threshold))
                continue;
            const struct stance_keypoint *from = &person->keypoints[a];
            const struct stance_keypoint *to = &person->keypoints[b];
            (style->look->ellipses ? media_raster_ellipse : media_raster_line)(
                canvas, from->x, from->y, to->x, to->y, style->limb + (pass ? 0 : 2 * rim),
                pass ? paint_of(hue(style, set->edge_colors, e), style->look->limb_alpha) : shadow);
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
        if (style->look->rims)
            media_raster_disc(canvas, at->x, at->y, style->radius + rim, dark);
        media_raster_disc(canvas, at->x, at->y, style->radius,
                          paint_of(hue(style, set->colors, i), 1));
        if (style->look->rims && style->radius >= 3)
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
    float corner = style->look->rims ? 2.5f * style->frame : 0;
    if (style->look->rims)
        media_raster_frame(canvas, &box, corner, style->frame + 2, shadow);
    media_raster_frame(canvas, &box, corner, style->frame, style->color);
}

enum { TAB_BYTES = 96 };

/* "#12 87% walking", as far as it is wanted and known. */
static void tab_text(char text[TAB_BYTES], const struct stance_person *person, int index,
                     const struct stance_draw_options *options)
{
    const char *label = options->labels ? options->labels[index] : NULL;
    char id[24] = "", score[12] = "";
    if (options->ids && options->ids[index])
        snprintf(id, sizeof id, "#%lld ", (long long)options->ids[index]);
    if (options->scores > 0 && isfinite(person->box_score))
        snprintf(score, sizeof score, "%d%% ",
                 (int)lroundf(clamp(person->box_score, 0, 9.99f) * 100));
    snprintf(text, TAB_BYTES, "%s%s%s", id, score, label ? label : "");
    size_t length = strlen(text);
    if (length && text[length - 1] == ' ')
        text[length - 1] = 0;
}

/* Text on a tab in the person's colour: above the box, or inside it at the picture's top. */
static void draw_tab(const struct media_canvas *canvas, const struct stance_person *person,
                     const struct style *style, const char *text)
{
    struct media_rectangle box;
    if (!text[0] || !box_of(&box, person))
        return;
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

static void draw_caption(const struct media_canvas *canvas, const char *text)
{
    static const struct media_paint ground = {{12, 16, 24}, 0.6f}, light = {{245, 245, 245}, 1};
    if (!text || !text[0])
        return;
    float size = clamp(0.022f * picture_size(canvas), 8, 40), margin = 0.6f * size;
    float width = media_raster_text_width(text, size) + 2 * margin;
    struct media_rectangle plate = {margin, margin, margin + width, 3 * margin + size};
    media_raster_fill(canvas, &plate, 0.5f * size, ground);
    media_raster_text(canvas, 2 * margin, 2 * margin + size, size, fmaxf(1.2f, 0.13f * size), text,
                      light);
}

void stance_draw_options_default(struct stance_draw_options *options)
{
    *options = (struct stance_draw_options){
        .struct_size = sizeof *options,
        .keypoint_threshold = 0.3f,
        .boxes = -1,
        .scores = -1,
    };
}

static int choose(struct stance_draw_options *chosen, const struct stance_draw_options *options)
{
    stance_draw_options_default(chosen);
    if (options)
        memcpy(chosen, options,
               options->struct_size < sizeof *chosen ? options->struct_size : sizeof *chosen);
    if (chosen->style < 0 || (size_t)chosen->style >= sizeof looks / sizeof looks[0])
        return base_error(STANCE_EARGUMENT, "drawing: there is no style %d", chosen->style);
    if (chosen->boxes < 0)
        chosen->boxes = looks[chosen->style].boxes;
    if (chosen->scores < 0)
        chosen->scores = looks[chosen->style].scores;
    return 0;
}

int stance_draw_pose(struct stance_image *image, const struct stance_pose_result *result,
                     const struct stance_draw_options *options)
{
    struct stance_draw_options chosen;
    struct media_canvas canvas;
    BASE_TRY(choose(&chosen, options));
    BASE_TRY(vision_image_check(image));
    media_canvas_open(&canvas, image);
    for (int i = result->person_count; i-- > 0 && chosen.boxes;) {
        struct style style = style_of(&canvas, result, i, &chosen);
        draw_box(&canvas, &result->people[i], &style);
    }
    for (int i = result->person_count; i-- > 0 && result->keypoint_set;) {
        const struct stance_person *person = &result->people[i];
        struct style style = style_of(&canvas, result, i, &chosen);
        draw_limbs(&canvas, person, result->keypoint_set, &style, chosen.keypoint_threshold);
        draw_joints(&canvas, person, result->keypoint_set, &style, chosen.keypoint_threshold);
    }
    for (int i = result->person_count; i-- > 0;) {
        char text[TAB_BYTES];
        struct style style = style_of(&canvas, result, i, &chosen);
        tab_text(text, &result->people[i], i, &chosen);
        draw_tab(&canvas, &result->people[i], &style, text);
    }
    draw_caption(&canvas, chosen.caption);
    return 0;
}
