/* Pictures in memory: opening, wrapping, counting references. */
#include <stdatomic.h>

#include "base/memory.h"
#include "vision/pixel.h"

/* The block behind a counted picture; the pixels of an own one follow it. */
struct owner {
    struct stance_image image;
    atomic_int references;
};

enum { HEADER = (sizeof(struct owner) + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN };

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

static int check_size(int format, int width, int height)
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

/* Bytes that one row of a plane needs. */
static ptrdiff_t row_bytes(const struct vision_layout *layout, int plane, int width)
{
    if (plane == 0)
        return (ptrdiff_t)width * layout->bytes;
    return (ptrdiff_t)vision_chroma_side(width) * (layout->planes == 2 ? 2 : 1);
}

int vision_image_check(const struct stance_image *image)
{
    if (!image)
        return base_error(STANCE_EARGUMENT, "picture: none given");
    BASE_TRY(check_size(image->format, image->width, image->height));
    const struct vision_layout *layout = vision_layout_find(image->format);
    for (int i = 0; i < layout->planes; i++) {
        if (!image->plane[i])
            return base_error(STANCE_EARGUMENT, "picture: plane %d of %s is missing", i,
                              layout->name);
        ptrdiff_t stride = image->stride[i], needed = row_bytes(layout, i, image->width);
        if (image->height > 1 && stride < needed && stride > -needed)
            return base_error(STANCE_EARGUMENT,
                              "picture: a stride of %td bytes is shorter than a "
                              "row of %d pixels",
                              stride, image->width);
    }
    return 0;
}

static struct owner *open_owner(size_t pixels)
{
    struct owner *owner = base_alloc(HEADER + pixels);
    if (!owner) {
        base_error_memory(HEADER + pixels, "a picture");
        return NULL;
    }
    owner->image = (struct stance_image){.owner = owner};
    atomic_init(&owner->references, 1);
    return owner;
}

int stance_image_open(struct stance_image **out, int format, int width, int height)
{
    *out = NULL;
    BASE_TRY(check_size(format, width, height));
    const struct vision_layout *layout = vision_layout_find(format);
    size_t starts[3] = {0}, bytes = 0;
    ptrdiff_t strides[3] = {0};
    for (int i = 0; i < layout->planes; i++) {
        int rows = i == 0 ? height : vision_chroma_side(height);
        strides[i] = (row_bytes(layout, i, width) + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN;
        starts[i] = bytes;
        bytes += (size_t)strides[i] * (size_t)rows;
    }
    struct owner *owner = open_owner(bytes);
    if (!owner)
        return STANCE_ENOMEMORY;
    struct stance_image *image = &owner->image;
    image->width = width;
    image->height = height;
    image->format = format;
    for (int i = 0; i < layout->planes; i++) {
        image->plane[i] = (uint8_t *)owner + HEADER + starts[i];
        image->stride[i] = strides[i];
    }
    *out = image;
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
    struct owner *owner = open_owner(0);
    if (!owner)
        return STANCE_ENOMEMORY;
    view.owner = owner;
    owner->image = view;
    *out = &owner->image;
    return 0;
}

struct stance_image *stance_image_keep(struct stance_image *image)
{
    struct owner *owner = image->owner;
    if (owner)
        atomic_fetch_add_explicit(&owner->references, 1, memory_order_relaxed);
    return image;
}

void stance_image_close(struct stance_image **image)
{
    if (!image || !*image)
        return;
    struct owner *owner = (*image)->owner;
    *image = NULL;
    if (owner && atomic_fetch_sub_explicit(&owner->references, 1, memory_order_acq_rel) == 1)
        base_free(owner);
}
