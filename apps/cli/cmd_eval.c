/* stance eval: how good results, or networks, are against a ground truth. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "eval_command.h"
#include "stance/stance.h"

#define VALUE(name) offsetof(struct eval_values, name)

static const struct cli_option options[] = {
    {"--gt", NULL, "GT.txt", "mot: the true tracks", CLI_TEXT, VALUE(truth), 0, 0},
    {"--tracks", NULL, "TRACKS.txt", "mot: the tracks to measure", CLI_TEXT, VALUE(tracks), 0, 0},
    {"--annotations", NULL, "A.json", "the ground truth, in COCO's format", CLI_TEXT,
     VALUE(annotations), 0, 0},
    {"--results", NULL, "R.json", "evaluate this COCO result file", CLI_TEXT, VALUE(results), 0, 0},
    {"--images", NULL, "DIR", "run networks on the pictures of this folder", CLI_TEXT,
     VALUE(images), 0, 0},
    {"--detections", NULL, "gt|D.json", "people's boxes: the ground truth's or a result file's",
     CLI_TEXT, VALUE(detections), 0, 0},
    {"--type", NULL, "TYPE", "'keypoints' or 'bbox' (by the results)", CLI_TEXT, VALUE(type), 0, 0},
    {"--metric", NULL, "NAME", "coco, pck, pckh, auc, epe or nme (coco)", CLI_TEXT, VALUE(metric),
     0, 0},
    {"--keypoint-set", NULL, "NAME", "coco17, halpe26, crowdpose, aic, mpii or wholebody", CLI_TEXT,
     VALUE(keypoint_set), 0, 0},
    {"--single-person", NULL, NULL, "only the best result of each picture counts", CLI_FLAG,
     VALUE(single_person), 0, 0},
    {"--json", NULL, NULL, "print the numbers as one JSON object", CLI_FLAG, VALUE(json), 0, 0},
    {"--save-results", NULL, "FILE", "write all results as a COCO result file", CLI_TEXT,
     VALUE(save), 0, 0},
    {"--plot", NULL, "FILE", "write a page (HTML) with curves, errors, worst pictures", CLI_TEXT,
     VALUE(plot), 0, 0},
    {"--flip-test", NULL, NULL, "average each crop with its mirror image", CLI_FLAG,
     VALUE(flip_test), 0, 0},
    CLI_POSE_CHOICE(struct eval_values, choice, "0.05", "1"),
    {"--quiet", "-q", NULL, "print numbers and errors only", CLI_FLAG, VALUE(quiet), 0, 0},
    {0},
};

#ifndef STANCE_HAVE_MEDIA
int cli_eval_pictures(const struct eval_values *values, struct stance_eval *eval,
                      struct stance_eval *boxes, int *failed)
{
    return cli_fail(CLI_FAILED, "this stance is built without pictures: give --results");
}
#endif

static int check(const struct eval_values *v, int argument_count, char **arguments)
{
    bool bbox = v->type && strcmp(v->type, "bbox") == 0;
    if (argument_count != 1 || strcmp(arguments[0], "coco") != 0)
        return cli_fail(CLI_USAGE, "eval takes the format of the ground truth: 'stance eval coco' "
                                   "or 'stance eval mot'");
    if (v->truth || v->tracks)
        return cli_fail(CLI_USAGE, "%s is for 'stance eval mot'", v->truth ? "--gt" : "--tracks");
    if (!v->annotations)
        return cli_fail(CLI_USAGE, "give the ground truth with --annotations A.json");
    if (!v->images && !v->results)
        return cli_fail(CLI_USAGE, "give --results R.json, or --images DIR to run networks on");
    if (v->type && !bbox && strcmp(v->type, "keypoints") != 0)
        return cli_fail(CLI_USAGE, "--type is 'keypoints' or 'bbox', not '%s'", v->type);
    if (v->results && (v->detections || v->flip_test))
        return cli_fail(CLI_USAGE, "%s is for --images without --results",
                        v->detections ? "--detections" : "--flip-test");
    if (bbox && v->images && !v->results && v->detections)
        return cli_fail(CLI_USAGE, "--type bbox measures the detector: without --detections");
    return CLI_OK;
}

static int kind_of(const struct eval_values *v)
{
    return !v->type                       ? STANCE_EVAL_AUTO
           : strcmp(v->type, "bbox") == 0 ? STANCE_EVAL_BOXES
                                          : STANCE_EVAL_KEYPOINTS;
}

static void print_json(const struct stance_eval_number *numbers, int count)
{
    putchar('{');
    for (int i = 0; i < count; i++) {
        printf("%s", i ? ", " : "");
        cli_json_string(numbers[i].name);
        printf(": %.9f", numbers[i].value);
    }
    printf("}\n");
}

void cli_print_numbers(const struct eval_values *v, const struct stance_eval_number *numbers,
                       int count)
{
    if (v->json)
        print_json(numbers, count);
    for (int i = 0; i < count && !v->json; i++)
        printf("%-16s %.*f\n", numbers[i].name,
               numbers[i].value == (double)(long)numbers[i].value && numbers[i].value > 1 ? 0 : 4,
               numbers[i].value);
}

static int report(struct stance_eval *eval, const struct eval_values *v)
{
    const struct stance_eval_number *numbers;
    int count;
    if (v->save && stance_eval_save(eval, v->save) < 0)
        return cli_fail_library(CLI_FAILED);
    if (stance_eval_compute(eval, v->metric, &numbers, &count) < 0)
        return cli_fail_library(CLI_FAILED);
    cli_print_numbers(v, numbers, count);
    if (v->plot && stance_eval_plot(eval, v->plot, v->images) < 0)
        return cli_fail_library(CLI_FAILED);
    return CLI_OK;
}

/* The pictures and their boxes, apart from what is found: nothing is sorted anew while it comes in. */
static int open_boxes(struct stance_eval **boxes, const struct eval_values *v)
{
    struct stance_eval_options box_options;
    stance_eval_options_default(&box_options);
    box_options.kind = STANCE_EVAL_BOXES;
    box_options.single_person = v->single_person;
    bool file = v->detections && strcmp(v->detections, "gt") != 0;
    if (stance_eval_open(boxes, v->annotations, &box_options) < 0 ||
        (file && stance_eval_load(*boxes, v->detections) < 0))
        return cli_fail_library(CLI_FAILED);
    return CLI_OK;
}

