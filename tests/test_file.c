/* Files: read and written whole, folders made, paths kept inside a folder. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support/support.h"

static const char *in_temp(const char *name)
{
    static char paths[4][2048];
    static int next;
    char *path = paths[next++ % 4];
    assert_in_range(snprintf(path, 2048, "%s/%s", support_temp_folder(), name), 1, 2047);
    return path;
}

static void test_what_was_written_is_read(void **state)
{
    struct base_buffer buffer;
    const char *path = in_temp("written.bin");
    base_buffer_init(&buffer, 10);
    assert_int_equal(base_file_write(path, "0123456789", 10), 0);
    assert_int_equal(base_file_read(&buffer, path), 0);
    assert_int_equal(buffer.size, 10);
    assert_string_equal(buffer.data, "0123456789");
    base_buffer_free(&buffer);
    assert_int_equal(base_file_write(path, "", 0), 0);
    assert_int_equal(base_file_read(&buffer, path), 0);
    assert_int_equal(buffer.size, 0);
    base_buffer_free(&buffer);
}

static void test_reading_stops_at_the_limit(void **state)
{
    struct base_buffer buffer;
    const char *path = in_temp("long.bin");
    static char bytes[200000];
    assert_int_equal(base_file_write(path, bytes, sizeof bytes), 0);
    base_buffer_init(&buffer, sizeof bytes - 1);
    assert_int_equal(base_file_read(&buffer, path), STANCE_ELIMIT);
    base_buffer_free(&buffer);
    base_buffer_init(&buffer, sizeof bytes);
    assert_int_equal(base_file_read(&buffer, path), 0);
    assert_int_equal(buffer.size, sizeof bytes);
    base_buffer_free(&buffer);
}

static void test_reading_appends(void **state)
{
    struct base_buffer buffer;
    const char *path = in_temp("append.txt");
    base_buffer_init(&buffer, 100);
    assert_int_equal(base_file_write(path, "b", 1), 0);
    assert_int_equal(base_buffer_append(&buffer, "a", 1), 0);
    assert_int_equal(base_file_read(&buffer, path), 0);
    assert_string_equal(buffer.data, "ab");
    base_buffer_free(&buffer);
}

static void test_missing_files_and_folders_are_errors(void **state)
{
    struct base_buffer buffer;
    struct base_mapping mapping;
    base_buffer_init(&buffer, 100);
    assert_int_equal(base_file_read(&buffer, in_temp("missing")), STANCE_ENOTFOUND);
    assert_int_equal(base_file_read(&buffer, support_temp_folder()), STANCE_EIO);
    assert_int_equal(base_file_write(in_temp("no/folder"), "x", 1), STANCE_EIO);
    assert_int_equal(base_file_map(&mapping, in_temp("missing"), 100), STANCE_ENOTFOUND);
    assert_int_equal(base_file_map(&mapping, support_temp_folder(), 100), STANCE_EIO);
    base_buffer_free(&buffer);
}

static void test_a_failed_write_leaves_nothing(void **state)
{
    const char *folder = in_temp("taken");
    char part[2100];
    assert_int_equal(base_file_make_folder(in_temp("taken/inside")), 0);
    assert_int_equal(base_file_write(folder, "x", 1), STANCE_EIO);
    snprintf(part, sizeof part, "%s.part-%ld", folder, (long)getpid());
    assert_false(base_file_exists(part));
}

static void test_mapping_has_the_bytes_and_a_limit(void **state)
{
    struct base_mapping mapping;
    const char *path = in_temp("map.bin");
    assert_int_equal(base_file_write(path, "abc", 3), 0);
    assert_int_equal(base_file_map(&mapping, path, 3), 0);
    assert_int_equal(mapping.size, 3);
    assert_memory_equal(mapping.data, "abc", 3);
    base_file_unmap(&mapping);
    assert_null(mapping.data);
    base_file_unmap(&mapping);
    assert_int_equal(base_file_map(&mapping, path, 2), STANCE_ELIMIT);
    assert_int_equal(base_file_write(path, "", 0), 0);
    assert_int_equal(base_file_map(&mapping, path, 2), STANCE_EFORMAT);
}

static void test_folders_are_made_with_their_parents(void **state)
{
    const char *deep = in_temp("one//two/three/");
    assert_int_equal(base_file_make_folder(deep), 0);
    assert_int_equal(base_file_make_folder(deep), 0);
    assert_true(base_file_is_folder(deep));
    assert_false(base_file_exists(deep));
    assert_int_equal(base_file_write(in_temp("plain"), "x", 1), 0);
    assert_true(base_file_exists(in_temp("plain")));
    assert_false(base_file_is_folder(in_temp("plain")));
    assert_int_equal(base_file_make_folder(in_temp("plain")), STANCE_EIO);
    assert_int_equal(base_file_make_folder(in_temp("plain/below")), STANCE_EIO);
    assert_int_equal(base_file_make_folder(""), STANCE_EARGUMENT);
}

static void test_resolved_paths_stay_inside(void **state)
{
    char path[BASE_PATH_BYTES];
    assert_int_equal(base_file_make_folder(in_temp("cage/sub")), 0);
    assert_int_equal(base_file_write(in_temp("cage/sub/a..b"), "x", 1), 0);
    assert_int_equal(base_file_write(in_temp("cage-outside"), "x", 1), 0);
    assert_int_equal(symlink("../cage-outside", in_temp("cage/out")), 0);
    const char *cage = in_temp("cage");
    assert_int_equal(base_file_resolve(path, cage, "sub/a..b"), 0);
    assert_true(base_file_exists(path));
    assert_int_equal(base_file_resolve(path, cage, "out"), STANCE_EARGUMENT);
    assert_int_equal(base_file_resolve(path, cage, "../cage-outside"), STANCE_EARGUMENT);
    assert_int_equal(base_file_resolve(path, cage, "sub/.."), STANCE_EARGUMENT);
    assert_int_equal(base_file_resolve(path, cage, "/etc/passwd"), STANCE_EARGUMENT);
    assert_int_equal(base_file_resolve(path, cage, ""), STANCE_EARGUMENT);
    assert_int_equal(base_file_resolve(path, cage, "missing"), STANCE_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_reading_stops_at_the_limit),
        cmocka_unit_test(test_reading_appends),
        cmocka_unit_test(test_missing_files_and_folders_are_errors),
        cmocka_unit_test(test_a_failed_write_leaves_nothing),
        cmocka_unit_test(test_mapping_has_the_bytes_and_a_limit),
        cmocka_unit_test(test_folders_are_made_with_their_parents),
        cmocka_unit_test(test_resolved_paths_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
