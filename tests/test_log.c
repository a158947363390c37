/* Log messages: levels, and a program's own handler. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct caught {
    int count;
    enum base_log_level level;
    char text[2048];
};

static void catch (void *context, enum base_log_level level, const char *text)
{
    struct caught *caught = context;
    caught->count++;
    caught->level = level;
    snprintf(caught->text, sizeof caught->text, "%s", text);
}

static void test_messages_reach_the_handler_up_to_the_limit(void **state)
{
    struct caught caught = {0};
    base_log_handler(catch, &caught);
    base_log(BASE_LOG_INFO, "not wanted at first");
    assert_int_equal(caught.count, 0);
    base_log(BASE_LOG_WARN, "frame %d is late", 7);
    assert_int_equal(caught.count, 1);
    assert_int_equal(caught.level, BASE_LOG_WARN);
    assert_string_equal(caught.text, "frame 7 is late");
    base_log_limit(BASE_LOG_DEBUG);
    base_log(BASE_LOG_DEBUG, "%02000d", 1);
    assert_int_equal(caught.count, 2);
    assert_int_equal(strlen(caught.text), 1023);
    base_log_limit(BASE_LOG_ERROR);
    base_log(BASE_LOG_WARN, "no");
    assert_int_equal(caught.count, 2);
    base_log_handler(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_reach_the_handler_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
