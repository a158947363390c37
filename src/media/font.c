/* A stroke font, drawn with round lines. The shapes are ours.
 *
 * A glyph is a list of polylines in a grid: digits are x, letters are y (a: top of capitals, d: top
 * of small letters, i: baseline, k: lowest). '~' before a polyline rounds its corners by cutting
 * them twice (Chaikin). */
#include "media/raster.h"

#define CAPITAL 8.0f /* grid units from a to i */
#define GAP 2.4f     /* between glyphs */

enum { MOST_POINTS = 96 };

struct glyph {
    char character;
    uint8_t width;
    const char *strokes;
};

static const struct glyph glyphs[] = {
    {' ', 2, ""},
    {'#', 4, "1b0h 4b3h 0d4d 0f4f"},
    {'%', 6, "0i6a ~1a2a2d0d0a1a ~5f6f6i4i4f5f"},
    {'+', 4, "0e4e 2c2g"},
    {',', 1, "1i0j"},
    {'-', 3, "0e3e"},
    {'.', 0, "0i0i"},
    {'/', 3, "0i3a"},
    {'0', 4, "~2a4a4i0i0a2a"},
    {'1', 2, "0c2a2i"},
    {'2', 4, "~0c0a4a4e0i 0i4i"},
    {'3', 4, "~0b0a4a4d1d ~1d4d4i0i0h"},
    {'4', 4, "3i3a0f4f"},
    {'5', 4, "4a0a0d ~0d4c4i0i0h"},
    {'6', 4, "~4b4a0a0i4i4d0d0f"},
    {'7', 4, "0a4a1i"},
    {'8', 4, "~2a4a4c0e0i2i ~2a0a0c4e4i2i"},
    {'9', 4, "~0h0i4i4a0a0e4e4d"},
    {':', 0, "0e0e 0i0i"},
    {'A', 4, "0i2a4i 1f3f"},
    {'B', 4, "0a0i ~0a4a4d0d ~0d4d4i0i"},
    {'C', 4, "~4c4a0a0i4i4g"},
    {'D', 4, "0a0i ~0a4a4i0i"},
    {'E', 4, "4a0a0i4i 0e3e"},
    {'F', 4, "4a0a0i 0e3e"},
    {'G', 4, "~4c4a0a0i4i4e 4e2e"},
    {'H', 4, "0a0i 4a4i 0e4e"},
    {'I', 0, "0a0i"},
    {'J', 3, "~3a3e3i0i0g"},
    {'K', 4, "0a0i 4a0f 1e4i"},
    {'L', 4, "0a0i4i"},
    {'M', 6, "0i0a3f6a6i"},
    {'N', 4, "0i0a4i4a"},
    {'O', 4, "~2a4a4i0i0a2a"},
    {'P', 4, "0a0i ~0a4a4e0e"},
    {'Q', 4, "~2a4a4i0i0a2a 3g4i"},
    {'R', 4, "0a0i ~0a4a4e0e 2e4i"},
    {'S', 4, "~4b4a0a0d4f4i0i0h"},
    {'T', 4, "0a4a 2a2i"},
    {'U', 4, "~0a0e0i4i4e4a"},
    {'V', 4, "0a2i4a"},
    {'W', 6, "0a1i3b5i6a"},
    {'X', 4, "0a4i 4a0i"},
    {'Y', 4, "0a2e4a 2e2i"},
    {'Z', 4, "0a4a0i4i"},
    {'_', 4, "0j4j"},
    {'a', 4, "4d4i ~4f4d0d0i4i4f"},
    {'b', 4, "0a0i ~0f0d4d4i0i0f"},
    {'c', 4, "~4e4d0d0i4i4h"},
    {'d', 4, "4a4i ~4f4d0d0i4i4f"},
    {'e', 4, "0f4f ~4f4d0d0i4i4h"},
    {'f', 3, "~3a1a1e1i 0d3d"},
    {'g', 4, "4d4h ~4f4d0d0i4i4f ~4h4k0k0j"},
    {'h', 4, "0a0i ~0f0d4d4f4i"},
    {'i', 0, "0d0i 0b0b"},
    {'j', 1, "1d1i ~1i1k0k 1b1b"},
    {'k', 3, "0a0i 3d0g 1f3i"},
    {'l', 0, "0a0i"},
    {'m', 6, "0d0i ~0f0d3d3f3i ~3f3d6d6f6i"},
    {'n', 4, "0d0i ~0f0d4d4f4i"},
    {'o', 4, "~2d4d4i0i0d2d"},
    {'p', 4, "0d0k ~0f0d4d4i0i0f"},
    {'q', 4, "4d4k ~4f4d0d0i4i4f"},
    {'r', 3, "0d0i ~0f0d3d"},
    {'s', 4, "~4e4d0d0f4g4i0i0h"},
    {'t', 3, "1b1g ~1g1i3i 0d3d"},
    {'u', 4, "4d4i ~0d0f0i4i4f"},
    {'v', 4, "0d2i4d"},
    {'w', 6, "0d1i3e5i6d"},
    {'x', 4, "0d4i 4d0i"},
    {'y', 4, "0d2i 4d1k"},
    {'z', 4, "0d4d0i4i"},
};

