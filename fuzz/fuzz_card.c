/* Fuzz target: any text as a model's card, which is laid over each family's traits, and as a preset's
 * name. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "model/family.h"
#include "stance/card.h"
#include "stance/preset.h"

static void must(int condition)
{
    if (!condition)
        abort();
}

static void apply(const struct stance_card *card)
{
    for (int role = 0; role < 3; role++) {
        const struct model_family family = {.name = card->family, .role = (enum model_role)role};
        struct model_traits traits = {.family = &family, .keypoint_count = 17, .class_count = 80};
        must(model_card_apply(&traits, card) == 0 || stance_error_text()[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct stance_card *card;
    must(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    int code = model_card_parse(&card, text);
    must(code == 0 || (!card && stance_error_text()[0]));
    if (card)
        apply(card);
    stance_card_close(&card);
    (void)stance_preset_find(text);
    free(text);
    return 0;
}
