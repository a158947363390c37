/* Drawing: shapes cover their area, nothing leaves the picture, results decide what is drawn. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "media/raster.h"
#include "stance/draw.h"

enum { SIDE = 100, GUARD = 64 };

static const struct media_paint white = {{255, 255, 255}, 1};

/* A black picture within guard bytes, so that a pixel outside is noticed. */
static uint8_t memory[GUARD + SIDE * SIDE * 3 + GUARD];

static struct media_canvas open_canvas(void)
{
    memset(memory, 0xa5, sizeof memory);
    memset(memory + GUARD, 0, SIDE * SIDE * 3);
    return (struct media_canvas){.plane = {memory + GUARD},
                                 .stride = {SIDE * 3},
                                 .width = SIDE,
                                 .height = SIDE,
                                 .step = 3,
                                 .channels = 3,
                                 .offset = {0, 1, 2}};
}

static void assert_guards(void)
{
    for (int i = 0; i < GUARD; i++) {
        assert_int_equal(memory[i], 0xa5);
        assert_int_equal(memory[sizeof memory - 1 - (size_t)i], 0xa5);
    }
}

/* Paint on the canvas in pixels. */
static double painted(void)
{
    double sum = 0;
    for (int i = 0; i < SIDE * SIDE; i++)
        sum += memory[GUARD + 3 * i] / 255.0;
    return sum;
}

static void test_disc_covers_its_area(void **state)
{
    (void)state;
    const float radii[] = {1, 2.5f, 7, 20};
    for (int i = 0; i < 4; i++) {
        struct media_canvas canvas = open_canvas();
        media_raster_disc(&canvas, 50.3f, 49.6f, radii[i], white);
        double area = 3.14159265 * (double)radii[i] * (double)radii[i];
        assert_float_equal(painted(), area, 0.05 * area + 0.15);
        assert_guards();
    }
}

static void test_line_covers_its_area_in_every_direction(void **state)
{
    (void)state;
    for (int degrees = 0; degrees < 360; degrees += 15) {
        struct media_canvas canvas = open_canvas();
        double angle = degrees * 3.14159265 / 180;
        float dx = (float)(30 * cos(angle)), dy = (float)(30 * sin(angle));
        media_raster_line(&canvas, 50 - dx, 50 - dy, 50 + dx, 50 + dy, 5, white);
        double area = 60 * 5 + 3.14159265 * 2.5 * 2.5;
        assert_float_equal(painted(), area, 0.02 * area);
        assert_guards();
    }
}

static void test_ellipse_covers_its_area(void **state)
{
    (void)state;
    for (int degrees = 0; degrees < 360; degrees += 30) {
        struct media_canvas canvas = open_canvas();
        double angle = degrees * 3.14159265 / 180;
        float dx = (float)(30 * cos(angle)), dy = (float)(30 * sin(angle));
        media_raster_ellipse(&canvas, 50 - dx, 50 - dy, 50 + dx, 50 + dy, 16, white);
        assert_float_equal(painted(), 3.14159265 * 30 * 8, 0.03 * 3.14159265 * 30 * 8);
        assert_guards();
    }
    struct media_canvas canvas = open_canvas();
    media_raster_ellipse(&canvas, 50, 50, 50, 50, 16, white); /* a limb without length */
    assert_float_equal(painted(), 3.14159265 * 64, 5);
}

static void test_thin_lines_are_faint_not_gone(void **state)
{
    (void)state;
    struct media_canvas canvas = open_canvas();
    media_raster_line(&canvas, 20, 50, 79, 50, 0.5f, white);
    assert_float_equal(painted(), 30, 2);
    for (float thickness = 1; thickness > 1e-30f; thickness /= 100) {
        canvas = open_canvas();
        media_raster_ellipse(&canvas, 20, 50, 79, 53, thickness, white);
        assert_in_range((int)painted(), 1, 80);
    }
}

