/* MOT tables and the numbers by which tracks are measured. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "stance/mot.h"
#include "support/support.h"
#include "track/mot_file.h"

static const char *file_with(const char *text)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/mot.txt", support_temp_folder());
    assert_int_equal(base_file_write(path, text, strlen(text)), 0);
    return path;
}

static struct stance_mot *table(const char *text)
{
    struct stance_mot *mot;
    assert_int_equal(stance_mot_open(&mot, file_with(text)), 0);
    return mot;
}

static void test_mot_reads_what_the_field_writes(void **state)
{
    (void)state;
    int count;
    struct stance_mot *mot = table("2,1,10.5,20,30,40,0.75,-1,-1,-1\r\n\n1,-1,1,2,3,4\n"
                                   " 2 , 7.0e0,1,2,3,4,1,some,thing\n1,3,5,6,7,8,-1");
    const struct stance_mot_row *rows = stance_mot_rows(mot, &count);
    assert_int_equal(count, 4);
    assert_int_equal(rows[0].frame, 1);
    assert_int_equal(rows[0].id, -1);
    assert_float_equal(rows[0].score, 1, 0);
    assert_int_equal(rows[1].id, 3); /* the order of the file within a frame */
    assert_int_equal(rows[2].id, 1);
    assert_float_equal(rows[2].left, 10.5, 0);
    assert_float_equal(rows[2].score, 0.75, 0);
    assert_int_equal(rows[3].id, 7);
    stance_mot_close(&mot);
    assert_null(mot);
}

static void test_mot_tells_which_line_is_wrong(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "1,1,2,3,4",     "1,1,2,3,4,",    "1,1,2,3,4,five",    "one,1,2,3,4,5", "-1,1,2,3,4,5",
        "1.5,1,2,3,4,5", "1,0.5,2,3,4,5", "1e300,1,2,3,4,5",   "1,1,2,3,0,5",   "1,1,2,3,4,-5",
        "1,1,nan,3,4,5", "1,1,inf,3,4,5", "1,1,1e30,3,4,5",    "1,1,2,3,4,5,x", "1 1 2 3 4 5 6",
        ",,,,,,",        "\xff\xfe,1",    "1,1,2,3,4,5,1e300",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct stance_mot *mot;
        char text[256];
        snprintf(text, sizeof text, "1,1,2,3,4,5\n\n%s\n", wrong[i]);
        const char *path = file_with(text);
        if (stance_mot_open(&mot, path) != STANCE_EFORMAT)
            fail_msg("'%s' is taken", wrong[i]);
        assert_null(mot);
        assert_non_null(strstr(stance_error_text(), "line 3"));
        assert_non_null(strstr(stance_error_text(), "mot.txt"));
    }
}

static void test_mot_survives_any_bytes(void **state)
{
    (void)state;
    const char *good = "1,1,2,3,4,5,0.5,-1,-1,-1\n2,1,2.5,3,4,5,0.5,-1,-1,-1\n";
    const char bytes[] = "0123456789,.-+e\n \r\tx\xff";
    char text[128];
    size_t length = strlen(good);
    uint64_t random = 1;
    for (int i = 0; i < 20000; i++) {
        struct stance_mot *mot;
        memcpy(text, good, length);
        for (int k = 0; k < 1 + i % 4; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[(random >> 20) % length] = bytes[(random >> 50) % sizeof bytes];
        }
        int code = track_mot_open_bytes(&mot, text, length - (size_t)(i % 7), "noise");
        assert_true(code == 0 || code == STANCE_EFORMAT || code == STANCE_ELIMIT);
        assert_true((code == 0) == (mot != NULL));
        stance_mot_close(&mot);
    }
}

static void test_mot_missing_file(void **state)
{
    (void)state;
    struct stance_mot *mot;
    assert_int_equal(stance_mot_open(&mot, "no/such/file.txt"), STANCE_ENOTFOUND);
    assert_null(mot);
    int count;
    mot = NULL;
    assert_int_equal(stance_mot_open(&mot, file_with("\n")), 0);
    stance_mot_rows(mot, &count);
    assert_int_equal(count, 0);
    stance_mot_close(&mot);
}

