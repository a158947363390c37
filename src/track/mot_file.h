/* MOT tables from memory; the public side is stance/mot.h. */
#ifndef TRACK_MOT_FILE_H
#define TRACK_MOT_FILE_H

#include <stddef.h>

#include "stance/mot.h"

/* stance_mot_open() of a file's bytes; `name` stands in sentences. */
int track_mot_open_bytes(struct stance_mot **out, const char *data, size_t size, const char *name);

#endif
