/* Growing buffers with a limit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

static void test_bytes_are_appended_and_ended_with_nul(void **state)
{
    struct base_buffer buffer;
    base_buffer_init(&buffer, 10000);
    assert_null(buffer.data);
    for (int i = 0; i < 1000; i++) {
        char byte = (char)i;
        assert_int_equal(base_buffer_append(&buffer, &byte, 1), 0);
        assert_int_equal(buffer.data[buffer.size], 0);
    }
    assert_int_equal(buffer.size, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buffer.data[i], (char)i);
    base_buffer_free(&buffer);
    assert_int_equal(buffer.limit, 10000);
    assert_int_equal(base_buffer_append(&buffer, "x", 1), 0);
    base_buffer_free(&buffer);
}

static void test_the_limit_holds_to_the_byte(void **state)
{
    struct base_buffer buffer;
    base_buffer_init(&buffer, 300);
    char bytes[301] = {0};
    assert_int_equal(base_buffer_append(&buffer, bytes, 301), STANCE_ELIMIT);
    assert_int_equal(base_buffer_append(&buffer, bytes, 299), 0);
    assert_int_equal(base_buffer_append(&buffer, bytes, 2), STANCE_ELIMIT);
    assert_int_equal(buffer.size, 299);
    assert_int_equal(base_buffer_append(&buffer, bytes, 1), 0);
    assert_int_equal(base_buffer_reserve(&buffer, SIZE_MAX), STANCE_ELIMIT);
    base_buffer_free(&buffer);
}

static void test_text_is_formatted_whole_or_not_at_all(void **state)
{
    struct base_buffer buffer;
    base_buffer_init(&buffer, 20);
    assert_int_equal(base_buffer_format(&buffer, "%d-%s", 12, "ab"), 0);
    assert_string_equal(buffer.data, "12-ab");
    assert_int_equal(base_buffer_format(&buffer, "%030d", 1), STANCE_ELIMIT);
    assert_string_equal(buffer.data, "12-ab");
    assert_int_equal(base_buffer_format(&buffer, "%015d", 1), 0);
    assert_int_equal(buffer.size, 20);
    base_buffer_free(&buffer);
}

static void test_out_of_memory_keeps_what_is_there(void **state)
{
    struct base_buffer buffer;
    char bytes[400] = {0};
    base_buffer_init(&buffer, 1000);
    assert_int_equal(base_buffer_append(&buffer, "abc", 3), 0);
    base_alloc_fail_at(1, 0);
    assert_int_equal(base_buffer_append(&buffer, bytes, sizeof bytes), STANCE_ENOMEMORY);
    assert_string_equal(buffer.data, "abc");
    assert_int_equal(buffer.size, 3);
    base_buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_appended_and_ended_with_nul),
        cmocka_unit_test(test_the_limit_holds_to_the_byte),
        cmocka_unit_test(test_text_is_formatted_whole_or_not_at_all),
        cmocka_unit_test(test_out_of_memory_keeps_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
