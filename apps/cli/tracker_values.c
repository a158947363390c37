/* From command line to tracker options. */
#include <string.h>

#include "command.h"
#include "stance/stance.h"
#include "tracker_values.h"

static const char *const modes[] = {
    [STANCE_TRACKER_BYTETRACK] = "bytetrack",
    [STANCE_TRACKER_OKS] = "oks",
    [STANCE_TRACKER_IOU] = "iou",
    [STANCE_TRACKER_OFF] = "off",
};

static int set_mode(struct stance_tracker_options *options, const char *name)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i], name) == 0) {
            options->mode = (int32_t)i;
            return CLI_OK;
        }
    return cli_fail(CLI_USAGE, "--tracker is bytetrack, oks, iou or off, not '%s'", name);
}

static void set_real(float *option, float given)
{
    if (given >= 0)
        *option = given;
}

static void set_count(int32_t *option, int given)
{
    if (given >= 0)
        *option = given;
}

int cli_tracker_options(struct stance_tracker_options *options, const struct tracker_values *v)
{
    if (v->preset && stance_tracker_options_preset(options, v->preset) < 0)
        return cli_fail_library(CLI_USAGE);
    if (v->tracker && set_mode(options, v->tracker) != CLI_OK)
        return CLI_USAGE;
    set_real(&options->high_threshold, v->high);
    set_real(&options->low_threshold, v->low);
    set_real(&options->birth_threshold, v->birth);
    set_real(&options->match_cost, v->match_cost);
    set_real(&options->second_cost, v->second_cost);
    set_real(&options->unconfirmed_cost, v->unconfirmed_cost);
    set_real(&options->duplicate_iou, v->duplicate_iou);
    set_real(&options->min_box_area, v->min_area);
    set_real(&options->buffer_seconds, v->buffer);
    set_real(&options->recover_iou, v->recover_iou);
    set_real(&options->lost_cost, v->lost_cost);
    set_real(&options->fresh_cost, v->fresh_cost);
    set_real(&options->hidden_cost, v->hidden_cost);
    set_real(&options->recover_reach, v->recover_reach);
    set_real(&options->recover_growth, v->recover_growth);
    set_real(&options->position_weight, v->position_weight);
    set_real(&options->velocity_weight, v->velocity_weight);
    set_real(&options->measurement_weight, v->measurement_weight);
    set_count(&options->max_missing, v->max_missing);
    set_count(&options->min_hits, v->min_hits);
    set_count(&options->fuse_score, v->fuse_score);
    return CLI_OK;
}