static void test_mot_writes_what_it_reads(void **state)
{
    (void)state;
    struct stance_mot *mot = NULL, *again;
    char path[4096];
    int count;
    for (int i = 0; i < 1000; i++) {
        struct stance_mot_row row = {i / 3, i % 3, i * -0.37, i * 1.01, 5 + i % 7, 10, i / 1000.0};
        assert_int_equal(stance_mot_add(&mot, &row), 0);
    }
    struct stance_mot_row early = {0, 1, 0, 0, 1, 1, 1}, odd = {999, 1, NAN, 0, 1, 1, 1};
    assert_int_equal(stance_mot_add(&mot, &early), STANCE_EARGUMENT);
    assert_int_equal(stance_mot_add(&mot, &odd), STANCE_EARGUMENT);
    snprintf(path, sizeof path, "%s/out.txt", support_temp_folder());
    assert_int_equal(stance_mot_save(mot, path), 0);
    assert_int_equal(stance_mot_open(&again, path), 0);
    const struct stance_mot_row *a = stance_mot_rows(mot, &count), *b;
    b = stance_mot_rows(again, &count);
    assert_int_equal(count, 1000);
    for (int i = 0; i < count; i++) {
        assert_int_equal(a[i].id, b[i].id);
        assert_float_equal(a[i].left, b[i].left, 0.0051);
        assert_float_equal(a[i].score, b[i].score, 0.000051);
    }
    stance_mot_close(&mot);
    stance_mot_close(&again);
    assert_int_equal(stance_mot_save(NULL, path), 0);
    assert_int_equal(stance_mot_open(&again, path), STANCE_OK);
    stance_mot_close(&again);
}

static double number(const struct stance_eval_number *numbers, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    fail_msg("there is no number %s", name);
    return 0;
}

struct published {
    const char *truth, *tracks;
    struct {
        const char *name;
        double value, tolerance;
    } numbers[18];
};

/* EvalDeT's integration test: CLEAR and identity numbers of py-motmetrics, which are rounded to
 * three places; HOTA of TrackEval from that project's own copies of the files, which are rounded
 * otherwise (TrackEval's formulas in NumPy on these files give 0.391397 and 0.397849). */
static const struct published published[] = {
    {"tud_campus_gt.csv",
     "tud_campus_hyp.csv",
     {{"MOTA", 0.526, 6e-4},
      {"MOTP", 1 - 0.277, 6e-4},
      {"FP", 13, 0},
      {"FN", 150, 0},
      {"IDSW", 7, 0},
      {"IDP", 0.73, 6e-4},
      {"IDR", 0.451, 6e-4},
      {"IDF1", 0.558, 6e-4},
      {"HOTA", 0.3914, 5e-4},
      {"DetA", 0.4181, 5e-4},
      {"AssA", 0.3691, 5e-4},
      {"LocA", 0.7701, 5e-4},
      {"HOTA", 0.3913974378451139, 1e-9},
      {"AssA", 0.36912068120832836, 1e-9},
      {"true_ids", 8, 0},
      {"Frag", 7, 0}}},
    {"tud_stadtmitte_gt.csv",
     "tud_stadtmitte_hyp.csv",
     {{"MOTA", 0.564, 6e-4},
      {"MOTP", 1 - 0.346, 6e-4},
      {"FP", 45, 0},
      {"FN", 452, 0},
      {"IDSW", 7, 0},
      {"IDP", 0.82, 6e-4},
      {"IDR", 0.531, 6e-4},
      {"IDF1", 0.645, 6e-4},
      {"HOTA", 0.3979, 5e-4},
      {"DetA", 0.3923, 5e-4},
      {"AssA", 0.4085, 5e-4},
      {"LocA", 0.7375, 5e-4},
      {"HOTA", 0.3978490169927877, 1e-9},
      {"AssA", 0.4088407518112996, 1e-9},
      {"MT", 5, 0},
      {"PT", 4, 0},
      {"ML", 1, 0},
      {"Frag", 6, 0}}},
};

