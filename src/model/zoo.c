/* Looking through the cards that come with stance. */
#include <string.h>

#include "model/zoo.h"

const struct model_zoo_card *model_zoo_find(const char *name)
{
    for (const struct model_zoo_card *card = model_zoo; card->name; card++)
        if (strcmp(card->name, name) == 0)
            return card;
    return NULL;
}

/* Length of a file's name without the ending that downloads have. */
static size_t stem(const char *name)
{
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".onnx") == 0)
        return length - 5;
    return length > 4 && strcmp(name + length - 4, ".zip") == 0 ? length - 4 : length;
}

const struct model_zoo_card *model_zoo_find_file(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = stem(name);
    for (const struct model_zoo_card *card = model_zoo; card->name; card++)
        if (length && stem(card->file) == length && memcmp(card->file, name, length) == 0)
            return card;
    return NULL;
}