static void test_rectangles_cover_their_area(void **state)
{
    (void)state;
    const struct media_rectangle rectangle = {19.5f, 29.5f, 69.5f, 59.5f};
    struct media_canvas canvas = open_canvas();
    media_raster_fill(&canvas, &rectangle, 0, white);
    assert_float_equal(painted(), 50 * 30, 0.01);
    assert_int_equal(memory[GUARD + 3 * (30 * SIDE + 20)], 255);
    assert_int_equal(memory[GUARD + 3 * (30 * SIDE + 19)], 0);
    canvas = open_canvas();
    media_raster_frame(&canvas, &rectangle, 0, 2, white);
    assert_float_equal(painted(), 2 * (50 + 30) * 2, 3);
    assert_int_equal(memory[GUARD + 3 * (45 * SIDE + 45)], 0);
    canvas = open_canvas();
    media_raster_fill(&canvas, &rectangle, 10, white);
    assert_float_equal(painted(), 1500 - (4 - 3.14159265) * 100, 10);
    assert_guards();
}

static void test_frame_is_the_same_in_parts_and_whole(void **state)
{
    (void)state;
    /* The outline equals the filled outer rectangle less the inner one. */
    const struct media_rectangle middle = {20, 20, 80, 60}, outer = {18.5f, 18.5f, 81.5f, 61.5f};
    const struct media_rectangle inner = {21.5f, 21.5f, 78.5f, 58.5f};
    struct media_canvas canvas = open_canvas();
    media_raster_fill(&canvas, &outer, 6.5f, white);
    double expected = painted();
    canvas = open_canvas();
    media_raster_fill(&canvas, &inner, 3.5f, white);
    expected -= painted();
    canvas = open_canvas();
    media_raster_frame(&canvas, &middle, 5, 3, white);
    assert_float_equal(painted(), expected, 2);
}

static void test_shapes_are_clipped_to_the_picture(void **state)
{
    (void)state;
    struct media_canvas canvas = open_canvas();
    media_raster_line(&canvas, -500, 50, 600, 50, 4, white);
    assert_float_equal(painted(), 400, 8);
    media_raster_line(&canvas, -900000, -900000, 900000, 900000, 30, white);
    media_raster_disc(&canvas, 0, 0, 300, white);
    media_raster_disc(&canvas, 150, -150, 30, white);
    media_raster_fill(&canvas, &(struct media_rectangle){-50, 90, 300, 900}, 5, white);
    media_raster_frame(&canvas, &(struct media_rectangle){-50, -50, 300, 95}, 5, 9, white);
    media_raster_frame(&canvas, &(struct media_rectangle){200, 200, 300, 300}, 5, 9, white);
    media_raster_text(&canvas, -40, 3, 30, 5, "Wide text that leaves", white);
    media_raster_text(&canvas, 80, 110, 30, 5, "and enters", white);
    assert_guards();
}

static void test_nonsense_draws_nothing(void **state)
{
    (void)state;
    struct media_canvas canvas = open_canvas();
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e20f};
    for (int i = 0; i < 4; i++) {
        media_raster_line(&canvas, odd[i], 1, 50, 50, 3, white);
        media_raster_line(&canvas, 1, 1, 50, odd[i], 3, white);
        media_raster_line(&canvas, 1, 1, 50, 50, odd[i], white);
        media_raster_disc(&canvas, 50, odd[i], 3, white);
        media_raster_ellipse(&canvas, 1, odd[i], 50, 50, 3, white);
        media_raster_fill(&canvas, &(struct media_rectangle){0, 0, 50, odd[i]}, 0, white);
        media_raster_frame(&canvas, &(struct media_rectangle){odd[i], 0, 50, 50}, 0, 1, white);
    }
    media_raster_line(&canvas, 1, 1, 50, 50, -3, white);
    media_raster_fill(&canvas, &(struct media_rectangle){50, 50, 20, 20}, 0, white);
    assert_float_equal(painted(), 0, 0);
    assert_guards();
}

