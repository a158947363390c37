/* Puts the labels into the page. They stand in it as they stand in their file, with every '<' written
 * as JSON's \u003c: whatever a file is called, the text can never end the script it stands in. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "label_page.h"
#include "stance/pose.h"

#define FILE_LIMIT (512 << 20)
static void write_names(FILE *out, const struct stance_keypoint_set *set)
{
    fputs("{\"name\":", out);
    cli_json_text(out, set->name);
    fputs(",\"names\":[", out);
    for (int k = 0; k < set->count; k++) {
        fputs(k ? "," : "", out);
        cli_json_text(out, set->names[k]);
    }
    fputs("],\"flip\":[", out);
    for (int k = 0; k < set->count; k++)
        fprintf(out, "%s%d", k ? "," : "", set->flip[k]);
}

static void write_colors(FILE *out, const uint8_t (*colors)[3], int count)
{
    for (int i = 0; i < count; i++)
        fprintf(out, "%s\"#%02x%02x%02x\"", i ? "," : "", colors[i][0], colors[i][1], colors[i][2]);
}

static void write_keypoint_set(FILE *out, const struct stance_keypoint_set *set)
{
    write_names(out, set);
    fputs("],\"colors\":[", out);
    write_colors(out, set->colors, set->count);
    fputs("],\"edges\":[", out);
    for (int e = 0; e < set->edge_count; e++)
        fprintf(out, "%s[%d,%d]", e ? "," : "", set->edges[e][0], set->edges[e][1]);
    fputs("],\"edge_colors\":[", out);
    write_colors(out, set->edge_colors, set->edge_count);
    fputs("]}", out);
}

static void write_escaped(FILE *out, const char *text, size_t size)
{
    const char *end = text + size;
    while (text < end) {
        const char *bracket = memchr(text, '<', (size_t)(end - text));
        size_t plain = (size_t)((bracket ? bracket : end) - text);
        fwrite(text, 1, plain, out);
        if (bracket)
            fputs("\\u003c", out);
        text += plain + (bracket != NULL);
    }
}

/* The set that a line names; the lines of others may name none and mean coco17. */
static const struct stance_keypoint_set *keypoint_set(const char *line)
{
    static const char key[] = "\"keypoint_set\":";
    const char *at = strstr(line, key);
    char name[64] = "coco17";
    if (at) {
        at += sizeof key - 1;
        at += strspn(at, " \t");
        if (*at == '"')
            snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
    }
    const struct stance_keypoint_set *set = stance_keypoint_set_find(name);
    if (!set)
        cli_fail(0, "the keypoint set '%s' is not known; only known sets can be drawn", name);
    return set;
}

/* A line's first and last characters and its field "file": enough to tell labels from other files. */
static bool is_label(const char *line, size_t length)
{
    while (length && strchr(" \t\r\n", line[length - 1]))
        length--;
    return length > 1 && line[0] == '{' && line[length - 1] == '}' && strstr(line, "\"file\"");
}

/* Copies the lines into the page; their number, or negative after a message. */
static int write_lines(FILE *out, FILE *in, const char *name)
{
    const struct stance_keypoint_set *set = NULL;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int number = 0, written = 0;
    while (written >= 0 && (length = getline(&line, &capacity, in)) > 0) {
        number++;
        if (line[strspn(line, " \t\r\n")] == 0)
            continue;
        if (!is_label(line, (size_t)length)) {
            written = cli_fail(-1, "%s:%d: not a line of labels (one JSON object with \"file\")",
                               name, number);
        } else if (!set && !(set = keypoint_set(line))) {
            written = -1;
        } else {
            if (written++ == 0) {
                write_keypoint_set(out, set);
                fputs(label_page_parts[1], out);
            }
            write_escaped(out, line, (size_t)length);
            fputs(line[length - 1] == '\n' ? "" : "\n", out);
        }
    }
    free(line);
    if (written == 0)
        return cli_fail(-1, "%s: no labels in it", name);
    if (written > 0 && ferror(in))
        return cli_fail(-1, "cannot read '%s': %s", name, strerror(errno));
    return written;
}

static FILE *open_lines(const char *annotations)
{
    struct stat status;
    FILE *in = fopen(annotations, "rb");
    if (!in || fstat(fileno(in), &status) != 0)
        cli_fail(0, "cannot read '%s': %s", annotations, strerror(errno));
    else if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT)
        cli_fail(0, "'%s' is no file of at most 512 MiB", annotations);
    else
        return in;
    if (in)
        fclose(in);
    return NULL;
}

int label_write_page(const char *annotations, const char *page)
{
    char part[4096];
    if ((size_t)snprintf(part, sizeof part, "%s.part", page) >= sizeof part)
        return cli_fail(CLI_FAILED, "the path of '%s' is too long", page);
    FILE *in = open_lines(annotations);
    if (!in)
        return CLI_FAILED;
    FILE *out = fopen(part, "wb");
    if (!out) {
        cli_fail(0, "cannot write '%s': %s", part, strerror(errno));
        fclose(in);
        return CLI_FAILED;
    }
    fputs(label_page_parts[0], out);
    int written = write_lines(out, in, annotations);
    fputs(label_page_parts[2], out);
    fclose(in);
    bool lost = ferror(out) != 0;
    lost = fclose(out) != 0 || lost;
    if (written > 0 && (lost || rename(part, page) != 0))
        written = cli_fail(-1, "cannot write '%s': %s", page, strerror(errno));
    if (written <= 0)
        unlink(part);
    return written > 0 ? CLI_OK : CLI_FAILED;
}
