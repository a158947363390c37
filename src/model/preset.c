/* Which models of the zoo go together. */
#include <stdbool.h>
#include <string.h>

#include "stance/preset.h"

#define PERSONS                                                                                    \
    {                                                                                              \
        0, 0                                                                                       \
    }
#define ANIMALS                                                                                    \
    {                                                                                              \
        14, 23                                                                                     \
    } /* of COCO's 80 classes: bird to giraffe */

/* clang-format off */
static const struct stance_preset presets[] = {
    {"body", "lightweight", "yolox-tiny-humanart", "rtmpose-s", PERSONS},
    {"body", "balanced", "yolox-m-humanart", "rtmpose-m", PERSONS},
    {"body", "performance", "yolox-x-humanart", "rtmpose-x", PERSONS},
    {"body", "t", "rtmdet-nano", "rtmpose-t", PERSONS},
    {"body", "s", "rtmdet-nano", "rtmpose-s", PERSONS},
    {"body", "m", "rtmdet-nano", "rtmpose-m", PERSONS},
    {"body", "l", "yolox-m-humanart", "rtmpose-l", PERSONS},
    {"body", "x", "yolox-x-humanart", "rtmpose-x", PERSONS},
    {"feet", "lightweight", "yolox-tiny-humanart", "rtmpose-s-halpe26", PERSONS},
    {"feet", "balanced", "yolox-m-humanart", "rtmpose-m-halpe26", PERSONS},
    {"feet", "performance", "yolox-x-humanart", "rtmpose-x-halpe26-384", PERSONS},
    {"wholebody", "lightweight", "yolox-tiny-humanart", "rtmw-m", PERSONS},
    {"wholebody", "balanced", "yolox-m-humanart", "rtmw-l", PERSONS},
    {"wholebody", "performance", "yolox-m-humanart", "rtmw-l-384", PERSONS},
    {"hand", "lightweight", "rtmdet-nano-hand", "rtmpose-m-hand21", {0, 0}},
    {"hand", "balanced", "rtmdet-nano-hand", "rtmpose-m-hand21", {0, 0}},
    {"hand", "performance", "rtmdet-nano-hand", "rtmpose-m-hand21", {0, 0}},
    {"face", "lightweight", "center", "rtmpose-t-face106", {0, 0}},
    {"face", "balanced", "center", "rtmpose-s-face106", {0, 0}},
    {"face", "performance", "center", "rtmpose-m-face106", {0, 0}},
    {"animal", "lightweight", "yolox-tiny", "vitpose-s-apt36k", ANIMALS},
    {"animal", "balanced", "yolox-m", "vitpose-b-apt36k", ANIMALS},
    {"animal", "performance", "yolox-x", "vitpose-h-apt36k", ANIMALS},
    {"one-stage", "lightweight", NULL, "rtmo-s", PERSONS},
    {"one-stage", "balanced", NULL, "rtmo-m", PERSONS},
    {"one-stage", "performance", NULL, "rtmo-l", PERSONS},
};
/* clang-format on */

enum { COUNT = sizeof presets / sizeof presets[0] };

const struct stance_preset *stance_preset_at(int i)
{
    return i >= 0 && i < COUNT ? &presets[i] : NULL;
}

const struct stance_preset *stance_preset_find(const char *name)
{
    for (int i = 0; i < COUNT; i++) {
        size_t length = strlen(presets[i].task);
        bool named = strncmp(name, presets[i].task, length) == 0 && name[length] == '-';
        bool body = strcmp(presets[i].task, "body") == 0;
        if ((named && strcmp(name + length + 1, presets[i].mode) == 0) ||
            (body && strcmp(name, presets[i].mode) == 0))
            return &presets[i];
    }
    return NULL;
}