static void test_text_has_ink_and_width(void **state)
{
    (void)state;
    for (char character = '!'; character <= '~'; character++) {
        struct media_canvas canvas = open_canvas();
        const char text[2] = {character, 0};
        media_raster_text(&canvas, 30, 60, 30, 3, text, white);
        assert_true(painted() > 5);
    }
    struct media_canvas canvas = open_canvas();
    media_raster_text(&canvas, 30, 60, 30, 3, " ", white);
    assert_float_equal(painted(), 0, 0);
    assert_true(media_raster_text_width("90%", 10) > media_raster_text_width("90", 10));
    assert_float_equal(media_raster_text_width("", 10), 0, 0);
    assert_float_equal(media_raster_text_width("0", 8), 4, 1e-6);
    /* A letter of three bytes is one box. */
    assert_float_equal(media_raster_text_width("가", 8), media_raster_text_width("~", 8), 1e-6);
}

/* ---- Results ---- */

static const uint8_t set_colors[][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
static const int32_t set_edges[][2] = {{0, 1}, {1, 2}, {2, 7}};
static const uint8_t set_edge_colors[][3] = {{255, 255, 0}, {0, 255, 255}, {9, 9, 9}};
static const struct stance_keypoint_set set = {.name = "three",
                                               .count = 3,
                                               .colors = set_colors,
                                               .edge_count = 3,
                                               .edges = set_edges,
                                               .edge_colors = set_edge_colors};

struct scene {
    struct stance_keypoint points[3];
    struct stance_person person;
    struct stance_pose_result result;
    struct stance_draw_options options;
    struct stance_image *image;
};

static void open_scene(struct scene *scene, int format)
{
    *scene = (struct scene){
        .points = {{50, 50, 0.9f}, {120, 60, 0.9f}, {90, 150, 0.2f}},
        .person = {.box = {30, 30, 160, 180}, .box_score = 0.87f},
        .result = {.width = 200, .height = 200, .person_count = 1, .keypoint_set = &set},
    };
    scene->person.keypoints = scene->points;
    scene->result.people = &scene->person;
    stance_draw_options_default(&scene->options);
    assert_int_equal(stance_image_open(&scene->image, format, 200, 200), 0);
    for (int y = 0; y < 200; y++)
        memset(scene->image->plane[0] + y * scene->image->stride[0], 100,
               (size_t)scene->image->stride[0]);
}

static void draw(struct scene *scene)
{
    assert_int_equal(stance_draw_pose(scene->image, &scene->result, &scene->options), 0);
}

static const uint8_t *pixel(const struct scene *scene, int x, int y)
{
    return scene->image->plane[0] + y * scene->image->stride[0] + 3 * x;
}

/* Whether anything was drawn in a square around a point. */
static int is_touched(const struct scene *scene, int x, int y, int radius)
{
    for (int v = y - radius; v <= y + radius; v++)
        for (int u = x - radius; u <= x + radius; u++)
            if (pixel(scene, u, v)[0] != 100 || pixel(scene, u, v)[1] != 100)
                return 1;
    return 0;
}

static void test_pose_draws_joints_and_limbs_in_their_colours(void **state)
{
    (void)state;
    const int formats[] = {STANCE_RGB24, STANCE_BGR24};
    for (int i = 0; i < 2; i++) {
        struct scene scene;
        open_scene(&scene, formats[i]);
        scene.options.radius = 2.9f; /* too small for a heart */
        scene.options.thickness = 4;
        draw(&scene);
        int red = i ? 2 : 0;
        assert_int_equal(pixel(&scene, 50, 50)[red], 255);
        assert_int_equal(pixel(&scene, 50, 50)[2 - red], 0);
        assert_int_equal(pixel(&scene, 120, 60)[1], 255);
        assert_true(pixel(&scene, 85, 55)[red] > 240 && pixel(&scene, 85, 55)[2 - red] < 20);
        assert_true(is_touched(&scene, 30, 100, 2));
        assert_true(is_touched(&scene, 45, 20, 8));
        stance_image_close(&scene.image);
    }
}

static void test_pose_leaves_weak_keypoints_out(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, STANCE_RGB24);
    draw(&scene);
    assert_false(is_touched(&scene, 90, 150, 8));
    assert_false(is_touched(&scene, 105, 105, 8));
    scene.options.keypoint_threshold = 0.1f;
    draw(&scene);
    assert_true(is_touched(&scene, 90, 150, 1));
    assert_true(is_touched(&scene, 105, 105, 3));
    stance_image_close(&scene.image);
}