static void test_mot_numbers_are_the_published_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        struct stance_eval_number numbers[STANCE_MOT_NUMBERS];
        struct stance_mot *truth, *tracks;
        char name[128], path[4096];
        int count;
        snprintf(name, sizeof name, "data/mot/evaldet/%s", published[i].truth);
        if (!support_shared_path(path, sizeof path, name))
            skip();
        assert_int_equal(stance_mot_open(&truth, path), 0);
        snprintf(name, sizeof name, "data/mot/evaldet/%s", published[i].tracks);
        assert_true(support_shared_path(path, sizeof path, name));
        assert_int_equal(stance_mot_open(&tracks, path), 0);
        assert_int_equal(stance_mot_measure(truth, tracks, numbers, &count), 0);
        for (int k = 0; k < 18 && published[i].numbers[k].name; k++) {
            double found = number(numbers, count, published[i].numbers[k].name);
            if (!(fabs(found - published[i].numbers[k].value) <= published[i].numbers[k].tolerance))
                fail_msg("%s of %s is %.6f, published is %g", published[i].numbers[k].name,
                         published[i].tracks, found, published[i].numbers[k].value);
        }
        stance_mot_close(&truth);
        stance_mot_close(&tracks);
    }
}

static void measure(const char *truth_text, const char *tracks_text,
                    struct stance_eval_number numbers[STANCE_MOT_NUMBERS], int *count)
{
    struct stance_mot *truth = table(truth_text), *tracks = table(tracks_text);
    assert_int_equal(stance_mot_measure(truth, tracks, numbers, count), 0);
    assert_true(*count <= STANCE_MOT_NUMBERS);
    stance_mot_close(&truth);
    stance_mot_close(&tracks);
}

#define BOX(frame, id) #frame "," #id ",10,20,30,40\n"
#define FAR(frame, id) #frame "," #id ",510,20,30,40\n"

static void test_mot_of_a_known_story(void **state)
{
    (void)state;
    struct stance_eval_number n[STANCE_MOT_NUMBERS];
    int count;
    /* One person, four frames; the track has a gap and another id after it, and a ghost. */
    measure(BOX(1, 5) BOX(2, 5) BOX(3, 5) BOX(4, 5), BOX(1, 1) BOX(3, 2) BOX(4, 2) FAR(4, 3), n,
            &count);
    assert_float_equal(number(n, count, "FN"), 1, 0);
    assert_float_equal(number(n, count, "FP"), 1, 0);
    assert_float_equal(number(n, count, "IDSW"), 1, 0);
    assert_float_equal(number(n, count, "Frag"), 1, 0);
    assert_float_equal(number(n, count, "MOTA"), 0.25, 1e-12);
    assert_float_equal(number(n, count, "MOTP"), 1, 1e-12);
    assert_float_equal(number(n, count, "IDF1"), 2.0 * 2 / 8, 1e-12);
    assert_float_equal(number(n, count, "PT"), 1, 0);
    assert_float_equal(number(n, count, "DetA"), 3.0 / 5, 1e-12);
    assert_float_equal(number(n, count, "AssA"), (1 * 0.25 + 2 * 0.5) / 3, 1e-12);
    assert_float_equal(number(n, count, "HOTA"), sqrt(0.6 * 1.25 / 3), 1e-12);
}

