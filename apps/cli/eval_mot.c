/* stance eval mot: tracks against true tracks, both in MOTChallenge's format. */
#include "command.h"
#include "eval_command.h"
#include "stance/stance.h"

/* The tables and what they are told as. */
static int measure(const struct eval_values *v, struct stance_mot **truth,
                   struct stance_mot **tracks)
{
    struct stance_eval_number numbers[STANCE_MOT_NUMBERS];
    int count;
    if (stance_mot_open(truth, v->truth) < 0 || stance_mot_open(tracks, v->tracks) < 0 ||
        stance_mot_measure(*truth, *tracks, numbers, &count) < 0)
        return cli_fail_library(CLI_FAILED);
    cli_print_numbers(v, numbers, count);
    return CLI_OK;
}

int cli_eval_mot(const struct eval_values *v)
{
    struct stance_mot *truth = NULL, *tracks = NULL;
    if (!v->truth || !v->tracks)
        return cli_fail(CLI_USAGE,
                        "give the true tracks with --gt GT.txt and those to measure with "
                        "--tracks TRACKS.txt");
    if (v->annotations || v->results || v->images || v->save || v->plot)
        return cli_fail(CLI_USAGE, "'stance eval mot' takes --gt, --tracks and --json");
    int code = measure(v, &truth, &tracks);
    stance_mot_close(&truth);
    stance_mot_close(&tracks);
    return code;
}
