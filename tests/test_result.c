/* Results as data: each format to the letter, and nothing lost on the way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "stance/result.h"
#include "support/support.h"

static const char *const names[] = {"nose", "left, eye"};
static const struct stance_keypoint_set set = {.name = "two", .count = 2, .names = names};
static const struct stance_keypoint_set other = {.name = "one", .count = 1};

static char path[256];

static const char *file(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", support_temp_folder(), name);
    return path;
}

/* Two people; the second has an impossible point and no id. */
struct scene {
    struct stance_keypoint points[2][2];
    struct stance_person people[2];
    struct stance_pose_result result;
    int64_t ids[2];
    const char *labels[2];
    struct stance_result_item item;
};

static void make_scene(struct scene *scene)
{
    *scene = (struct scene){
        .points = {{{10.125f, 20, 0.5f}, {30, 40.5f, 0.25f}}, {{NAN, 1, 0.75f}, {5, 6, 0}}},
        .people = {{.box = {1, 2, 31, 62}, .box_score = 0.875f, .score = 0.5f},
                   {.box = {0, 0, 9.5f, 9}, .box_score = 0.25f, .score = 0.125f}},
        .result = {.width = 640, .height = 480, .person_count = 2, .keypoint_set = &set},
        .ids = {7, 0},
        .labels = {"sits \"well\"", NULL},
    };
    for (int i = 0; i < 2; i++)
        scene->people[i].keypoints = scene->points[i];
    scene->result.people = scene->people;
    stance_result_item_default(&scene->item);
    scene->item.file = "a/clip.mp4";
    scene->item.frame = 3;
    scene->item.time_us = 120000;
    scene->item.result = &scene->result;
    scene->item.ids = scene->ids;
    scene->item.labels = scene->labels;
}

static void assert_text(const char *at, const char *expected)
{
    struct base_buffer text;
    base_buffer_init(&text, 1 << 20);
    assert_int_equal(base_file_read(&text, at), 0);
    assert_string_equal(text.data ? text.data : "", expected);
    base_buffer_free(&text);
}

/* The scene, an empty frame and one that failed. */
static void write_three(const char *at, const char *format)
{
    struct scene scene;
    struct stance_result_writer *writer;
    make_scene(&scene);
    assert_int_equal(stance_result_writer_open(&writer, at, format), 0);
    assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
    scene.item.frame = 4;
    scene.item.time_us = 160000;
    scene.result.person_count = 0;
    assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
    scene.item.frame = 5;
    scene.item.time_us = 200000;
    scene.item.result = NULL;
    scene.item.error = "frame 5 is damaged";
    assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
    assert_int_equal(stance_result_writer_close(&writer), 0);
    assert_null(writer);
}

static void test_json_lines_say_everything(void **state)
{
    (void)state;
    write_three(file("r.json"), NULL);
    assert_text(
        path, "{\"file\":\"a/clip.mp4\",\"frame\":3,\"time\":0.120000,\"width\":640,\"height\":480,"
              "\"keypoint_set\":\"two\",\"people\":[{\"id\":7,\"label\":\"sits \\\"well\\\"\","
              "\"box\":[1.00,2.00,31.00,62.00],\"box_score\":0.8750,\"score\":0.5000,"
              "\"keypoints\":[[10.12,20.00,0.5000],[30.00,40.50,0.2500]]},"
              "{\"box\":[0.00,0.00,9.50,9.00],\"box_score\":0.2500,\"score\":0.1250,"
              "\"keypoints\":[[null,1.00,0.7500],[5.00,6.00,0.0000]]}]}\n"
              "{\"file\":\"a/clip.mp4\",\"frame\":4,\"time\":0.160000,\"width\":640,\"height\":480,"
              "\"keypoint_set\":\"two\",\"people\":[]}\n"
              "{\"file\":\"a/clip.mp4\",\"frame\":5,\"time\":0.200000,\"error\":\"frame 5 is "
              "damaged\"}\n");
}