static void test_pose_without_boxes_and_scores(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, STANCE_RGB24);
    scene.options.boxes = scene.options.scores = 0;
    draw(&scene);
    assert_false(is_touched(&scene, 30, 100, 3));
    assert_false(is_touched(&scene, 45, 20, 8));
    assert_true(is_touched(&scene, 50, 50, 1));
    stance_image_close(&scene.image);
}

static void test_pose_survives_absurd_results(void **state)
{
    (void)state;
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, -5000, 70000};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct scene scene;
        open_scene(&scene, STANCE_RGB24);
        scene.points[0].x = scene.points[1].y = odd[i];
        for (int k = 0; k < 4; k++) {
            scene.person.box[k] = odd[i];
            draw(&scene);
        }
        scene.person.box_score = scene.points[2].score = odd[i];
        scene.options.radius = scene.options.thickness = odd[i];
        draw(&scene);
        stance_image_close(&scene.image);
    }
    assert_int_equal(base_alloc_live(), 0);
}

static void test_pose_on_the_smallest_picture(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, STANCE_RGB24);
    stance_image_close(&scene.image);
    assert_int_equal(stance_image_open(&scene.image, STANCE_RGB24, 1, 1), 0);
    draw(&scene);
    scene.person.box[0] = scene.person.box[1] = -1;
    draw(&scene);
    stance_image_close(&scene.image);
}

static void test_pose_of_nobody_changes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, STANCE_RGB24);
    scene.result.person_count = 0;
    scene.result.people = NULL;
    assert_int_equal(stance_draw_pose(scene.image, &scene.result, NULL), 0);
    assert_false(is_touched(&scene, 100, 100, 99));
    stance_image_close(&scene.image);
}

/* ---- Formats and styles ---- */

/* Mean absolute difference of two RGB pictures of one size, and the largest. */
static double difference(const struct stance_image *a, const struct stance_image *b, int *most)
{
    double sum = 0;
    *most = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < 3 * a->width; x++) {
            int value = abs(a->plane[0][y * a->stride[0] + x] - b->plane[0][y * b->stride[0] + x]);
            sum += value;
            *most = value > *most ? value : *most;
        }
    return sum / (3.0 * a->width * a->height);
}

/* A grey picture of the format, with guard bytes behind each row where there is room. */
static struct stance_image *open_grey(int format, int color, int width, int height)
{
    struct stance_image *image;
    assert_int_equal(stance_image_open(&image, format, width, height), 0);
    image->color = color;
    int planes = format == STANCE_YUV420P ? 3 : format == STANCE_NV12 ? 2 : 1;
    int luma = planes == 1 || color >= STANCE_BT601_FULL ? 100 : 16 + (100 * 219 + 127) / 255;
    for (int i = 0; i < planes; i++)
        for (int y = 0; y < (i ? (height + 1) / 2 : height); y++)
            memset(image->plane[i] + y * image->stride[i], i ? 128 : luma,
                   (size_t)image->stride[i]);
    return image;
}

