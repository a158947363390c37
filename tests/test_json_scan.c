/* JSON from front to back: base/json_scan.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "base/json_scan.h"

static struct base_scan scan_of(const char *text)
{
    struct base_scan scan;
    base_scan_begin(&scan, text, strlen(text), "t.json");
    return scan;
}

static int skip_all(const char *text, size_t size)
{
    struct base_scan scan;
    base_scan_begin(&scan, text, size, "t.json");
    int code = base_scan_skip(&scan);
    return code < 0 ? code : base_scan_end(&scan);
}

static void test_values_come_in_their_order(void **state)
{
    struct base_scan scan =
        scan_of(" {\"a\" : 1.5, \"b\":[true,null , -7e2], \"c\":\"x\\u00e9\\n\"}\n");
    struct base_scan_key key;
    double number = 0;
    bool truth = false;
    char text[16];
    assert_int_equal(base_scan_enter(&scan, '{', "it"), 0);
    assert_int_equal(base_scan_next(&scan, &key), 1);
    assert_true(base_scan_is(key, "a"));
    assert_int_equal(base_scan_number(&scan, "a", &number), 0);
    assert_true(number == 1.5);
    assert_int_equal(base_scan_next(&scan, &key), 1);
    assert_int_equal(base_scan_enter(&scan, '[', "b"), 0);
    assert_int_equal(base_scan_next(&scan, NULL), 1);
    assert_int_equal(base_scan_bool(&scan, "b", &truth), 0);
    assert_true(truth);
    assert_int_equal(base_scan_next(&scan, NULL), 1);
    assert_int_equal(base_scan_peek(&scan), 'n');
    assert_int_equal(base_scan_skip(&scan), 0);
    assert_int_equal(base_scan_next(&scan, NULL), 1);
    assert_int_equal(base_scan_number(&scan, "b", &number), 0);
    assert_true(number == -700);
    assert_int_equal(base_scan_next(&scan, NULL), 0);
    assert_int_equal(base_scan_next(&scan, &key), 1);
    assert_int_equal(base_scan_text(&scan, "c", text, sizeof text), 0);
    assert_string_equal(text, "x\xc3\xa9\n");
    assert_int_equal(base_scan_next(&scan, &key), 0);
    assert_int_equal(base_scan_end(&scan), 0);
}

static void test_what_is_no_json_is_refused(void **state)
{
    static const char *const texts[] = {
        "",      "{",        "[",   "[1",        "[1,",   "[1,]",  "[,1]",     "{\"a\"}",
        "{a:1}", "{\"a\":}", "01",  "+1",        "1.",    "-",     ".5",       "1e",
        "NaN",   "Infinity", "nul", "tru",       "\"a",   "\"a\\", "[1 2]",    "{\"a\":1 \"b\":2}",
        "1 2",   "]",        "[1}", "{\"a\":1]", "1e999", "--1",   "\"a\nb\"", "[\"\x01\"]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int code = skip_all(texts[i], strlen(texts[i]));
        if (code != STANCE_EFORMAT)
            fail_msg("'%s' gives %s", texts[i], stance_error_name(code));
        assert_non_null(strstr(stance_error_text(), "t.json: line "));
    }
}

static void test_sentences_name_line_and_column(void **state)
{
    struct base_scan scan = scan_of("\n\n  [true]");
    double number;
    assert_int_equal(base_scan_number(&scan, "'width'", &number), STANCE_EFORMAT);
    assert_string_equal(stance_error_text(),
                        "t.json: line 3, column 3: 'width' is an array where a number should be");
}

static void test_integers_may_have_a_point_but_no_fraction(void **state)
{
    static const struct {
        const char *text;
        int code;
        int64_t value;
    } rows[] = {{"785", 0, 785},
                {"785.0", 0, 785},
                {"1e3", 0, 1000},
                {"-9223372036854775808", 0, INT64_MIN},
                {"9223372036854775807", 0, INT64_MAX},
                {"9223372036854775808", STANCE_EFORMAT, 0},
                {"1e30", STANCE_EFORMAT, 0},
                {"1.5", STANCE_EFORMAT, 0},
                {"\"1\"", STANCE_EFORMAT, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct base_scan scan = scan_of(rows[i].text);
        int64_t value = 0;
        assert_int_equal(base_scan_int(&scan, "it", &value), rows[i].code);
        if (rows[i].code == 0)
            assert_true(value == rows[i].value);
    }
}

static void test_texts_have_room_or_are_refused(void **state)
{
    char text[4];
    struct base_scan scan = scan_of("\"abc\"");
    assert_int_equal(base_scan_text(&scan, "it", text, sizeof text), 0);
    scan = scan_of("\"abcd\"");
    assert_int_equal(base_scan_text(&scan, "it", text, sizeof text), STANCE_ELIMIT);
    scan = scan_of("\"\\q\"");
    assert_int_equal(base_scan_text(&scan, "it", text, sizeof text), STANCE_EFORMAT);
    scan = scan_of("\"\\u0000\"");
    assert_int_equal(base_scan_text(&scan, "it", text, sizeof text), STANCE_EFORMAT);
    char wide[8];
    scan = scan_of("\"\\ud83d\\ude00\"");
    assert_int_equal(base_scan_text(&scan, "it", wide, sizeof wide), 0);
    assert_string_equal(wide, "\xf0\x9f\x98\x80");
}

static void test_nesting_is_bounded(void **state)
{
    char text[2 * (BASE_SCAN_DEPTH + 1) + 1];
    for (int depth = BASE_SCAN_DEPTH; depth <= BASE_SCAN_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(skip_all(text, (size_t)depth * 2),
                         depth > BASE_SCAN_DEPTH ? STANCE_ELIMIT : 0);
    }
}

/* A document and a scan agree about which random texts are JSON. */
static void test_scan_and_document_agree(void **state)
{
    static const char letters[] = "[]{}:,\"\"a1e0.-\\ntrue";
    srand(5);
    int good = 0;
    for (int i = 0; i < 200000; i++) {
        char text[12];
        size_t size = 1 + (size_t)(rand() % 8);
        for (size_t k = 0; k < size; k++)
            text[k] = letters[(size_t)rand() % (sizeof letters - 1)];
        struct base_json_doc *doc;
        int expected = base_json_parse(&doc, text, size, 100, "t.json");
        base_json_doc_close(&doc);
        int code = skip_all(text, size);
        bool escape = memchr(text, '\\', size) != NULL; /* the scan does not read skipped texts */
        if (!escape && (expected == 0) != (code == 0))
            fail_msg("'%.*s': %s", (int)size, text, stance_error_text());
        good += code == 0;
    }
    assert_true(good > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_in_their_order),
        cmocka_unit_test(test_what_is_no_json_is_refused),
        cmocka_unit_test(test_sentences_name_line_and_column),
        cmocka_unit_test(test_integers_may_have_a_point_but_no_fraction),
        cmocka_unit_test(test_texts_have_room_or_are_refused),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_scan_and_document_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