static const struct glyph unknown = {0, 4, "0a4a4i0i0a"};

/* Continues a character of UTF-8 that was drawn already. */
static int is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static const struct glyph *find_glyph(char character)
{
    for (size_t i = 0; i < sizeof glyphs / sizeof glyphs[0]; i++)
        if (glyphs[i].character == character)
            return &glyphs[i];
    return &unknown;
}

struct polyline {
    float points[MOST_POINTS][2];
    int count;
};

static void add_point(struct polyline *line, float x, float y)
{
    if (line->count == MOST_POINTS)
        return;
    line->points[line->count][0] = x;
    line->points[line->count][1] = y;
    line->count++;
}

/* Cuts each corner at a quarter of its edges; the ends stay. */
static void cut_corners(struct polyline *line)
{
    struct polyline old = *line;
    line->count = 0;
    add_point(line, old.points[0][0], old.points[0][1]);
    for (int i = 0; i + 1 < old.count; i++) {
        const float *a = old.points[i], *b = old.points[i + 1];
        if (i > 0)
            add_point(line, 0.75f * a[0] + 0.25f * b[0], 0.75f * a[1] + 0.25f * b[1]);
        if (i + 2 < old.count)
            add_point(line, 0.25f * a[0] + 0.75f * b[0], 0.25f * a[1] + 0.75f * b[1]);
    }
    add_point(line, old.points[old.count - 1][0], old.points[old.count - 1][1]);
}

/* The next polyline of `strokes`; returns what follows it. */
static const char *next_polyline(struct polyline *line, const char *strokes)
{
    int round = *strokes == '~';
    strokes += round;
    line->count = 0;
    for (; strokes[0] >= '0' && strokes[0] <= '9'; strokes += 2)
        add_point(line, (float)(strokes[0] - '0'), (float)(strokes[1] - 'i'));
    for (int i = 0; round && i < 2; i++)
        cut_corners(line);
    return *strokes == ' ' ? strokes + 1 : strokes;
}

/* Dots are a little heavier than strokes. */
static void draw_polyline(const struct media_canvas *canvas, const struct polyline *line, float x,
                          float y, float unit, float thickness, struct media_paint paint)
{
    for (int i = 0; i + 1 < line->count; i++) {
        const float *a = line->points[i], *b = line->points[i + 1];
        float weight = a[0] == b[0] && a[1] == b[1] ? 1.3f : 1;
        media_raster_line(canvas, x + a[0] * unit, y + a[1] * unit, x + b[0] * unit,
                          y + b[1] * unit, weight * thickness, paint);
    }
}

void media_raster_text(const struct media_canvas *canvas, float x, float y, float size,
                       float thickness, const char *text, struct media_paint paint)
{
    float unit = size / CAPITAL;
    for (; *text; text++) {
        if (is_continuation(*text))
            continue;
        const struct glyph *glyph = find_glyph(*text);
        for (const char *strokes = glyph->strokes; *strokes;) {
            struct polyline line;
            strokes = next_polyline(&line, strokes);
            draw_polyline(canvas, &line, x, y, unit, thickness, paint);
        }
        x += ((float)glyph->width + GAP) * unit;
    }
}

float media_raster_text_width(const char *text, float size)
{
    float units = 0;
    for (const char *at = text; *at; at++)
        units += is_continuation(*at) ? 0 : (float)find_glyph(*at)->width + GAP;
    return units > 0 ? (units - GAP) * size / CAPITAL : 0;
}
