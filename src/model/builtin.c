/* The built-in models' files, put into the library by the assembler. Meson writes builtin_sizes.h
 * anew when a file changes, and so this file is compiled anew, too. */
#include "builtin_sizes.h"

#include <string.h>

#include "model/builtin.h"

/* Bytes of models/builtin/`file` and a NUL under `symbol`, which stays inside the library. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n"                                                               \
            ".balign 64\n"                                                                         \
            ".globl " #symbol "\n"                                                                 \
            ".hidden " #symbol "\n"                                                                \
            ".type " #symbol ", %object\n" #symbol ":\n"                                           \
            ".incbin \"" MODEL_BUILTIN_FOLDER "/" file "\"\n"                                      \
            ".byte 0\n"                                                                            \
            ".size " #symbol ", . - " #symbol "\n"                                                 \
            ".popsection\n")

#ifdef MODEL_BUILTIN_FOLDER
EMBED(model_builtin_det_onnx, "stance-det.onnx");
EMBED(model_builtin_det_card, "stance-det.json");
EMBED(model_builtin_pose_onnx, "stance-pose.onnx");
EMBED(model_builtin_pose_card, "stance-pose.json");

#define HIDDEN __attribute__((visibility("hidden")))
extern const unsigned char model_builtin_det_onnx[] HIDDEN, model_builtin_pose_onnx[] HIDDEN;
extern const char model_builtin_det_card[] HIDDEN, model_builtin_pose_card[] HIDDEN;
#endif

const struct model_builtin model_builtins[] = {
#ifdef MODEL_BUILTIN_FOLDER
    {"stance-det", model_builtin_det_onnx, MODEL_BUILTIN_DET_ONNX_BYTES, model_builtin_det_card,
     MODEL_BUILTIN_DET_CARD_BYTES},
    {"stance-pose", model_builtin_pose_onnx, MODEL_BUILTIN_POSE_ONNX_BYTES, model_builtin_pose_card,
     MODEL_BUILTIN_POSE_CARD_BYTES},
#endif
    {0},
};

const struct model_builtin *model_builtin_find(const char *name)
{
    for (const struct model_builtin *model = model_builtins; model->name; model++)
        if (strcmp(model->name, name) == 0)
            return model;
    return NULL;
}
