/* Pictures as people name them to a command: files, addresses, patterns in quotes. One place for every
 * command that takes pictures. */
#ifndef CLI_PICTURE_INPUT_H
#define CLI_PICTURE_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "stance/bytes.h"
#include "stance/image.h"

bool cli_is_folder(const char *path);
/* Whether both names lead to one existing file. */
bool cli_is_same_file(const char *one, const char *other);
/* Makes the folder unless it is there; negative after a message. */
int cli_make_folder(const char *path);
bool cli_is_address(const char *input);
/* Whether it reads as a pattern that the shell left alone. */
bool cli_is_pattern(const char *argument);

/* The last part of a path or address, without the query and the user of an address. */
void cli_input_name(const char *input, char *name, size_t size);

/* Reads a file or what is behind an address; negative after a message. `fetched`, unless NULL, takes
 * over the bytes of an address; a file leaves it as it is. */
int cli_read_picture(struct stance_image **image, const char *input, struct stance_bytes *fetched);

/* Calls `each` for every picture that the arguments name, with a line of progress titled `what`
 * (NULL: none). Returns how often it was negative. */
int cli_each_picture(const char *what, char **arguments, int count,
                     int (*each)(void *context, const char *input), void *context);

#endif
