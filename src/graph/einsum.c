/* Reading Einsum's equation: letters, "...", explicit and implicit output. */
#include <string.h>

#include "graph/einsum.h"

/* One side of an equation between commas or "->": letters, and where "..." stands. */
struct term {
    int count, ellipsis; /* letters; letters before "...", or -1 */
    int letters[GRAPH_EINSUM_LETTERS];
};

static int letter_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return 26 + c - 'a';
    return -1;
}

/* Reads up to ',', "->" or the end and leaves *at there. */
static int read_term(struct term *term, const char **at)
{
    *term = (struct term){.ellipsis = -1};
    for (; **at && **at != ',' && **at != '-'; (*at)++) {
        int letter = letter_of(**at);
        if (**at == ' ')
            continue;
        if (strncmp(*at, "...", 3) == 0 && term->ellipsis < 0) {
            term->ellipsis = term->count;
            *at += 2;
        } else if (letter < 0) {
            return base_error(STANCE_EARGUMENT, "the equation has '%c' where a letter belongs",
                              **at);
        } else if (term->count == STANCE_MAX_RANK) {
            return base_error(STANCE_EUNSUPPORTED,
                              "a term of the equation has more than %d letters", STANCE_MAX_RANK);
        } else {
            term->letters[term->count++] = letter;
        }
    }
    return 0;
}

static int set_dim(struct graph_einsum *einsum, int label, int64_t dim)
{
    int64_t *now = &einsum->dims[label];
    bool first = !einsum->used[label];
    einsum->used[label] = true;
    if (first || *now == 1 || (*now < 0 && dim > 1))
        *now = dim;
    else if (dim >= 0 && dim != 1 && *now >= 0 && dim != *now)
        return base_error(STANCE_ESHAPE, "the same letter stands for %lld and for %lld",
                          (long long)*now, (long long)dim);
    return 0;
}

/* Gives each axis of input i its label. */
static int label_input(struct graph_einsum *einsum, int i, const struct term *term,
                       const struct tensor_shape *shape)
{
    int hidden = 0, rank = term->count;
    if (term->ellipsis >= 0) {
        hidden = shape->rank < 0 ? 0 : shape->rank - term->count;
        rank = shape->rank < 0 ? -1 : term->count + hidden;
    }
    if (hidden < 0 || (shape->rank >= 0 && shape->rank != rank))
        return base_error(STANCE_ESHAPE, "input %d has rank %d, but its term has %d letters", i,
                          shape->rank, term->count);
    einsum->rank[i] = rank;
    for (int l = 0; l < term->count && rank < 0; l++)
        einsum->used[term->letters[l]] = true;
    for (int axis = 0, l = 0; axis < rank; axis++) {
        int behind = term->ellipsis >= 0 ? axis - term->ellipsis : -1;
        bool inside = behind >= 0 && behind < hidden;
        int label = inside ? GRAPH_EINSUM_LETTERS + hidden - 1 - behind : term->letters[l++];
        einsum->labels[i][axis] = label;
        BASE_TRY(set_dim(einsum, label, shape->rank < 0 ? -1 : shape->dims[axis]));
    }
    return 0;
}

/* Without "->": the dims of "...", then the letters that come once, in alphabetical order. */
static void implicit_output(struct term *out, const int times[GRAPH_EINSUM_LETTERS])
{
    *out = (struct term){.ellipsis = 0};
    for (int letter = 0; letter < GRAPH_EINSUM_LETTERS; letter++)
        if (times[letter] == 1)
            out->letters[out->count++] = letter;
}

static int label_output(struct graph_einsum *einsum, const struct term *term, bool open)
{
    int hidden = 0;
    for (int k = 0; k < STANCE_MAX_RANK && term->ellipsis >= 0; k++)
        hidden += einsum->used[GRAPH_EINSUM_LETTERS + k];
    einsum->out_rank = term->count + hidden;
    if (einsum->out_rank > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "the output would have a rank above %d",
                          STANCE_MAX_RANK);
    int axis = 0;
    for (int l = 0; l <= term->count; l++) {
        for (int k = hidden; k > 0 && l == term->ellipsis; k--)
            einsum->out[axis++] = GRAPH_EINSUM_LETTERS + k - 1;
        if (l == term->count)
            break;
        if (!einsum->used[term->letters[l]])
            return base_error(STANCE_EARGUMENT, "the equation's output has a letter that no input "
                                                "has");
        for (int k = 0; k < axis; k++)
            if (einsum->out[k] == term->letters[l])
                return base_error(STANCE_EARGUMENT, "the equation's output has a letter twice");
        einsum->out[axis++] = term->letters[l];
    }
    if (open && term->ellipsis >= 0)
        einsum->out_rank = -1;
    return 0;
}

int graph_einsum_read(struct graph_einsum *out, const char *equation,
                      const struct tensor_shape *shapes, int count)
{
    int times[GRAPH_EINSUM_LETTERS] = {0};
    bool open = false;
    const char *at = equation;
    struct term term;
    *out = (struct graph_einsum){.input_count = count};
    memset(out->dims, -1, sizeof out->dims);
    if (count > GRAPH_EINSUM_INPUTS)
        return base_error(STANCE_EUNSUPPORTED, "%d inputs; at most %d are supported", count,
                          GRAPH_EINSUM_INPUTS);
    for (int i = 0; i < count; i++) {
        BASE_TRY(read_term(&term, &at));
        BASE_TRY(label_input(out, i, &term, &shapes[i]));
        for (int l = 0; l < term.count; l++)
            times[term.letters[l]]++;
        open = open || out->rank[i] < 0;
        if ((*at == ',') != (i + 1 < count))
            return base_error(STANCE_EARGUMENT, "equation '%.80s' does not have %d terms", equation,
                              count);
        if (*at == ',')
            at++;
    }
    if (*at && strncmp(at, "->", 2) != 0)
        return base_error(STANCE_EARGUMENT, "equation '%.80s' has a '-' without '>'", equation);
    if (!*at) {
        implicit_output(&term, times);
        return label_output(out, &term, open);
    }
    at += 2;
    BASE_TRY(read_term(&term, &at));
    if (*at)
        return base_error(STANCE_EARGUMENT, "equation '%.80s' goes on behind its output", equation);
    return label_output(out, &term, open);
}
