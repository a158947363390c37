/* Labels as the trainer reads them: annotations.jsonl, one JSON object a picture (docs/labelling.md).
 * Writes what a pose pipeline found; corrections are made on the page (label_page.h). */
#ifndef CLI_LABEL_LINES_H
#define CLI_LABEL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "stance/pose.h"

/* The path of `file` as seen from `folder`, both existing. False when it does not fit into `size`
 * bytes or one of the two cannot be found. */
bool label_relative_path(const char *folder, const char *file, char *path, size_t size);

/* Writes one line. A joint is visible from the score `visible`, uncertain from LABEL_UNCERTAIN, else
 * absent: it then keeps its place as a first guess for whoever corrects it. */
#define LABEL_UNCERTAIN 0.3f
void label_write_line(FILE *file, const char *path, const struct stance_pose_result *result,
                      float visible);

#endif
