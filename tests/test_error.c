/* Error codes and sentences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/errors.h"

static void test_codes_have_names_and_descriptions(void **state)
{
    assert_string_equal(stance_error_name(0), "STANCE_OK");
    assert_string_equal(stance_error_name(STANCE_EFORMAT), "STANCE_EFORMAT");
    assert_string_equal(stance_error_describe(STANCE_EFORMAT), "malformed data");
    assert_string_equal(stance_error_name(-999), "unknown error");
    assert_string_equal(stance_error_describe(1), "unknown error");
}

static void test_codes_keep_their_values(void **state)
{
    assert_int_equal(STANCE_EARGUMENT, -1);
    assert_int_equal(STANCE_EFORMAT, -5);
    assert_int_equal(STANCE_ECANCELLED, -12);
}

static void test_a_sentence_is_formatted(void **state)
{
    assert_int_equal(base_error(STANCE_EIO, "cannot open '%s': %d", "x", 5), STANCE_EIO);
    assert_string_equal(stance_error_text(), "cannot open 'x': 5");
    assert_int_equal(base_error_memory(12, "a frame"), STANCE_ENOMEMORY);
    assert_string_equal(stance_error_text(), "out of memory: 12 bytes for a frame");
}

static void test_context_comes_before_the_sentence(void **state)
{
    base_error(STANCE_ESHAPE, "dims differ");
    assert_int_equal(base_error_context(STANCE_ESHAPE, "node %d", 3), STANCE_ESHAPE);
    base_error_context(STANCE_ESHAPE, "'model.onnx'");
    assert_string_equal(stance_error_text(), "'model.onnx': node 3: dims differ");
}

static void test_a_long_sentence_is_cut(void **state)
{
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    base_error(STANCE_EIO, "%s", text);
    assert_int_equal(strlen(stance_error_text()), 1023);
    base_error_context(STANCE_EIO, "before");
    assert_int_equal(strncmp(stance_error_text(), "before: aaa", 11), 0);
    assert_true(strlen(stance_error_text()) <= 1023);
    base_error_context(STANCE_EIO, "%s", text);
    assert_int_equal(strlen(stance_error_text()), 1023);
}

static void test_no_sentence_repeats_a_password(void **state)
{
    static const char *const cases[][2] = {
        {"rtsp://user:secret@host/1", "rtsp://user:***@host/1"},
        {"'http://:s@h:80/a?b=c@d:e': not found", "'http://:*@h:80/a?b=c@d:e': not found"},
        {"a://b:p@q:r@h and c://d:1234567890@e", "a://b:***@h and c://d:***@e"},
        {"rtsp://user@host:554/", "rtsp://user@host:554/"},
        {"http://host:80/user:secret@x", "http://host:80/user:secret@x"},
        {"http://user:@host", "http://user:@host"},
        {"://", "://"},
        {"a:b@c", "a:b@c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        strcpy(text, cases[i][0]);
        stance_hide_passwords(text);
        assert_string_equal(text, cases[i][1]);
        base_error(STANCE_EIO, "%s", cases[i][0]);
        assert_string_equal(stance_error_text(), cases[i][1]);
        base_error(STANCE_EIO, "gone");
        base_error_context(STANCE_EIO, "%s", cases[i][0]);
        assert_null(strstr(stance_error_text(), "secret@host"));
    }
}

static int forward(int code, int *reached)
{
    *reached = 0;
    BASE_TRY(code);
    *reached = 1;
    return 7;
}

static void test_try_forwards_negative_codes_only(void **state)
{
    int reached;
    assert_int_equal(forward(STANCE_EIO, &reached), STANCE_EIO);
    assert_int_equal(reached, 0);
    assert_int_equal(forward(3, &reached), 7);
    assert_int_equal(reached, 1);
}

static void *set_other(void *context)
{
    *(size_t *)context = strlen(stance_error_text());
    base_error(STANCE_EIO, "of the other thread");
    return NULL;
}

static void test_each_thread_has_its_own_sentence(void **state)
{
    pthread_t thread;
    size_t length = 1;
    base_error(STANCE_EIO, "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, set_other, &length), 0);
    pthread_join(thread, NULL);
    assert_int_equal(length, 0);
    assert_string_equal(stance_error_text(), "of this thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_have_names_and_descriptions),
        cmocka_unit_test(test_codes_keep_their_values),
        cmocka_unit_test(test_a_sentence_is_formatted),
        cmocka_unit_test(test_context_comes_before_the_sentence),
        cmocka_unit_test(test_a_long_sentence_is_cut),
        cmocka_unit_test(test_no_sentence_repeats_a_password),
        cmocka_unit_test(test_try_forwards_negative_codes_only),
        cmocka_unit_test(test_each_thread_has_its_own_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
