/* What the parts of 'stance models' share. */
#ifndef CLI_MODELS_COMMAND_H
#define CLI_MODELS_COMMAND_H

#include <stdbool.h>

#include "stance/card.h"

struct models_values {
    const char *name, *mirror, *folder, *size, *preset;
    int timeout;
    bool json, all, force;
};

/* Each returns an exit code. `names`: what follows the word. */
int models_pull(const struct models_values *values, char **names, int count);
int models_import(const struct models_values *values, char **sources, int count);
int models_verify(const struct models_values *values, char **names, int count);
int models_path(const struct models_values *values, char **names, int count);

#endif
