/* Type and shape inference of one operator as one line of a table.
 *
 * Inputs and outputs are written like "f1x3x8x8 l4 - f": a letter for the type (f float32,
 * d float64, h float16, l int64, i int32, u uint8, c int8, b bool, . unknown), then the shape: dims
 * joined by x, ? for an unknown dim, nothing for a scalar, * for an unknown rank, - alone for an
 * input left out. "l[4,-1]" is a vector with known contents, "l(3)" a known number. Attributes are
 * "axis=1 perm=[0,2,1] alpha=0.5 mode=edge". An expected output "!ESHAPE" is that error. */
#ifndef INFER_ROWS_H
#define INFER_ROWS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

enum { MAX_VALUES = 24, MAX_ATTRS = 8, MAX_LIST = 32 };

struct row {
    const char *op;
    int opset;
    const char *inputs, *attrs, *outputs;
};

struct contents {
    struct stance_tensor view;
    double data[MAX_LIST];
};

struct fixture {
    struct graph_node node;
    struct graph_attr attrs[MAX_ATTRS];
    char text[512];
    int64_t ints[MAX_ATTRS][MAX_LIST];
    float floats[MAX_ATTRS][MAX_LIST];
    int inputs[MAX_VALUES];
    struct graph_type in[MAX_VALUES], out[MAX_VALUES];
    struct contents contents[MAX_VALUES];
};

static const char letters[] = ".fdhliucb";
static const int dtypes[] = {STANCE_DTYPE_NONE, STANCE_FLOAT32, STANCE_FLOAT64,
                             STANCE_FLOAT16,    STANCE_INT64,   STANCE_INT32,
                             STANCE_UINT8,      STANCE_INT8,    STANCE_BOOL};

static int dtype_of(char letter)
{
    const char *at = strchr(letters, letter);
    assert_non_null(at);
    return dtypes[at - letters];
}

/* "[1,2]" or "(3)": the known contents of an input. */
static void read_contents(struct graph_type *type, struct contents *contents, const char *text)
{
    struct stance_tensor *view = &contents->view;
    int64_t count = 0;
    *view = (struct stance_tensor){.dtype = type->dtype, .data = contents->data};
    view->rank = text[0] == '[';
    view->dims[0] = MAX_LIST;
    for (const char *at = text + 1; *at != ']' && *at != ')'; at += *at == ',') {
        char *end;
        if (view->dtype == STANCE_INT64)
            ((int64_t *)view->data)[count] = strtoll(at, &end, 10);
        else
            tensor_set(view, count, strtod(at, &end));
        count++;
        at = end;
    }
    view->dims[0] = view->rank ? count : 0;
    type->shape = tensor_shape_of(view);
    type->value = view;
}

static struct tensor_shape read_shape(const char *text)
{
    struct tensor_shape shape = {.rank = text[0] == '*' ? -1 : 0};
    for (char *at = (char *)text; *at && *at != '*'; at += *at == 'x') {
        shape.dims[shape.rank++] = *at == '?' ? -1 : strtoll(at, &at, 10);
        at += *at == '?';
    }
    return shape;
}

/* Cuts the next word off; NULL at the end. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " ");
    if (!*word)
        return NULL;
    char *end = word + strcspn(word, " ");
    *at = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

static void read_inputs(struct fixture *f, const char *text)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    char *at = copy;
    for (char *word; (word = next_word(&at));) {
        int i = f->node.input_count++;
        assert_true(i < MAX_VALUES);
        f->inputs[i] = word[0] == '-' ? -1 : i;
        f->in[i] = (struct graph_type){.shape = {.rank = -1}};
        if (word[0] == '-')
            continue;
        f->in[i].dtype = dtype_of(word[0]);
        if (word[1] == '[' || word[1] == '(')
            read_contents(&f->in[i], &f->contents[i], word + 1);
        else
            f->in[i].shape = read_shape(word + 1);
    }
    f->node.inputs = f->inputs;
}

static void read_list(struct fixture *f, struct graph_attr *attr, char *text)
{
    int which = f->node.attr_count;
    attr->kind = strchr(text, '.') ? GRAPH_ATTR_FLOATS : GRAPH_ATTR_INTS;
    for (char *at = text + 1; *at != ']'; at += *at == ',') {
        char *end;
        f->floats[which][attr->count] = (float)strtod(at, &end);
        f->ints[which][attr->count++] = strtoll(at, NULL, 10);
        at = end;
    }
    attr->ints = f->ints[which];
    attr->floats = f->floats[which];
}

static void read_attrs(struct fixture *f, const char *text)
{
    snprintf(f->text, sizeof f->text, "%s", text);
    char *at = f->text;
    for (char *word; (word = next_word(&at)); f->node.attr_count++) {
        struct graph_attr *attr = &f->attrs[f->node.attr_count];
        char *value = strchr(word, '=');
        *value++ = '\0';
        attr->name = word;
        if (value[0] == '[') {
            read_list(f, attr, value);
        } else if (strchr("-0123456789", value[0])) {
            attr->kind = strchr(value, '.') ? GRAPH_ATTR_FLOAT : GRAPH_ATTR_INT;
            attr->i = strtoll(value, NULL, 10);
            attr->f = (float)strtod(value, NULL);
        } else {
            attr->kind = GRAPH_ATTR_STRING;
            attr->s = value;
        }
    }
    f->node.attrs = f->attrs;
}

static int count_words(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += *text != ' ' && (text[1] == ' ' || !text[1]);
    return count;
}

static void describe(char *text, size_t size, const struct fixture *f, int count)
{
    char shape[TENSOR_SHAPE_TEXT];
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        const struct graph_type *type = &f->out[i];
        char letter = '#';
        for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++)
            if (dtypes[d] == type->dtype)
                letter = letters[d];
        tensor_shape_text(&type->shape, shape);
        const char *dims = type->shape.rank < 0 ? "*" : type->shape.rank == 0 ? "" : shape;
        used += (size_t)snprintf(text + used, size - used, "%s%c%s", i ? " " : "", letter, dims);
    }
}

static void check(const struct row *row)
{
    struct fixture *f = calloc(1, sizeof *f);
    char got[1024];
    int outputs = row->outputs[0] == '!' ? 3 : count_words(row->outputs);
    f->node.type = row->op;
    read_inputs(f, row->inputs);
    read_attrs(f, row->attrs);
    for (int i = 0; i < outputs; i++)
        f->out[i] = (struct graph_type){.shape = {.rank = -1}};
    const struct graph_op *op = graph_op_find("", row->op);
    assert_non_null(op);
    if (op->max_outputs >= 0 && outputs > op->max_outputs)
        outputs = op->max_outputs;
    struct graph_infer infer = {&f->node, row->opset, f->node.input_count, outputs, f->in, f->out};
    int code = op->infer(&infer);
    if (code < 0)
        snprintf(got, sizeof got, "!%s", stance_error_name(code) + strlen("STANCE_"));
    else
        describe(got, sizeof got, f, outputs);
    if (strcmp(got, row->outputs) != 0)
        fail_msg("%s-%d (%s) [%s]: %s instead of %s (%s)", row->op, row->opset, row->inputs,
                 row->attrs, got, row->outputs, code < 0 ? stance_error_text() : "no error");
    if (code < 0)
        assert_true(strlen(stance_error_text()) > 5);
    free(f);
}

static void check_rows(const struct row *rows)
{
    for (; rows->op; rows++)
        check(rows);
}

#endif
