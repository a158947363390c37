/* Models for the commands that find people: those that are named, or the first that is there. */
#include <stddef.h>

#include "command.h"
#include "stance/stance.h"

/* What is tried, in this order, when no model is named. */
static const char *const detectors[] = {"rtmdet-nano", "rtmdet-m", "rtmdet_nano_person_320_rawhead",
                                        NULL};
static const char *const poses[] = {"rtmpose-s",  "rtmpose-m",         "rtmpose-t", "rtmpose-l",
                                    "simplepose", "simplepose_opset9", NULL};

static int no_model(const char *role)
{
    cli_fail(CLI_NO_MODEL,
             "no %s model found: put an ONNX export of the RTMPose family into "
             "~/.local/share/stance/models or name one with --%s FILE.onnx; "
             "docs/models.md says where such exports are to be had",
             role, role);
    return CLI_NO_MODEL;
}

static int open_model(struct stance_model **model, const char *name, const char *const *defaults,
                      const char *role)
{
    if (name) {
        int code = stance_model_open(model, name);
        return code == 0 ? CLI_OK
                         : cli_fail_library(code == STANCE_ENOTFOUND ? CLI_NO_MODEL : CLI_FAILED);
    }
    for (; *defaults; defaults++) {
        int code = stance_model_open(model, *defaults);
        if (code == 0)
            return CLI_OK;
        if (code != STANCE_ENOTFOUND)
            return cli_fail_library(CLI_FAILED);
    }
    return no_model(role);
}

int cli_open_detector(struct stance_model **model, const char *name)
{
    return open_model(model, name, detectors, "detector");
}

int cli_open_pose_network(struct stance_model **model, const char *name)
{
    return open_model(model, name, poses, "pose");
}