static void test_pose_looks_the_same_on_every_format(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, STANCE_RGB24);
    draw(&scene);
    for (int format = STANCE_RGB24; format <= STANCE_NV12; format++)
        for (int color = 0; color < (format >= STANCE_YUV420P ? 4 : 1); color++) {
            if (format == STANCE_GRAY8)
                continue;
            struct stance_image *image = open_grey(format, color, 200, 200), *rgb;
            assert_int_equal(stance_draw_pose(image, &scene.result, &scene.options), 0);
            assert_int_equal(stance_image_convert(&rgb, image, STANCE_RGB24), 0);
            int most;
            double mean = difference(rgb, scene.image, &most);
            /* Chroma is halved: edges differ, areas do not. */
            assert_true(mean < (format >= STANCE_YUV420P ? 2.5 : 0.01));
            const int inside[][2] = {{50, 50}, {120, 60}, {85, 55}, {80, 54}};
            for (int i = 0; i < 4; i++)
                for (int c = 0; c < 3; c++) {
                    ptrdiff_t at = inside[i][1] * rgb->stride[0] + 3 * inside[i][0] + c;
                    assert_true(abs(rgb->plane[0][at] - scene.image->plane[0][at]) <= 40);
                }
            stance_image_close(&rgb);
            stance_image_close(&image);
        }
    stance_image_close(&scene.image);
}

static void test_pose_on_grey_is_the_luma_of_its_colours(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, STANCE_RGB24);
    scene.options.style = STANCE_DRAW_SIMPLE;
    scene.options.radius = 6;
    struct stance_image *grey = open_grey(STANCE_GRAY8, 0, 200, 200);
    assert_int_equal(stance_draw_pose(grey, &scene.result, &scene.options), 0);
    assert_int_equal(grey->plane[0][50 * grey->stride[0] + 50], 76);
    assert_int_equal(grey->plane[0][60 * grey->stride[0] + 120], 150);
    stance_image_close(&grey);
    stance_image_close(&scene.image);
}

/* Shapes that leave odd planar pictures on every side stay within the planes. */
static void test_pose_stays_within_odd_planes(void **state)
{
    (void)state;
    for (int format = STANCE_YUV420P; format <= STANCE_NV12; format++)
        for (int side = 1; side <= 67; side += 11) {
            struct scene scene;
            open_scene(&scene, STANCE_RGB24);
            struct stance_image *image = open_grey(format, 0, side, side + 2);
            struct stance_image copy = *image;
            int planes = format == STANCE_NV12 ? 2 : 3;
            for (int i = 0; i < planes; i++) /* what lies beyond the rows is a guard */
                for (int y = 0; y < (i ? (side + 3) / 2 : side + 2); y++) {
                    int bytes = i == 0 ? side : (side + 1) / 2 * (format == STANCE_NV12 ? 2 : 1);
                    memset(copy.plane[i] + y * copy.stride[i] + bytes, 0xa5,
                           (size_t)(copy.stride[i] - bytes));
                }
            for (int style = 0; style < 4; style++) {
                scene.options.style = style;
                scene.options.boxes = scene.options.scores = 1;
                scene.options.caption = "25 fps";
                assert_int_equal(stance_draw_pose(image, &scene.result, &scene.options), 0);
            }
            for (int i = 0; i < planes; i++)
                for (int y = 0; y < (i ? (side + 3) / 2 : side + 2); y++) {
                    int bytes = i == 0 ? side : (side + 1) / 2 * (format == STANCE_NV12 ? 2 : 1);
                    for (int x = bytes; x < copy.stride[i]; x++)
                        assert_int_equal(copy.plane[i][y * copy.stride[i] + x], 0xa5);
                }
            stance_image_close(&image);
            stance_image_close(&scene.image);
        }
}

static void test_styles_have_their_sizes_and_boxes(void **state)
{
    (void)state;
    for (int style = 0; style < 4; style++) {
        struct scene scene;
        open_scene(&scene, STANCE_RGB24);
        scene.options.style = style;
        draw(&scene);
        bool boxed = style == STANCE_DRAW_STANCE || style == STANCE_DRAW_MMPOSE;
        assert_int_equal(is_touched(&scene, 30, 100, 2), boxed);
        assert_int_equal(is_touched(&scene, 45, 20, 6), style == STANCE_DRAW_STANCE);
        assert_true(is_touched(&scene, 50, 50, 0));
        stance_image_close(&scene.image);
    }
    struct scene scene;
    open_scene(&scene, STANCE_RGB24);
    scene.options.style = STANCE_DRAW_SIMPLE;
    scene.options.boxes = 1;
    draw(&scene);
    assert_true(is_touched(&scene, 30, 100, 1));
    scene.options.style = 4;
    assert_int_equal(stance_draw_pose(scene.image, &scene.result, &scene.options),
                     STANCE_EARGUMENT);
    stance_image_close(&scene.image);
}

