/* What a model is: its signature, its card and its caller's wishes taken together. */
#include <limits.h>
#include <stdbool.h>
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

static int choose_classes(struct model_traits *traits, const int32_t classes[2])
{
    int first = classes[0], last = classes[1] ? classes[1] : first;
    if (last == -1)
        last = traits->class_count ? traits->class_count - 1 : INT_MAX;
    if (first < 0 || last < first)
        return base_error(STANCE_EARGUMENT, "classes %d to %d are none", first, last);
    if (traits->class_count && last >= traits->class_count)
        return base_error(STANCE_EARGUMENT, "its classes are 0 to %d; there is no class %d",
                          traits->class_count - 1, last);
    traits->classes[0] = first;
    traits->classes[1] = last;
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

/* With this size of an open input; *open tells whether it is open. */
static int identify_at(struct model_traits *traits, const struct stance_model *model,
                       const struct stance_card *card, const struct model_choice *choice,
                       const int32_t size[2], bool *open)
{
    struct model_signature signature;
    bool automatic = !card || strcmp(card->family, "auto") == 0;
    int code = model_signature_read(&signature, model, size[0], size[1]);
    *open = signature.open_size;
    BASE_TRY(code);
    BASE_TRY(model_recognise(&signature, automatic ? NULL : card->family, traits));
    BASE_TRY(check_size(&signature, card, choice));
    if (card)
        BASE_TRY(model_card_apply(traits, card));
    BASE_TRY(traits->family->role == MODEL_DETECTOR ? choose_classes(traits, choice->classes)
                                                    : choose_set(traits, choice->keypoint_set));
    return traits->family->role == MODEL_POSE ? model_refine(traits, choice->refine) : 0;
}

int model_identify_as(struct model_traits *traits, const struct stance_model *model,
                      const struct stance_card *card, const struct model_choice *choice)
{
    static const struct model_choice none = {0};
    static const int32_t crop[2] = {192, 256}, picture[2] = {640, 640};
    choice = choice ? choice : &none;
    const int32_t chosen[2] = {choice->width, choice->height};
    const int32_t said[2] = {card ? card->width : 0, card ? card->height : 0};
    bool open;
    if (chosen[0] > 0 && chosen[1] > 0)
        return identify_at(traits, model, card, choice, chosen, &open);
    if (said[0] > 0 && said[1] > 0)
        return identify_at(traits, model, card, choice, said, &open);
    int code = identify_at(traits, model, card, choice, crop, &open);
    bool is_crop = code == 0 && traits->family->role == MODEL_POSE;
    return is_crop || !open || code == STANCE_ENOMEMORY
               ? code
               : identify_at(traits, model, card, choice, picture, &open);
}

int model_identify(struct model_traits *traits, const struct stance_model *model,
                   const struct model_choice *choice)
{
    struct stance_card *card;
    BASE_TRY(model_card_find(&card, stance_model_path(model)));
    int code = model_identify_as(traits, model, card, choice);
    stance_card_close(&card);
    return code;
}

int stance_model_role(const struct stance_model *model)
{
    struct model_traits traits;
    int code = model_identify(&traits, model, NULL);
    if (code != 0)
        return base_error_context(code, "%s", stance_model_path(model));
    return traits.family->role == MODEL_DETECTOR ? STANCE_ROLE_DETECTOR
           : traits.family->role == MODEL_POSE   ? STANCE_ROLE_POSE
                                                 : STANCE_ROLE_ONE_STAGE;
}
