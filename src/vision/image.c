/* Pictures in memory: opening, wrapping, counting references. */
#include "vision/image_owner.h"
#include "vision/image_pool.h"
#include "vision/pixel.h"

static const struct vision_layout layouts[] = {
    [STANCE_RGB24] = {"rgb24", 1, 3, 0, 1, 2, -1},
    [STANCE_BGR24] = {"bgr24", 1, 3, 2, 1, 0, -1},
    [STANCE_RGBA32] = {"rgba32", 1, 4, 0, 1, 2, 3},
    [STANCE_BGRA32] = {"bgra32", 1, 4, 2, 1, 0, 3},
    [STANCE_GRAY8] = {"gray8", 1, 1, 0, 0, 0, -1},
    [STANCE_YUV420P] = {"yuv420p", 3, 1, 0, 0, 0, -1},
    [STANCE_NV12] = {"nv12", 2, 1, 0, 0, 0, -1},
};

const struct vision_layout *vision_layout_find(int format)
{
    if (format < 1 || (size_t)format >= sizeof layouts / sizeof layouts[0])
        return NULL;
    return &layouts[format];
}

/* The exact factors of BT.601 and BT.709 (sections 3 and 4), 224 and 219 steps or all 255. */
const struct kernel_yuv *vision_matrix_find(int color)
{
    static const struct kernel_yuv matrices[] = {
        [STANCE_BT601] = {16, 76309, 104597, 25675, 53279, 132201},
        [STANCE_BT709] = {16, 76309, 117489, 13975, 34925, 138438},
        [STANCE_BT601_FULL] = {0, 65536, 91881, 22553, 46802, 116130},
        [STANCE_BT709_FULL] = {0, 65536, 103206, 12276, 30679, 121609},
    };
    return &matrices[color];
}

int vision_check_size(int format, int width, int height)
{
    if (!vision_layout_find(format))
        return base_error(STANCE_EARGUMENT, "picture: unknown pixel format %d", format);
    if (width < 1 || height < 1)
        return base_error(STANCE_EARGUMENT, "picture: a size of %d×%d pixels", width, height);
    if (width > STANCE_IMAGE_MAX_SIDE || height > STANCE_IMAGE_MAX_SIDE)
        return base_error(STANCE_ELIMIT, "picture: %d×%d pixels; at most %d a side are accepted",
                          width, height, STANCE_IMAGE_MAX_SIDE);
    return 0;
}

ptrdiff_t vision_row_bytes(const struct vision_layout *layout, int plane, int width)
{
    if (plane == 0)
        return (ptrdiff_t)width * layout->bytes;
    return (ptrdiff_t)vision_chroma_side(width) * (layout->planes == 2 ? 2 : 1);
}

int vision_image_check(const struct stance_image *image)
{
    if (!image)
        return base_error(STANCE_EARGUMENT, "picture: none given");
    BASE_TRY(vision_check_size(image->format, image->width, image->height));
    const struct vision_layout *layout = vision_layout_find(image->format);
    if (layout->planes > 1 && (image->color < 0 || image->color > STANCE_BT709_FULL))
        return base_error(STANCE_EARGUMENT, "picture: unknown color %d", image->color);
    for (int i = 0; i < layout->planes; i++) {
        if (!image->plane[i])
            return base_error(STANCE_EARGUMENT, "picture: plane %d of %s is missing", i,
                              layout->name);
        ptrdiff_t stride = image->stride[i], needed = vision_row_bytes(layout, i, image->width);
        if (image->height > 1 && stride < needed && stride > -needed)
            return base_error(STANCE_EARGUMENT,
                              "picture: a stride of %td bytes is shorter than a "
                              "row of %d pixels",
                              stride, image->width);
    }
    return 0;
}

struct vision_owner *vision_owner_open(size_t pixels)
{
    struct vision_owner *owner = base_alloc(VISION_OWNER_BYTES + pixels);
    if (!owner) {
        base_error_memory(VISION_OWNER_BYTES + pixels, "a picture");
        return NULL;
    }
    *owner = (struct vision_owner){.image.owner = owner, .capacity = pixels};
    atomic_init(&owner->references, 1);
    return owner;
}

static ptrdiff_t padded_row(const struct vision_layout *layout, int plane, int width)
{
    return (vision_row_bytes(layout, plane, width) + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN;
}

size_t vision_image_bytes(int format, int width, int height)
{
    const struct vision_layout *layout = vision_layout_find(format);
    size_t bytes = 0;
    for (int i = 0; i < layout->planes; i++)
        bytes += (size_t)padded_row(layout, i, width) *
                 (size_t)(i == 0 ? height : vision_chroma_side(height));
    return bytes;
}

void vision_owner_lay_out(struct vision_owner *owner, int format, int width, int height)
{
    const struct vision_layout *layout = vision_layout_find(format);
    uint8_t *at = (uint8_t *)owner + VISION_OWNER_BYTES;
    owner->image =
        (struct stance_image){.width = width, .height = height, .format = format, .owner = owner};
    for (int i = 0; i < layout->planes; i++) {
        owner->image.plane[i] = at;
        owner->image.stride[i] = padded_row(layout, i, width);
        at += owner->image.stride[i] * (i == 0 ? height : vision_chroma_side(height));
    }
}

int stance_image_open(struct stance_image **out, int format, int width, int height)
{
    *out = NULL;
    BASE_TRY(vision_check_size(format, width, height));
    struct vision_owner *owner = vision_owner_open(vision_image_bytes(format, width, height));
    if (!owner)
        return STANCE_ENOMEMORY;
    vision_owner_lay_out(owner, format, width, height);
    *out = &owner->image;
    return 0;
}

int stance_image_wrap(struct stance_image **out, int format, int width, int height, void *pixels,
                      ptrdiff_t stride)
{
    *out = NULL;
    struct stance_image view = {
        .width = width, .height = height, .format = format, .plane = {pixels}, .stride = {stride}};
    const struct vision_layout *layout = vision_layout_find(format);
    if (layout && layout->planes > 1)
        return base_error(STANCE_EARGUMENT, "picture: %s is planar and cannot be wrapped",
                          layout->name);
    BASE_TRY(vision_image_check(&view));
    struct vision_owner *owner = vision_owner_open(0);
    if (!owner)
        return STANCE_ENOMEMORY;
    view.owner = owner;
    owner->image = view;
    *out = &owner->image;
    return 0;
}

struct stance_image *stance_image_keep(struct stance_image *image)
{
    struct vision_owner *owner = image->owner;
    if (owner)
        atomic_fetch_add_explicit(&owner->references, 1, memory_order_relaxed);
    return image;
}

void stance_image_close(struct stance_image **image)
{
    if (!image || !*image)
        return;
    struct vision_owner *owner = (*image)->owner;
    *image = NULL;
    if (!owner || atomic_fetch_sub_explicit(&owner->references, 1, memory_order_acq_rel) != 1)
        return;
    if (owner->release)
        owner->release(owner->context);
    if (owner->pool)
        vision_pool_give_back(owner->pool, owner);
    else
        base_free(owner);
}
