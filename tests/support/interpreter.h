/* Runs an imported graph node by node through the generic operators, without any plan. */
#ifndef INTERPRETER_H
#define INTERPRETER_H

#include "engine/fold.h"

/* `inputs`: one tensor per graph input. `outputs` receives one new tensor per graph output. Errors
 * name the node; then no output is left open. */
int interpreter_run(const struct graph *graph, const struct engine_context *context,
                    struct tensor *const *inputs, struct tensor **outputs);

#endif
