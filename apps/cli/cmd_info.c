/* stance info: what is in a model. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "stance/stance.h"

struct values {
    struct cli_list shapes;
    bool graph, json;
};

static const struct cli_option options[] = {
    {"--graph", NULL, NULL, "print the graph as in the file and as it is run", CLI_FLAG,
     offsetof(struct values, graph), 0, 0},
    {"--shape", NULL, "NAME=DIMS", "analyse for this input shape: 1x3x256x192", CLI_LIST,
     offsetof(struct values, shapes), 0, 0},
    {"--json", NULL, NULL, "print JSON", CLI_FLAG, offsetof(struct values, json), 0, 0},
    {0},
};

static void print_shape(const struct stance_tensor *t, bool json)
{
    if (t->rank < 0) {
        printf(json ? "null" : " of unknown shape");
        return;
    }
    printf(json ? "[" : " ");
    for (int i = 0; i < t->rank; i++) {
        printf("%s", i == 0 ? "" : json ? ", " : "x");
        if (t->dims[i] >= 0)
            printf("%lld", (long long)t->dims[i]);
        else
            printf(json ? "null" : "?");
    }
    printf(json ? "]" : "%s", t->rank == 0 ? "scalar" : "");
}

static void print_ends(const char *title, const struct stance_tensor *tensors,
                       const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        printf("%-14s %s: %s", i == 0 ? title : "", names[i], stance_dtype_name(tensors[i].dtype));
        print_shape(&tensors[i], false);
        printf("\n");
    }
}

static void print_multiply_adds(const struct stance_inspection *in)
{
    printf("%-14s %.3f G", "multiply-adds", (double)in->multiply_adds / 1e9);
    if (in->int8_multiply_adds > 0)
        printf(", %.1f %% of them in int8",
               100 * (double)in->int8_multiply_adds / (double)in->multiply_adds);
    printf("\n");
}

static void print_text(const struct stance_inspection *in, bool graph)
{
    printf("%-14s %s\n", "model", in->path);
    printf("%-14s %s\n", "family", in->family ? in->family : "not recognised");
    printf("%-14s %d\n", "opset", in->opset);
    print_ends("inputs", in->inputs, in->input_names, in->input_count);
    print_ends("outputs", in->outputs, in->output_names, in->output_count);
    printf("%-14s %.3f M\n", "parameters", (double)in->parameters / 1e6);
    if (in->graph_after)
        print_multiply_adds(in);
    if (in->batch_note)
        printf("%-14s %s\n", "batch", in->batch_note);
    printf("%-14s %d", "operators", in->node_count);
    for (int i = 0; i < in->operator_count; i++)
        printf("%s %s %d", i ? "," : ":", in->operators[i], in->operator_uses[i]);
    printf("\n");
    if (!graph)
        return;
    printf("\nas in the file:\n%s", in->graph_before);
    if (in->graph_after)
        printf("\nas it is run:\n%s", in->graph_after);
    else
        printf("\nas it is run: give --shape, this file leaves its input shapes open\n");
}

static void print_ends_json(const char *key, const struct stance_tensor *tensors,
                            const char *const *names, int count)
{
    printf(",\n  \"%s\": [", key);
    for (int i = 0; i < count; i++) {
        printf("%s\n    {\"name\": ", i ? "," : "");
        cli_json_string(names[i]);
        printf(", \"type\": \"%s\", \"shape\": ", stance_dtype_name(tensors[i].dtype));
        print_shape(&tensors[i], true);
        printf("}");
    }
    printf("\n  ]");
}

static void print_optional(const char *key, const char *text)
{
    printf(",\n  \"%s\": ", key);
    if (text)
        cli_json_string(text);
    else
        printf("null");
}

static void print_json(const struct stance_inspection *in, bool graph)
{
    printf("{\n  \"model\": ");
    cli_json_string(in->path);
    print_optional("family", in->family);
    printf(",\n  \"opset\": %d", in->opset);
    print_ends_json("inputs", in->inputs, in->input_names, in->input_count);
    print_ends_json("outputs", in->outputs, in->output_names, in->output_count);
    printf(",\n  \"parameters\": %lld", (long long)in->parameters);
    printf(",\n  \"multiply_adds\": ");
    if (in->graph_after)
        printf("%lld, \"int8_multiply_adds\": %lld", (long long)in->multiply_adds,
               (long long)in->int8_multiply_adds);
    else
        printf("null, \"int8_multiply_adds\": null");
    print_optional("batch", in->batch_note);
    printf(",\n  \"operators\": {");
    for (int i = 0; i < in->operator_count; i++) {
        printf("%s", i ? ", " : "");
        cli_json_string(in->operators[i]);
        printf(": %d", in->operator_uses[i]);
    }
    printf("}");
    if (graph) {
        print_optional("graph_before", in->graph_before);
        print_optional("graph_after", in->graph_after);
    }
    printf("\n}\n");
}

/* The shapes in the order of the model's inputs; without a name they are taken as they come. */
static int read_shapes(const struct values *values, const char *name, struct stance_tensor *shapes)
{
    struct stance_model *model = NULL;
    bool given[CLI_MAX_LIST] = {false};
    int code = values->shapes.count ? stance_model_open(&model, name) : CLI_OK;
    if (code < 0)
        return cli_fail_model(code);
    for (int k = 0; code == CLI_OK && k < values->shapes.count; k++) {
        size_t length;
        struct stance_tensor shape;
        const char *text = values->shapes.items[k];
        if (!cli_parse_shape(text, &length, &shape)) {
            code = CLI_USAGE;
            break;
        }
        int i = length ? 0 : k;
        for (; length && stance_model_input_name(model, i); i++)
            if (strlen(stance_model_input_name(model, i)) == length &&
                strncmp(stance_model_input_name(model, i), text, length) == 0)
                break;
        if (i >= values->shapes.count)
            code = cli_fail(CLI_USAGE, "'%s' names no input, or other inputs lack a shape", text);
        else if (given[i])
            code = cli_fail(CLI_USAGE, "'%s' gives the shape of an input twice", text);
        else {
            shapes[i] = shape;
            given[i] = true;
        }
    }
    stance_model_close(&model);
    return code;
}

static int run_info(int argument_count, char **arguments)
{
    struct values values = {0};
    int rest = cli_parse(&cli_info, argument_count, arguments, &values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest != 1)
        return cli_fail(CLI_USAGE, "info takes one model; see 'stance help info'");
    struct stance_tensor shapes[CLI_MAX_LIST];
    rest = read_shapes(&values, arguments[0], shapes);
    if (rest != CLI_OK)
        return rest;
    struct stance_inspection *in;
    int code = stance_inspection_open(&in, arguments[0], values.shapes.count ? shapes : NULL,
                                      values.shapes.count, STANCE_TIER_AUTO);
    if (code < 0)
        return cli_fail_model(code);
    if (values.json)
        print_json(in, values.graph);
    else
        print_text(in, values.graph);
    stance_inspection_close(&in);
    return CLI_OK;
}

const struct cli_command cli_info = {
    .name = "info",
    .arguments = "MODEL",
    .summary = "show a model's inputs, outputs, operators and family",
    .details =
        "MODEL is a built-in model (stance-det, stance-pose), the path of an ONNX file, or a "
        "name that is\nlooked for in $STANCE_MODELS, ./models, ~/.local/share/stance/models "
        "and the installed share\nfolder.",
    .options = options,
    .run = run_info};