static void test_json_of_a_picture_has_no_frame(void **state)
{
    (void)state;
    struct scene scene;
    struct stance_result_writer *writer;
    make_scene(&scene);
    scene.item.frame = -1;
    scene.item.ids = NULL;
    scene.item.labels = NULL;
    scene.result.person_count = 0;
    assert_int_equal(stance_result_writer_open(&writer, file("p.json"), "json"), 0);
    assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
    assert_text(path, "{\"file\":\"a/clip.mp4\",\"width\":640,\"height\":480,"
                      "\"keypoint_set\":\"two\",\"people\":[]}\n"); /* before it is closed */
    assert_int_equal(stance_result_writer_close(&writer), 0);
}

static void test_coco_is_an_array_of_people(void **state)
{
    (void)state;
    write_three(file("coco.json"), "coco");
    assert_text(path,
                "[\n{\"image_id\":3,\"category_id\":1,\"keypoints\":[10.12,20.00,0.5000,30.00,"
                "40.50,0.2500],\"bbox\":[1.00,2.00,30.00,60.00],\"score\":0.5000,\"track_id\":7},"
                "\n{\"image_id\":3,\"category_id\":1,\"keypoints\":[0.00,1.00,0.7500,5.00,6.00,"
                "0.0000],\"bbox\":[0.00,0.00,9.50,9.00],\"score\":0.1250}\n]\n");
}

static void test_coco_numbers_pictures_by_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t given;
        const char *expected;
    } files[] = {{"x/COCO_val2014_000000000459.jpg", -1, "\"image_id\":459,"},
                 {"http://host/a/17.png?size=3", -1, "\"image_id\":17,"},
                 {"beach.jpg", -1, "\"image_id\":0,"},
                 {"12345678901234567890.jpg", -1, "\"image_id\":0,"},
                 {"beach.jpg", 88, "\"image_id\":88,"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct scene scene;
        struct stance_result_writer *writer;
        struct base_buffer text;
        make_scene(&scene);
        scene.item.frame = -1;
        scene.item.file = files[i].name;
        scene.item.image_id = files[i].given;
        assert_int_equal(stance_result_writer_open(&writer, file("ids.json"), "coco"), 0);
        assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
        assert_int_equal(stance_result_writer_close(&writer), 0);
        base_buffer_init(&text, 1 << 20);
        assert_int_equal(base_file_read(&text, path), 0);
        assert_non_null(strstr(text.data, files[i].expected));
        base_buffer_free(&text);
    }
}

static void test_mmpose_is_an_array_of_frames(void **state)
{
    (void)state;
    write_three(file("mmpose.json"), "mmpose");
    assert_text(path,
                "[\n{\"frame_id\":3,\"instances\":[{\"keypoints\":[[10.12,20.00],[30.00,40.50]],"
                "\"keypoint_scores\":[0.5000,0.2500],\"bbox\":[[1.00,2.00,31.00,62.00]],"
                "\"bbox_score\":0.8750,\"track_id\":7},{\"keypoints\":[[0.00,1.00],[5.00,6.00]],"
                "\"keypoint_scores\":[0.7500,0.0000],\"bbox\":[[0.00,0.00,9.50,9.00]],"
                "\"bbox_score\":0.2500}]},\n{\"frame_id\":4,\"instances\":[]},\n"
                "{\"frame_id\":5,\"instances\":[]}\n]\n");
}

