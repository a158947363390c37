/* Exif orientation: found without trusting a single offset of the file, applied by copying. */
#include <string.h>

#include "base/errors.h"
#include "media/exif.h"
#include "vision/pixel.h"

enum { DIRECTORY_ENTRY = 12, SHORT = 3, LONG = 4, MOST_ENTRIES = 1024 };

static uint32_t read_16(const uint8_t *at, bool big)
{
    return big ? (uint32_t)(at[0] << 8 | at[1]) : (uint32_t)(at[1] << 8 | at[0]);
}

static uint32_t read_32(const uint8_t *at, bool big)
{
    return big ? read_16(at, big) << 16 | read_16(at + 2, big)
               : read_16(at + 2, big) << 16 | read_16(at, big);
}

bool media_tiff_tag(const uint8_t *data, size_t size, unsigned tag, uint32_t *value)
{
    if (size < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return false;
    bool big = data[0] == 'M';
    size_t at = read_32(data + 4, big);
    if (at > size || size - at < 2)
        return false;
    uint32_t count = read_16(data + at, big);
    at += 2;
    for (uint32_t i = 0; i < count && i < MOST_ENTRIES; i++, at += DIRECTORY_ENTRY) {
        if (size - at < DIRECTORY_ENTRY)
            return false;
        const uint8_t *entry = data + at;
        uint32_t type = read_16(entry + 2, big);
        if (read_16(entry, big) != tag || read_32(entry + 4, big) < 1)
            continue;
        if (type != SHORT && type != LONG)
            return false;
        *value = type == SHORT ? read_16(entry + 8, big) : read_32(entry + 8, big);
        return true;
    }
    return false;
}

bool media_jpeg_segment(const uint8_t *data, size_t size, size_t *at, struct media_segment *out)
{
    enum { START_OF_IMAGE = 2, START_OF_SCAN = 0xda, END_OF_IMAGE = 0xd9 };
    if (*at == 0)
        *at = START_OF_IMAGE;
    while (*at < size && size - *at >= 4) {
        const uint8_t *marker = data + *at;
        if (marker[0] != 0xff)
            return false;
        if (marker[1] == 0xff) { /* a fill byte */
            *at += 1;
            continue;
        }
        if (marker[1] == START_OF_SCAN || marker[1] == END_OF_IMAGE)
            return false;
        size_t length = read_16(marker + 2, true);
        if (length < 2 || length > size - *at - 2)
            return false;
        *out = (struct media_segment){marker[1], marker + 4, length - 2};
        *at += 2 + length;
        return true;
    }
    return false;
}

int media_exif_orientation(const uint8_t *data, size_t size)
{
    enum { APP1 = 0xe1, SIGNATURE = 6 };
    struct media_segment segment;
    size_t at = 0;
    while (media_jpeg_segment(data, size, &at, &segment)) {
        uint32_t value;
        if (segment.marker != APP1 || segment.size < SIGNATURE ||
            memcmp(segment.body, "Exif\0\0", SIGNATURE) != 0)
            continue;
        if (media_tiff_tag(segment.body + SIGNATURE, segment.size - SIGNATURE,
                           MEDIA_TIFF_ORIENTATION, &value) &&
            value >= 1 && value <= 8)
            return (int)value;
        return 1;
    }
    return 1;
}

/* How an upright pixel is found in a stored picture. */
struct turn {
    bool swap, flip_x, flip_y;
};

static struct turn turn_of(int orientation)
{
    static const struct turn turns[9] = {
        [2] = {false, true, false}, [3] = {false, true, true}, [4] = {false, false, true},
        [5] = {true, false, false}, [6] = {true, false, true}, [7] = {true, true, true},
        [8] = {true, true, false},
    };
    return orientation >= 2 && orientation <= 8 ? turns[orientation] : turns[1];
}

bool media_turn_swaps(int orientation)
{
    return turn_of(orientation).swap;
}

static inline void copy_row(uint8_t *to, const uint8_t *from, ptrdiff_t along, int width,
                            ptrdiff_t bytes)
{
    for (int x = 0; x < width; x++, from += along, to += bytes)
        memcpy(to, from, (size_t)bytes);
}

/* Plane `plane` of `to`, width × height pixels of `bytes` each. */
static void turn_plane(const struct stance_image *to, const struct stance_image *from, int plane,
                       int width, int height, ptrdiff_t bytes, struct turn turn)
{
    int from_width = turn.swap ? height : width, from_height = turn.swap ? width : height;
    ptrdiff_t step_x = bytes, step_y = from->stride[plane];
    const uint8_t *origin = from->plane[plane];
    if (turn.flip_x) {
        origin += (from_width - 1) * step_x;
        step_x = -step_x;
    }
    if (turn.flip_y) {
        origin += (from_height - 1) * step_y;
        step_y = -step_y;
    }
    ptrdiff_t along = turn.swap ? step_y : step_x, down = turn.swap ? step_x : step_y;
    for (int y = 0; y < height; y++) {
        uint8_t *row = to->plane[plane] + y * to->stride[plane];
        switch (bytes) { /* each with a constant, for the compiler */
        case 1: copy_row(row, origin + y * down, along, width, 1); break;
        case 2: copy_row(row, origin + y * down, along, width, 2); break;
        case 3: copy_row(row, origin + y * down, along, width, 3); break;
        default: copy_row(row, origin + y * down, along, width, 4);
        }
    }
}

void media_turn_into(struct stance_image *to, const struct stance_image *from, int orientation)
{
    const struct vision_layout *layout = vision_layout_find(from->format);
    struct turn turn = turn_of(orientation);
    to->color = from->color;
    turn_plane(to, from, 0, to->width, to->height, layout->bytes, turn);
    for (int i = 1; i < layout->planes; i++)
        turn_plane(to, from, i, vision_chroma_side(to->width), vision_chroma_side(to->height),
                   layout->planes == 2 ? 2 : 1, turn);
}

int media_turn_upright(struct stance_image **image, int orientation)
{
    if (orientation < 2 || orientation > 8)
        return 0;
    const struct stance_image *from = *image;
    bool swap = media_turn_swaps(orientation);
    struct stance_image *to;
    BASE_TRY(stance_image_open(&to, from->format, swap ? from->height : from->width,
                               swap ? from->width : from->height));
    media_turn_into(to, from, orientation);
    stance_image_close(image);
    *image = to;
    return 0;
}