static void test_simple_style_does_not_grow_others_do(void **state)
{
    (void)state;
    for (int style = 0; style < 4; style++) {
        int extent[2] = {0, 0};
        for (int large = 0; large < 2; large++) {
            struct scene scene;
            open_scene(&scene, STANCE_RGB24);
            stance_image_close(&scene.image);
            scene.image = open_grey(STANCE_RGB24, 0, 1600, 1600);
            scene.options.style = style;
            scene.options.boxes = 0;
            scene.points[0].x = scene.points[0].y = 800;
            scene.points[1].score = 0;
            if (large)
                scene.person.box[2] = scene.person.box[3] = 1580;
            draw(&scene);
            while (is_touched(&scene, 800 + extent[large], 800, 0))
                extent[large]++;
            stance_image_close(&scene.image);
        }
        assert_int_equal(extent[1] > extent[0], style != STANCE_DRAW_SIMPLE);
    }
}

static void test_pose_writes_ids_labels_and_a_caption(void **state)
{
    (void)state;
    static const char *const labels[] = {"걷기 walking"};
    const int64_t ids[] = {12};
    struct scene scene, plain;
    open_scene(&scene, STANCE_RGB24);
    open_scene(&plain, STANCE_RGB24);
    scene.options.scores = plain.options.scores = 0;
    scene.options.ids = ids;
    scene.options.labels = labels;
    scene.options.caption = "24.9 fps";
    draw(&scene);
    draw(&plain);
    assert_true(is_touched(&scene, 45, 20, 6));
    assert_false(is_touched(&plain, 45, 20, 6));
    assert_true(is_touched(&scene, 12, 12, 4));
    assert_false(is_touched(&plain, 12, 12, 4));
    /* The box has the colour of the id, not of the place in the list. */
    const uint8_t *one = pixel(&scene, 30, 100), *other = pixel(&plain, 30, 100);
    assert_true(memcmp(one, other, 3) != 0);
    stance_image_close(&scene.image);
    stance_image_close(&plain.image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disc_covers_its_area),
        cmocka_unit_test(test_line_covers_its_area_in_every_direction),
        cmocka_unit_test(test_ellipse_covers_its_area),
        cmocka_unit_test(test_thin_lines_are_faint_not_gone),
        cmocka_unit_test(test_rectangles_cover_their_area),
        cmocka_unit_test(test_frame_is_the_same_in_parts_and_whole),
        cmocka_unit_test(test_shapes_are_clipped_to_the_picture),
        cmocka_unit_test(test_nonsense_draws_nothing),
        cmocka_unit_test(test_text_has_ink_and_width),
        cmocka_unit_test(test_pose_draws_joints_and_limbs_in_their_colours),
        cmocka_unit_test(test_pose_leaves_weak_keypoints_out),
        cmocka_unit_test(test_pose_without_boxes_and_scores),
        cmocka_unit_test(test_pose_survives_absurd_results),
        cmocka_unit_test(test_pose_on_the_smallest_picture),
        cmocka_unit_test(test_pose_of_nobody_changes_nothing),
        cmocka_unit_test(test_pose_looks_the_same_on_every_format),
        cmocka_unit_test(test_pose_on_grey_is_the_luma_of_its_colours),
        cmocka_unit_test(test_pose_stays_within_odd_planes),
        cmocka_unit_test(test_styles_have_their_sizes_and_boxes),
        cmocka_unit_test(test_simple_style_does_not_grow_others_do),
        cmocka_unit_test(test_pose_writes_ids_labels_and_a_caption),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