static int evaluate(struct stance_eval *eval, struct stance_eval **boxes,
                    const struct eval_values *v)
{
    int failed = 0, code = CLI_OK;
    if (v->results) {
        if (stance_eval_load(eval, v->results) < 0)
            return cli_fail_library(CLI_FAILED);
    } else {
        code = open_boxes(boxes, v);
        if (code == CLI_OK)
            code = cli_eval_pictures(v, eval, *boxes, &failed);
    }
    if (code == CLI_OK)
        code = report(eval, v);
    if (code == CLI_OK && failed) {
        cli_note("%d pictures could not be done; their people count as not found", failed);
        code = CLI_SOME_FAILED;
    }
    return code;
}

static int run_eval(int argument_count, char **arguments)
{
    struct eval_values values = {.metric = "coco", .choice = CLI_POSE_DEFAULTS(0.05f, 1)};
    struct stance_eval *eval = NULL, *boxes = NULL;
    struct stance_eval_options eval_options;
    int rest = cli_parse(&cli_eval, argument_count, arguments, &values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest == 1 && strcmp(arguments[0], "mot") == 0)
        return cli_eval_mot(&values);
    int code = check(&values, rest, arguments);
    if (code != CLI_OK)
        return code;
    stance_eval_options_default(&eval_options);
    eval_options.kind = kind_of(&values);
    eval_options.keypoint_set = values.keypoint_set;
    eval_options.single_person = values.single_person;
    if (stance_eval_open(&eval, values.annotations, &eval_options) < 0)
        code = cli_fail_library(CLI_FAILED);
    else
        code = evaluate(eval, &boxes, &values);
    stance_eval_close(&eval);
    stance_eval_close(&boxes);
    return code;
}

const struct cli_command cli_eval = {
    .name = "eval",
    .arguments = "coco|mot",
    .words = "coco mot",
    .summary = "measure results or networks against a ground truth",
    .details =
        "With --results a COCO result file is evaluated; with --images networks run on every "
        "picture of the\nannotations first, with boxes from the detector unless --detections gives "
        "others. Both: --images\nshows the pictures in the page of --plot. What each number means "
        "is "
        "told in docs/evaluation.md;\n-1 says that there is no ground truth to measure it on.\n\n"
        "'stance eval mot --gt GT.txt --tracks TRACKS.txt' measures tracks in MOTChallenge's "
        "format: "
        "HOTA,\nMOTA, IDF1 and others (docs/tracking.md).",
    .options = options,
    .run = run_eval};