static void test_mot_of_perfect_and_empty_tracks(void **state)
{
    (void)state;
    struct stance_eval_number n[STANCE_MOT_NUMBERS];
    int count;
    measure(BOX(1, 5) FAR(1, 6) BOX(2, 5), BOX(1, 9) FAR(1, 8) BOX(2, 9), n, &count);
    const char *const one[] = {"HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "recall"};
    for (size_t i = 0; i < sizeof one / sizeof one[0]; i++)
        assert_float_equal(number(n, count, one[i]), 1, 1e-12);
    measure(BOX(1, 5), "\n", n, &count);
    assert_float_equal(number(n, count, "MOTA"), 0, 0);
    assert_float_equal(number(n, count, "MOTP"), -1, 0);
    assert_float_equal(number(n, count, "HOTA"), 0, 0);
    measure("\n", BOX(1, 5), n, &count);
    assert_float_equal(number(n, count, "MOTA"), -1, 0);
    assert_float_equal(number(n, count, "FP"), 1, 0);
    measure("1,5,10,20,30,40,0\n" BOX(2, 5), BOX(2, 5), n, &count); /* a row that does not count */
    assert_float_equal(number(n, count, "MOTA"), 1, 0);
}

/* A table to which nothing was added is NULL. */
static void test_mot_of_a_table_without_rows(void **state)
{
    (void)state;
    struct stance_eval_number n[STANCE_MOT_NUMBERS];
    struct stance_mot *one = table(BOX(1, 5)), *built = NULL;
    int count;
    assert_null(stance_mot_rows(NULL, &count));
    assert_int_equal(count, 0);
    assert_int_equal(stance_mot_measure(one, NULL, n, &count), 0);
    assert_float_equal(number(n, count, "FN"), 1, 0);
    assert_int_equal(stance_mot_measure(NULL, one, n, &count), 0);
    assert_float_equal(number(n, count, "FP"), 1, 0);
    const struct stance_mot_row early = {.frame = -1, .id = 1, .width = 5, .height = 5};
    assert_int_equal(stance_mot_add(&built, &early), STANCE_EARGUMENT);
    assert_null(built);
    stance_mot_close(&one);
}

static void test_mot_refuses_what_cannot_be_measured(void **state)
{
    (void)state;
    struct stance_eval_number n[STANCE_MOT_NUMBERS];
    struct stance_mot *good = table(BOX(1, 5)), *twice = table(BOX(3, 5) FAR(3, 5)),
                      *none = table(BOX(1, -1));
    int count;
    assert_int_equal(stance_mot_measure(good, twice, n, &count), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), "frame 3"));
    assert_int_equal(stance_mot_measure(twice, good, n, &count), STANCE_EFORMAT);
    assert_int_equal(stance_mot_measure(good, none, n, &count), STANCE_EFORMAT);
    assert_int_equal(count, 0);
    stance_mot_close(&good);
    stance_mot_close(&twice);
    stance_mot_close(&none);
}

static int read_and_measure(const char *truth_path, const char *tracks_path, const char *out_path)
{
    struct stance_eval_number n[STANCE_MOT_NUMBERS];
    struct stance_mot *truth = NULL, *tracks = NULL;
    int count, code = stance_mot_open(&truth, truth_path);
    if (code == 0)
        code = stance_mot_open(&tracks, tracks_path);
    if (code == 0)
        code = stance_mot_measure(truth, tracks, n, &count);
    if (code == 0)
        code = stance_mot_save(tracks, out_path);
    stance_mot_close(&truth);
    stance_mot_close(&tracks);
    return code;
}

static void test_mot_gives_up_cleanly_without_memory(void **state)
{
    (void)state;
    char truth[4096], tracks[4096], out[4096];
    snprintf(truth, sizeof truth, "%s/truth.txt", support_temp_folder());
    snprintf(tracks, sizeof tracks, "%s/tracks.txt", support_temp_folder());
    snprintf(out, sizeof out, "%s/memory.txt", support_temp_folder());
    const char *backwards = BOX(2, 5) BOX(1, 5) FAR(1, 6);
    assert_int_equal(base_file_write(truth, backwards, strlen(backwards)), 0);
    assert_int_equal(base_file_write(tracks, backwards, strlen(backwards)), 0);
    long live = base_alloc_live();
    int n = 1;
    for (;; n++) {
        base_alloc_fail_at(n, 0);
        int code = read_and_measure(truth, tracks, out);
        base_alloc_fail_at(0, 0);
        assert_int_equal(base_alloc_live(), live);
        if (code == 0)
            break;
        assert_int_equal(code, STANCE_ENOMEMORY);
        assert_false(base_file_exists(out));
    }
    assert_true(n > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mot_reads_what_the_field_writes),
        cmocka_unit_test(test_mot_tells_which_line_is_wrong),
        cmocka_unit_test(test_mot_survives_any_bytes),
        cmocka_unit_test(test_mot_missing_file),
        cmocka_unit_test(test_mot_writes_what_it_reads),
        cmocka_unit_test(test_mot_numbers_are_the_published_ones),
        cmocka_unit_test(test_mot_of_a_known_story),
        cmocka_unit_test(test_mot_of_perfect_and_empty_tracks),
        cmocka_unit_test(test_mot_of_a_table_without_rows),
        cmocka_unit_test(test_mot_refuses_what_cannot_be_measured),
        cmocka_unit_test(test_mot_gives_up_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
