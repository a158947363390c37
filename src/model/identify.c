/* What a model is: its signature, its card and its caller's wishes taken together. */
#include <string.h>

#include "model/family.h"
#include "stance/card.h"

static int choose_set(struct model_traits *traits, const char *name)
{
    if (!name)
        return 0;
    const struct stance_keypoint_set *set = stance_keypoint_set_find(name);
    if (!set)
        return base_error(STANCE_EARGUMENT, "there is no keypoint set '%.60s'", name);
    if (set->count != traits->keypoint_count)
        return base_error(STANCE_EARGUMENT, "%s has %d keypoints, the network has %d", set->name,
                          set->count, traits->keypoint_count);
    traits->keypoint_set = set;
    return 0;
}

/* Whether the size that the file fixes is the one that is said. */
static bool is_fixed_otherwise(const struct model_signature *signature, int width, int height)
{
    return !signature->open_size && width > 0 && signature->input.rank == 4 &&
           (signature->input.dims[3] != width || signature->input.dims[2] != height);
}

/* A size that is said has to be the network's, unless the file leaves it open. */
static int check_size(const struct model_signature *signature, const struct stance_card *card,
                      const struct model_choice *choice)
{
    int width = (int)signature->input.dims[3], height = (int)signature->input.dims[2];
    if (is_fixed_otherwise(signature, choice->width, choice->height))
        return base_error(STANCE_EARGUMENT, "its input is %dx%d and cannot be made %dx%d", width,
                          height, choice->width, choice->height);
    if (card && is_fixed_otherwise(signature, card->width, card->height))
        return base_error(STANCE_EMODEL, "its card says %dx%d, its input is %dx%d", card->width,
                          card->height, width, height);
    return 0;
}

int model_identify_as(struct model_traits *traits, const struct stance_model *model,
                      const struct stance_card *card, int width, int height,
                      const struct model_choice *choice)
{
    static const struct model_choice none = {0};
    struct model_signature signature;
    choice = choice ? choice : &none;
    bool automatic = !card || strcmp(card->family, "auto") == 0;
    if (card && card->width > 0) {
        width = card->width;
        height = card->height;
    }
    if (choice->width > 0 && choice->height > 0) {
        width = choice->width;
        height = choice->height;
    }
    BASE_TRY(model_signature_read(&signature, model, width, height));
    BASE_TRY(model_recognise(&signature, automatic ? NULL : card->family, traits));
    BASE_TRY(check_size(&signature, card, choice));
    if (card)
        BASE_TRY(model_card_apply(traits, card));
    if (traits->family->role != MODEL_DETECTOR)
        BASE_TRY(choose_set(traits, choice->keypoint_set));
    return traits->family->role == MODEL_POSE ? model_refine(traits, choice->refine) : 0;
}

int model_identify(struct model_traits *traits, const struct stance_model *model, int width,
                   int height, const struct model_choice *choice)
{
    struct stance_card *card;
    BASE_TRY(model_card_find(&card, stance_model_path(model)));
    int code = model_identify_as(traits, model, card, width, height, choice);
    stance_card_close(&card);
    return code;
}

int stance_model_role(const struct stance_model *model)
{
    struct model_traits traits;
    int code = model_identify(&traits, model, 192, 256, NULL);
    if (code < 0)
        code = model_identify(&traits, model, 640, 640, NULL);
    if (code < 0)
        return base_error_context(code, "%s", stance_model_path(model));
    return traits.family->role == MODEL_DETECTOR ? STANCE_ROLE_DETECTOR
           : traits.family->role == MODEL_POSE   ? STANCE_ROLE_POSE
                                                 : STANCE_ROLE_ONE_STAGE;
}