static void test_openpose_is_a_file_a_frame(void **state)
{
    (void)state;
    char at[512];
    write_three(file("openpose"), "openpose");
    snprintf(at, sizeof at, "%s/clip_000000000003_keypoints.json", path);
    assert_text(at,
                "{\"version\":1.3,\"people\":[{\"person_id\":[7],\"pose_keypoints_2d\":[10.125,"
                "20.000,0.500000,30.000,40.500,0.250000],\"face_keypoints_2d\":[],"
                "\"hand_left_keypoints_2d\":[],\"hand_right_keypoints_2d\":[],"
                "\"pose_keypoints_3d\":[],\"face_keypoints_3d\":[],\"hand_left_keypoints_3d\":[],"
                "\"hand_right_keypoints_3d\":[]},{\"person_id\":[-1],\"pose_keypoints_2d\":[0.000,"
                "0.000,0.000000,0.000,0.000,0.000000],\"face_keypoints_2d\":[],"
                "\"hand_left_keypoints_2d\":[],\"hand_right_keypoints_2d\":[],"
                "\"pose_keypoints_3d\":[],\"face_keypoints_3d\":[],\"hand_left_keypoints_3d\":[],"
                "\"hand_right_keypoints_3d\":[]}]}\n");
    snprintf(at, sizeof at, "%s/clip_000000000005_keypoints.json", path);
    assert_text(at, "{\"version\":1.3,\"people\":[]}\n");
    struct stance_result_writer *writer;
    assert_int_equal(stance_result_writer_open(&writer, "-", "openpose"), STANCE_EARGUMENT);
    struct scene scene;
    make_scene(&scene);
    scene.item.frame = -1;
    scene.item.file = "사진.tar.jpg";
    assert_int_equal(stance_result_writer_open(&writer, path, "openpose"), 0);
    assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
    assert_int_equal(stance_result_writer_close(&writer), 0);
    snprintf(at, sizeof at, "%s/사진.tar_keypoints.json", path);
    assert_true(base_file_exists(at));
}

static void test_csv_is_a_line_a_person(void **state)
{
    (void)state;
    write_three(file("r.csv"), NULL);
    assert_text(path,
                "file,frame,time,person,id,label,x1,y1,x2,y2,box_score,score,nose_x,nose_y,"
                "nose_score,\"left, eye_x\",\"left, eye_y\",\"left, eye_score\"\n"
                "a/clip.mp4,3,0.120000,0,7,\"sits \"\"well\"\"\",1.00,2.00,31.00,62.00,0.8750,"
                "0.5000,10.12,20.00,0.5000,30.00,40.50,0.2500\n"
                "a/clip.mp4,3,0.120000,1,,,0.00,0.00,9.50,9.00,0.2500,0.1250,,1.00,0.7500,5.00,"
                "6.00,0.0000\n");
    struct scene scene;
    struct stance_result_writer *writer;
    make_scene(&scene);
    assert_int_equal(stance_result_writer_open(&writer, path, "csv"), 0);
    assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
    scene.result.keypoint_set = &other;
    assert_int_equal(stance_result_writer_add(writer, &scene.item), STANCE_EARGUMENT);
    assert_int_equal(stance_result_writer_close(&writer), 0);
}

static void test_arrays_get_their_name_when_they_are_whole(void **state)
{
    (void)state;
    char part[300];
    struct scene scene;
    struct stance_result_writer *writer;
    make_scene(&scene);
    scene.result.person_count = 1;
    file("whole.json");
    snprintf(part, sizeof part, "%s.part-%ld", path, (long)getpid());
    assert_int_equal(stance_result_writer_open(&writer, path, "mmpose"), 0);
    assert_int_equal(stance_result_writer_add(writer, &scene.item), 0);
    assert_false(base_file_exists(path));
    assert_true(base_file_exists(part)); /* what a dying program leaves */
    assert_int_equal(stance_result_writer_close(&writer), 0);
    assert_true(base_file_exists(path));
    assert_false(base_file_exists(part));
    assert_int_equal(stance_result_writer_open(&writer, path, "coco"), 0);
    assert_int_equal(stance_result_writer_close(&writer), 0);
    assert_text(path, "[\n]\n");
}

