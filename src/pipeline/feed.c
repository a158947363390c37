/* Pixels into the networks' inputs, on the threads of the network that will see them: a picture in shares
 * of rows, and people side by side. */
#include "engine/share.h"
#include "pipeline/people.h"

struct picture {
    struct pipeline_stage *stage;
    const struct stance_image *image;
    struct vision_mapping mappings[PIPELINE_CUTS];
    int codes[PIPELINE_CUTS]; /* all alike, as the mappings */
};

static void share_picture(void *context, int part, int parts, int worker)
{
    struct picture *work = context;
    (void)worker;
    work->codes[part] = vision_letterbox(work->stage->input, &work->stage->traits.input,
                                         work->image, &work->mappings[part], part, parts);
}

int pipeline_feed_picture(struct pipeline_stage *stage, const struct stance_image *image,
                          struct vision_mapping *mapping)
{
    struct picture work = {.stage = stage, .image = image};
    BASE_TRY(pipeline_stage_show(stage, image));
    engine_session_share(stage->session, share_picture, &work, stage->cuts);
    *mapping = work.mappings[0];
    if (work.codes[0] == 0)
        return 0;
    /* Again, for the sentence: it belongs to the thread that met the error. */
    return vision_letterbox(stage->input, &stage->traits.input, image, mapping, 0, 1);
}

struct crops {
    struct stance_pose *pose;
    const struct pipeline_crop *list;
    struct {
        struct vision_mapping mappings[PIPELINE_CUTS];
        int codes[PIPELINE_CUTS];
    } done[PIPELINE_MAX_BATCH];
};

static int feed_crop(struct crops *work, int i, int cut, int cuts)
{
    struct pipeline_stage *stage = &work->pose->network;
    const struct vision_input *input = &stage->traits.input;
    const struct vision_box *b = &work->list[i].box;
    const float box[4] = {b->x1, b->y1, b->x2, b->y2};
    size_t floats = (size_t)3 * (size_t)input->width * (size_t)input->height;
    return vision_crop(stage->input + (size_t)i * floats, input, work->list[i].image, box,
                       PIPELINE_PADDING, &work->done[i].mappings[cut], cut, cuts);
}

static void share_crops(void *context, int part, int parts, int worker)
{
    struct crops *work = context;
    const int cuts = work->pose->network.cuts, i = part / cuts, cut = part % cuts;
    (void)parts;
    (void)worker;
    work->done[i].codes[cut] = feed_crop(work, i, cut, cuts);
}

int pipeline_feed_crops(struct stance_pose *pose, const struct pipeline_crop *crops, int batch)
{
    struct crops work = {.pose = pose, .list = crops};
    engine_session_share(pose->network.session, share_crops, &work, batch * pose->network.cuts);
    for (int i = 0; i < batch; i++) {
        if (work.done[i].codes[0] != 0)
            return feed_crop(&work, i, 0, 1); /* as above */
        pose->mappings[i] = work.done[i].mappings[0];
    }
    return 0;
}
