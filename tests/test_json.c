/* JSON written and read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_read.h"
#include "base/json_write.h"
#include "support/support.h"

static struct base_buffer text;
static struct base_json json;

static void begin(bool pretty)
{
    base_buffer_free(&text);
    base_buffer_init(&text, 10000);
    base_json_begin(&json, &text, pretty);
}

static void assert_written(const char *wanted)
{
    assert_int_equal(base_json_end(&json), 0);
    assert_string_equal(text.data, wanted);
    base_buffer_free(&text);
}

static void write_person(void)
{
    base_json_object(&json);
    base_json_key(&json, "id");
    base_json_int(&json, INT64_MIN);
    base_json_key(&json, "keypoints");
    base_json_array(&json);
    base_json_float(&json, 1.25, 2);
    base_json_float(&json, -0.004, 2);
    base_json_float(&json, NAN, 2);
    base_json_close(&json);
    base_json_key(&json, "empty");
    base_json_object(&json);
    base_json_close(&json);
    base_json_key(&json, "ok");
    base_json_bool(&json, true);
    base_json_key(&json, "name");
    base_json_string(&json, NULL);
    base_json_close(&json);
}

static void test_compact_text(void **state)
{
    begin(false);
    write_person();
    assert_written("{\"id\":-9223372036854775808,\"keypoints\":[1.25,0.00,null],\"empty\":{},"
                   "\"ok\":true,\"name\":null}");
}

static void test_pretty_text(void **state)
{
    begin(true);
    write_person();
    assert_written("{\n  \"id\": -9223372036854775808,\n  \"keypoints\": [\n    1.25,\n    0.00,\n"
                   "    null\n  ],\n  \"empty\": {},\n  \"ok\": true,\n  \"name\": null\n}\n");
}

static void test_strings_are_escaped_and_stay_utf8(void **state)
{
    begin(false);
    base_json_array(&json);
    base_json_string(&json, "a\"b\\c\n\t\r\b\f\x01\x7f/");
    base_json_string(&json, "Grüße, 人, \xf0\x9f\x99\x82");
    base_json_string(&json, "\xff|\xc3|\xe2\x82|\xc0\xaf|\xed\xa0\x80|\xf5\x80\x80\x80");
    base_json_string_bytes(&json, "a\0b", 3);
    base_json_close(&json);
    assert_written("[\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u007f/\","
                   "\"Grüße, 人, \xf0\x9f\x99\x82\","
                   "\"\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|"
                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"
                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"a\\u0000b\"]");
}

static void test_floats_have_fixed_decimals_in_every_locale(void **state)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++) {
        if (!setlocale(LC_NUMERIC, locales[i]))
            continue;
        begin(false);
        base_json_array(&json);
        base_json_float(&json, 3.14159, 3);
        base_json_float(&json, 2.5, 0);
        base_json_float(&json, -1e300, 0);
        base_json_float(&json, INFINITY, 3);
        base_json_float(&json, -0.0, 1);
        base_json_close(&json);
        assert_int_equal(base_json_end(&json), 0);
        assert_int_equal(strncmp(text.data, "[3.142,2,-1000000000000000", 26), 0);
        assert_string_equal(text.data + text.size - 10, ",null,0.0]");
        base_buffer_free(&text);
    }
    setlocale(LC_NUMERIC, "C");
}

static void test_misuse_is_an_error_not_bad_json(void **state)
{
    begin(false);
    base_json_object(&json);
    base_json_int(&json, 1);
    assert_int_equal(base_json_end(&json), STANCE_EARGUMENT);
    begin(false);
    base_json_array(&json);
    assert_int_equal(base_json_end(&json), STANCE_EARGUMENT);
    begin(false);
    base_json_array(&json);
    base_json_key(&json, "x");
    assert_int_equal(base_json_end(&json), STANCE_EARGUMENT);
    begin(false);
    base_json_close(&json);
    assert_int_equal(base_json_end(&json), STANCE_EARGUMENT);
    begin(false);
    assert_int_equal(base_json_end(&json), STANCE_EARGUMENT);
    begin(false);
    base_json_null(&json);
    base_json_null(&json);
    assert_int_equal(base_json_end(&json), STANCE_EARGUMENT);
    begin(false);
    for (int i = 0; i < 100; i++)
        base_json_array(&json);
    assert_int_equal(base_json_end(&json), STANCE_ELIMIT);
    base_buffer_free(&text);
}

static void test_a_full_buffer_is_reported_at_the_end(void **state)
{
    base_buffer_init(&text, 10);
    base_json_begin(&json, &text, false);
    base_json_array(&json);
    for (int i = 0; i < 100; i++)
        base_json_int(&json, i);
    base_json_close(&json);
    assert_int_equal(base_json_end(&json), STANCE_ELIMIT);
    base_buffer_free(&text);
}

static int try_parse(const char *source, struct base_json_doc **doc)
{
    return base_json_parse(doc, source, strlen(source), 1000, "request");
}

static void test_members_are_fetched(void **state)
{
    struct base_json_doc *doc;
    int64_t number;
    double real;
    bool flag;
    const char *string;
    float floats[2];
    assert_int_equal(try_parse("{\"n\":7,\"r\":0.5,\"b\":true,\"s\":\"text\",\"f\":[1,2.5]}", &doc),
                     0);
    const base_json_value *root = base_json_root(doc);
    assert_int_equal(base_json_kind(root), BASE_JSON_OBJECT);
    assert_int_equal(base_json_count(root), 5);
    assert_int_equal(base_json_get_int(root, "n", 0, 10, &number), 0);
    assert_int_equal(number, 7);
    assert_int_equal(base_json_get_float(root, "n", &real), 0);
    assert_true(real == 7);
    assert_int_equal(base_json_get_float(root, "r", &real), 0);
    assert_true(real == 0.5);
    assert_int_equal(base_json_get_bool(root, "b", &flag), 0);
    assert_true(flag);
    assert_int_equal(base_json_get_string(root, "s", &string), 0);
    assert_string_equal(string, "text");
    assert_int_equal(base_json_get_floats(root, "f", 2, floats), 0);
    assert_true(floats[1] == 2.5f);
    assert_int_equal(base_json_count(base_json_get(root, "f")), 2);
    assert_int_equal(base_json_kind(base_json_at(base_json_get(root, "f"), 1)), BASE_JSON_FLOAT);
    assert_null(base_json_at(base_json_get(root, "f"), 2));
    base_json_doc_close(&doc);
    assert_null(doc);
    base_json_doc_close(&doc);
}

static void test_wrong_members_give_a_sentence(void **state)
{
    struct base_json_doc *doc;
    int64_t number;
    const char *string;
    float floats[3];
    assert_int_equal(try_parse("{\"n\":70,\"s\":1.5,\"f\":[1,\"x\"]}", &doc), 0);
    const base_json_value *root = base_json_root(doc);
    assert_int_equal(base_json_get_int(root, "n", 0, 10, &number), STANCE_EFORMAT);
    assert_string_equal(stance_error_text(), "'n' is 70, not within 0 … 10");
    assert_int_equal(base_json_get_int(root, "missing", 0, 10, &number), STANCE_EFORMAT);
    assert_string_equal(stance_error_text(), "'missing' is missing");
    assert_int_equal(base_json_get_string(root, "s", &string), STANCE_EFORMAT);
    assert_string_equal(stance_error_text(), "'s' is a number where a text should be");
    assert_int_equal(base_json_get_floats(root, "f", 3, floats), STANCE_EFORMAT);
    assert_int_equal(base_json_get_floats(root, "f", 2, floats), STANCE_EFORMAT);
    assert_int_equal(base_json_get_int(base_json_get(root, "n"), "n", 0, 1, &number),
                     STANCE_EFORMAT);
    base_json_doc_close(&doc);
}

static void test_an_object_is_walked(void **state)
{
    struct base_json_doc *doc;
    const char *key;
    const base_json_value *value;
    int count = 0, letters = 0;
    assert_int_equal(try_parse("{\"a\":1,\"b\":2,\"c\":3}", &doc), 0);
    for (void *at = base_json_next(base_json_root(doc), NULL, &key, &value); at;
         at = base_json_next(base_json_root(doc), at, &key, &value), count++)
        letters += key[0];
    assert_int_equal(count, 3);
    assert_int_equal(letters, 'a' + 'b' + 'c');
    base_json_doc_close(&doc);
}

static void test_bad_json_is_refused(void **state)
{
    static const char *const bad[] = {"",        "{",     "[1,]",        "{\"a\":1,\"a\":2}",
                                      "nul",     "[1] 2", "\"\\u0000\"", "\"\xff\"",
                                      "{'a':1}", "[01]",  "[1e999]"};
    struct base_json_doc *doc;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(try_parse(bad[i], &doc), STANCE_EFORMAT);
        assert_null(doc);
        assert_int_equal(strncmp(stance_error_text(), "request: line 1", 15), 0);
    }
}

static void test_size_and_depth_are_limited(void **state)
{
    struct base_json_doc *doc;
    char deep[201];
    assert_int_equal(base_json_parse(&doc, "[1,2,3]", 7, 6, "x"), STANCE_ELIMIT);
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    assert_int_equal(base_json_parse(&doc, deep, 200, 1000, "x"), STANCE_ELIMIT);
    assert_int_equal(base_json_parse(&doc, deep + 36, 128, 1000, "x"), 0);
    base_json_doc_close(&doc);
    assert_int_equal(base_json_parse(&doc,
                                     "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                                     "[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"",
                                     85, 1000, "x"),
                     0);
    base_json_doc_close(&doc);
}

static void test_files_are_read(void **state)
{
    struct base_json_doc *doc;
    char path[1024];
    snprintf(path, sizeof path, "%s/a.json", support_temp_folder());
    assert_int_equal(base_json_open(&doc, path, 100), STANCE_ENOTFOUND);
    assert_int_equal(base_file_write(path, "[1, 2]\n", 7), 0);
    assert_int_equal(base_json_open(&doc, path, 100), 0);
    assert_int_equal(base_json_count(base_json_root(doc)), 2);
    base_json_doc_close(&doc);
    assert_int_equal(base_json_open(&doc, path, 6), STANCE_ELIMIT);
    assert_null(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact_text),
        cmocka_unit_test(test_pretty_text),
        cmocka_unit_test(test_strings_are_escaped_and_stay_utf8),
        cmocka_unit_test(test_floats_have_fixed_decimals_in_every_locale),
        cmocka_unit_test(test_misuse_is_an_error_not_bad_json),
        cmocka_unit_test(test_a_full_buffer_is_reported_at_the_end),
        cmocka_unit_test(test_members_are_fetched),
        cmocka_unit_test(test_wrong_members_give_a_sentence),
        cmocka_unit_test(test_an_object_is_walked),
        cmocka_unit_test(test_bad_json_is_refused),
        cmocka_unit_test(test_size_and_depth_are_limited),
        cmocka_unit_test(test_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