static void test_formats_can_be_listed(void **state)
{
    (void)state;
    static const char *const expected[] = {"json", "coco", "mmpose", "openpose", "csv"};
    for (int i = 0; i < 5; i++) {
        assert_string_equal(stance_result_format(i)->name, expected[i]);
        assert_int_equal(stance_result_format(i)->folder, i == 3);
        assert_non_null(stance_result_format(i)->summary);
    }
    assert_null(stance_result_format(5));
    assert_null(stance_result_format(-1));
    struct stance_result_writer *writer;
    assert_int_equal(stance_result_writer_open(&writer, file("x.json"), "xml"), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "openpose"));
    assert_int_equal(stance_result_writer_open(&writer, file("no/x.json"), "coco"), STANCE_EIO);
    assert_int_equal(stance_result_writer_close(&writer), 0);
}

static void test_results_without_content_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct stance_result_writer *writer;
    make_scene(&scene);
    scene.item.result = NULL;
    assert_int_equal(stance_result_writer_open(&writer, file("bad.json"), NULL), 0);
    assert_int_equal(stance_result_writer_add(writer, &scene.item), STANCE_EARGUMENT);
    make_scene(&scene);
    scene.item.file = NULL;
    assert_int_equal(stance_result_writer_add(writer, &scene.item), STANCE_EARGUMENT);
    assert_int_equal(stance_result_writer_close(&writer), 0);
}

static void test_a_full_disk_is_reported(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    struct scene scene;
    struct stance_result_writer *writer;
    make_scene(&scene);
    assert_int_equal(stance_result_writer_open(&writer, "/dev/full", "json"), 0);
    assert_int_equal(stance_result_writer_add(writer, &scene.item), STANCE_EIO);
    assert_int_equal(stance_result_writer_close(&writer), 0); /* it was told already */
    char part[300];
    file("full.json");
    snprintf(part, sizeof part, "%s.part-%ld", path, (long)getpid());
    assert_int_equal(symlink("/dev/full", part), 0);
    assert_int_equal(stance_result_writer_open(&writer, path, "coco"), STANCE_EIO);
    assert_null(writer);
    remove(part);
}

static void test_results_survive_memory_that_is_out(void **state)
{
    (void)state;
    static const char *const formats[] = {"json", "coco", "mmpose", "openpose", "csv"};
    long live = base_alloc_live();
    for (int k = 0; k < 5; k++)
        for (long n = 1, done = 0; !done; n++) {
            struct scene scene;
            struct stance_result_writer *writer;
            make_scene(&scene);
            base_alloc_fail_at(n, 0);
            int code = stance_result_writer_open(&writer, file("oom.out"), formats[k]);
            if (code == 0)
                code = stance_result_writer_add(writer, &scene.item);
            base_alloc_fail_at(0, 0);
            int closed = stance_result_writer_close(&writer);
            remove(path);
            assert_true(code == 0 || code == STANCE_ENOMEMORY);
            assert_int_equal(closed, 0);
            done = code == 0;
            assert_true(n < 50);
            if (k == 3 && done) {
                char at[512];
                snprintf(at, sizeof at, "%s/clip_000000000003_keypoints.json", path);
                remove(at);
                remove(path);
            }
        }
    assert_int_equal(base_alloc_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_lines_say_everything),
        cmocka_unit_test(test_json_of_a_picture_has_no_frame),
        cmocka_unit_test(test_coco_is_an_array_of_people),
        cmocka_unit_test(test_coco_numbers_pictures_by_their_names),
        cmocka_unit_test(test_mmpose_is_an_array_of_frames),
        cmocka_unit_test(test_openpose_is_a_file_a_frame),
        cmocka_unit_test(test_csv_is_a_line_a_person),
        cmocka_unit_test(test_arrays_get_their_name_when_they_are_whole),
        cmocka_unit_test(test_formats_can_be_listed),
        cmocka_unit_test(test_results_without_content_are_refused),
        cmocka_unit_test(test_a_full_disk_is_reported),
        cmocka_unit_test(test_results_survive_memory_that_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
