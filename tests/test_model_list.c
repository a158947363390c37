/* The list of models: built-in ones, those of the folders, and what is said about a name that is
 * none of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/builtin.h"
#include "stance/model.h"
#include "support/support.h"

static char top[1024];

static void put(const char *relative, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", top, relative);
    *strrchr(path, '/') = 0;
    assert_int_equal(base_file_make_folder(path), 0);
    snprintf(path, sizeof path, "%s/%s", top, relative);
    assert_int_equal(base_file_write(path, "0123456789", size), 0);
}

/* Folders first and second, and the user's, as the environment and the present folder. */
static int enter(void **state)
{
    char list[4096], path[2048];
    snprintf(top, sizeof top, "%s/list", support_temp_folder());
    put("first/b.onnx", 1);
    put("first/a.onnx", 2);
    put("first/a.json", 3);
    put("first/.onnx", 3);
    put("first/folder.onnx/x", 1);
    put("second/a.onnx", 3);
    put("second/rtmpose-s.onnx", 4);
    put("second/stance-pose.onnx", 5);
    put("data/stance/models/c.onnx", 6);
    put("here/models/d.onnx", 7);
    snprintf(list, sizeof list, "%s/first:%s/absent:%s/second", top, top, top);
    setenv("STANCE_MODELS", list, 1);
    snprintf(path, sizeof path, "%s/data", top);
    setenv("XDG_DATA_HOME", path, 1);
    snprintf(path, sizeof path, "%s/here", top);
    return chdir(path);
}

static void test_models_are_listed_in_the_order_of_looking(void **state)
{
    static const struct {
        const char *name, *path;
        int64_t bytes;
    } wanted[] = {{"a", "first/a.onnx", 2},
                  {"b", "first/b.onnx", 1},
                  {"rtmpose-s", "second/rtmpose-s.onnx", 4},
                  {"stance-pose", "second/stance-pose.onnx", 5},
                  {"d", "models/d.onnx", 7},
                  {"c", "data/stance/models/c.onnx", 6}};
    struct stance_model_list *list;
    int32_t at = 0;
    assert_int_equal(stance_model_list_open(&list), 0);
    for (const struct model_builtin *model = model_builtins; model->name; model++, at++) {
        assert_string_equal(list->entries[at].name, model->name);
        assert_null(list->entries[at].path);
        assert_int_equal(list->entries[at].bytes, model->onnx_size);
    }
    assert_true(list->count >= at + 6); /* the installed folder may hold more */
    for (int i = 0; i < 6; i++, at++) {
        const struct stance_model_entry *entry = &list->entries[at];
        /* A name that is taken goes with its ending. */
        assert_int_equal(strncmp(entry->name, wanted[i].name, strlen(wanted[i].name)), 0);
        assert_true(!entry->name[strlen(wanted[i].name)] ||
                    (model_builtin_find(wanted[i].name) && strstr(entry->name, ".onnx")));
        assert_non_null(strstr(entry->path, wanted[i].path));
        assert_int_equal(entry->bytes, wanted[i].bytes);
    }
    stance_model_list_close(&list);
    assert_null(list);
    stance_model_list_close(&list);
}

static void assert_answer(const char *name, const char *says)
{
    struct stance_model *model;
    assert_int_equal(stance_model_open(&model, name), STANCE_ENOTFOUND);
    if (!strstr(stance_error_text(), says))
        fail_msg("%s: %s", name, stance_error_text());
}

static void test_unknown_names_are_answered_with_near_ones(void **state)
{
    char name[300];
    assert_answer("rtmpos-s", "did you mean 'rtmpose-s'");
    assert_answer("rtmpose", "did you mean 'rtmpose-s'");
    assert_answer("rtmpose-m", "stance models pull rtmpose-m");
    assert_answer("rtmo-ss", "'rtmo-s'"); /* which is not here, but can be pulled */
    assert_answer("absent/net", "there is no model 'absent/net'");
    if (model_builtins[0].name) {
        assert_answer("stance-pos", "did you mean 'stance-pose'");
        assert_answer("yolo-world", "built in are 'stance-det' and 'stance-pose'");
    } else {
        assert_answer("stance-det", "none is built in");
    }
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    assert_answer(name, "path of an ONNX file");
}

static void test_a_list_has_a_limit(void **state)
{
    struct base_arena *arena;
    struct base_file_entry *files;
    size_t count;
    char path[2048];
    snprintf(path, sizeof path, "%s/first", top);
    assert_int_equal(base_arena_open(&arena, 1 << 20), 0);
    assert_int_equal(base_file_list(&files, &count, arena, path, ".onnx", 2), 0);
    assert_int_equal(count, 2);
    assert_string_equal(files[0].name, "a.onnx");
    assert_int_equal(base_file_list(&files, &count, arena, path, ".onnx", 1), STANCE_ELIMIT);
    assert_int_equal(count, 0);
    assert_int_equal(base_file_list(&files, &count, arena, "no such", ".onnx", 1), 0);
    assert_int_equal(count, 0);
    base_arena_close(&arena);
}

static void test_every_allocation_may_fail(void **state)
{
    struct stance_model_list *list;
    struct stance_model *model;
    assert_int_equal(stance_model_list_open(&list), 0);
    stance_model_list_close(&list);
    long count = base_alloc_count(), live = base_alloc_live();
    assert_int_equal(stance_model_list_open(&list), 0);
    stance_model_list_close(&list);
    count = base_alloc_count() - count;
    assert_true(count >= 2);
    for (long n = 1; n <= count; n++) {
        base_alloc_fail_at(n, 0);
        int code = stance_model_list_open(&list);
        base_alloc_fail_at(n, 0);
        int answer = stance_model_open(&model, "rtmpose-y");
        base_alloc_fail_at(0, 0);
        assert_int_equal(code, STANCE_ENOMEMORY);
        assert_int_equal(answer, STANCE_ENOMEMORY);
        assert_null(list);
        assert_int_equal(base_alloc_live(), live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_are_listed_in_the_order_of_looking),
        cmocka_unit_test(test_unknown_names_are_answered_with_near_ones),
        cmocka_unit_test(test_a_list_has_a_limit),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
