/* The list of operators in docs/operators.md against the tables. With "print" as argument the
 * program prints the list, for the document. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "engine/op.h"

enum { MAX_OPERATORS = 1000 };

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* "`Abs`, `Add`, …" in lines of at most 100 columns. */
static void write_list(struct base_buffer *out)
{
    const char *names[MAX_OPERATORS];
    size_t count = 0, column = 0;
    for (const struct graph_op *op; (op = graph_op_at((int)count)) && count < MAX_OPERATORS;)
        names[count++] = op->type;
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(names[i]) + 3;
        if (column && column + length + 1 > 100) {
            base_buffer_format(out, "\n");
            column = 0;
        }
        base_buffer_format(out, "%s`%s`%s", column ? " " : "", names[i], i + 1 < count ? "," : "");
        column += length + (column ? 1 : 0);
    }
    base_buffer_format(out, "\n");
}

static void test_document_lists_exactly_the_operators(void **state)
{
    struct base_buffer text, list;
    base_buffer_init(&text, 1 << 20);
    base_buffer_init(&list, 1 << 20);
    assert_int_equal(base_file_read(&text, OPERATORS_DOCUMENT), 0);
    write_list(&list);
    if (!strstr(text.data, list.data))
        fail_msg("docs/operators.md lists other operators; it should contain:\n%s", list.data);
    base_buffer_free(&text);
    base_buffer_free(&list);
}

static void test_every_operator_can_be_run(void **state)
{
    for (int i = 0; graph_op_at(i); i++)
        if (!engine_op_find(graph_op_at(i)->type))
            fail_msg("%s has no implementation", graph_op_at(i)->type);
}

int main(int argument_count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_lists_exactly_the_operators),
        cmocka_unit_test(test_every_operator_can_be_run),
    };
    if (argument_count > 1 && strcmp(arguments[1], "print") == 0) {
        struct base_buffer list;
        base_buffer_init(&list, 1 << 20);
        write_list(&list);
        fputs(list.data, stdout);
        base_buffer_free(&list);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
