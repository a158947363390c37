/* The window, as somebody in front of the screen meets it: colours and places are looked at on a
 * real X screen. Skipped where there is no Xvfb. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "support/shown.h"

enum { TOLERANCE = 6 };

/* Colours that come out differently with another matrix or range. */
static const uint32_t palette[] = {0xc8283c, 0x1eb45a, 0x3246d2, 0xe6dc78, 0x6e1496};

/* What dlopen() gives to the window: SDL, or what the test wants. */
static const char *instead_of_library;

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags)
{
    return __real_dlopen(instead_of_library ? instead_of_library : name, flags);
}

/* A picture of which each quarter has a colour of the palette, beginning with number `first`. */

static uint32_t quarter_color(int first, int right, int below)
{
    return palette[(first + right + 2 * below) % 5];
}

static void rgb_of(uint32_t color, int rgb[3])
{
    for (int i = 0; i < 3; i++)
        rgb[i] = (int)(color >> (16 - 8 * i) & 255);
}

/* ITU-R BT.601 and BT.709, from their red and blue weights. */
static void yuv_of(uint32_t color, int matrix, uint8_t yuv[3])
{
    int rgb[3];
    rgb_of(color, rgb);
    bool hd = matrix == STANCE_BT709 || matrix == STANCE_BT709_FULL;
    bool full = matrix == STANCE_BT601_FULL || matrix == STANCE_BT709_FULL;
    double red = hd ? 0.2126 : 0.299, blue = hd ? 0.0722 : 0.114;
    double luma = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2];
    double gain = full ? 1 : 219 / 255.0, chroma = full ? 1 : 224 / 255.0;
    yuv[0] = (uint8_t)lround(gain * luma + (full ? 0 : 16));
    yuv[1] = (uint8_t)lround(128 + chroma * (rgb[2] - luma) / (2 - 2 * blue));
    yuv[2] = (uint8_t)lround(128 + chroma * (rgb[0] - luma) / (2 - 2 * red));
}

static void put_planar(struct stance_image *image, int x, int y, uint32_t color)
{
    uint8_t yuv[3];
    yuv_of(color, image->color, yuv);
    image->plane[0][y * image->stride[0] + x] = yuv[0];
    if (image->format == STANCE_NV12) {
        memcpy(image->plane[1] + (y / 2) * image->stride[1] + x / 2 * 2, yuv + 1, 2);
    } else {
        image->plane[1][(y / 2) * image->stride[1] + x / 2] = yuv[1];
        image->plane[2][(y / 2) * image->stride[2] + x / 2] = yuv[2];
    }
}

static void put_packed(struct stance_image *image, int x, int y, uint32_t color)
{
    int rgb[3];
    rgb_of(color, rgb);
    bool blue_first = image->format == STANCE_BGR24 || image->format == STANCE_BGRA32;
    int bytes = image->format == STANCE_GRAY8 ? 1 : image->format < STANCE_RGBA32 ? 3 : 4;
    uint8_t *pixel = image->plane[0] + y * image->stride[0] + (ptrdiff_t)x * bytes;
    for (int i = 0; i < bytes; i++)
        pixel[i] = i == 3       ? 0 /* transparent, which is not to be seen */
                   : bytes == 1 ? (uint8_t)rgb[1]
                                : (uint8_t)rgb[blue_first ? 2 - i : i];
}

static void paint_quarters(struct stance_image *image, int first)
{
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            /* whole chroma samples */
            uint32_t color =
                quarter_color(first, x / 2 >= image->width / 4, y / 2 >= image->height / 4);
            if (image->format >= STANCE_YUV420P)
                put_planar(image, x, y, color);
            else
                put_packed(image, x, y, color);
        }
}

static struct stance_image *make_picture(int format, int color, int width, int height, int first)
{
    struct stance_image *image;
    assert_int_equal(stance_image_open(&image, format, width, height), 0);
    image->color = color;
    paint_quarters(image, first);
    return image;
}

static void show(int format, int color, int width, int height, int first)
{
    struct stance_image *image = make_picture(format, color, width, height, first);
    bool good = view_show(shown_window, image);
    memset(image->plane[0], 0, (size_t)image->stride[0]); /* the window has its own */
    stance_image_close(&image);
    if (!good)
        fail_msg("%s", view_error());
}

static bool close_to(uint32_t seen, uint32_t wanted)
{
    int a[3], b[3], worst = 0;
    rgb_of(seen, a);
    rgb_of(wanted, b);
    for (int i = 0; i < 3; i++)
        worst = abs(a[i] - b[i]) > worst ? abs(a[i] - b[i]) : worst;
    return worst <= TOLERANCE;
}

static uint32_t grey_of(uint32_t color)
{
    return (color >> 8 & 255) * 0x010101;
}

/* A point of the screen that does not show what it should; false when there is none. */
struct wrong {
    int x, y;
    uint32_t seen, wanted;
};

static bool differs(struct wrong *wrong, int x, int y, uint32_t wanted)
{
    *wrong = (struct wrong){x, y, screen_pixel(x, y), wanted};
    return !close_to(wrong->seen, wanted);
}

/* The four quarters at `box` of the screen: three points in each, one of them in the corner. */
static bool quarters_differ(struct wrong *wrong, struct screen_box box, int first, bool grey)
{
    for (int right = 0; right < 2; right++)
        for (int below = 0; below < 2; below++)
            for (int i = 0; i < 3; i++) {
                int x = i * box.width / 6, y = i * box.height / 6;
                uint32_t color = quarter_color(first, right, below);
                if (differs(wrong, box.x + (right ? box.width - 1 - x : x),
                            box.y + (below ? box.height - 1 - y : y),
                            grey ? grey_of(color) : color))
                    return true;
            }
    return false;
}

/* The window around `box` is black, to its very edge. */
static bool rest_differs(struct wrong *wrong, struct screen_box all, struct screen_box box)
{
    for (int y = all.y; y < all.y + all.height; y++)
        for (int x = all.x; x < all.x + all.width; x++) {
            bool inside =
                x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
            if (!inside && differs(wrong, x, y, 0))
                return true;
        }
    return false;
}

/* `box` counts from the window's corner. With `poll` the window may do something for it. */
static void expect(struct screen_box box, int first, bool grey, bool poll)
{
    struct screen_box all = screen_window(shown_title);
    struct wrong wrong;
    box.x += all.x;
    box.y += all.y;
    int64_t end = shown_now_ms() + SHOWN_PATIENCE_MS;
    while (quarters_differ(&wrong, box, first, grey) || rest_differs(&wrong, all, box)) {
        if (shown_now_ms() > end)
            fail_msg("the screen shows %06x at %d, %d, not %06x", wrong.seen, wrong.x, wrong.y,
                     wrong.wanted);
        if (poll)
            assert_int_equal(view_poll(shown_window, 5), VIEW_NONE);
        else
            shown_pause_ms(5);
    }
}

static void expect_all(int first)
{
    struct screen_box all = screen_window(shown_title);
    expect((struct screen_box){0, 0, all.width, all.height}, first, false, false);
}

static void test_missing_library_is_one_sentence(void **state)
{
    instead_of_library = "libno-such-library.so.0";
    bool good = view_open(&shown_window, shown_title, 64, 48);
    instead_of_library = NULL;
    assert_false(good);
    assert_null(shown_window);
    assert_string_equal(view_error(),
                        "cannot open a window: SDL 2 (libSDL2-2.0.so.0) cannot be loaded; on "
                        "Debian, install libsdl2-2.0-0");
}

static void test_old_library_is_one_sentence(void **state)
{
    instead_of_library = "libm.so.6";
    bool good = view_open(&shown_window, shown_title, 64, 48);
    instead_of_library = NULL;
    assert_false(good);
    assert_null(shown_window);
    assert_non_null(strstr(view_error(), "libSDL2-2.0.so.0 is too old, it has no SDL_"));
}

static void refuse_without_display(void)
{
    assert_false(view_open(&shown_window, shown_title, 64, 48));
    assert_null(shown_window);
    assert_non_null(strstr(view_error(), "cannot open a window: there is no display ("));
    assert_non_null(strstr(view_error(), "or write a file instead"));
    assert_null(strchr(view_error(), '\n'));
}

static void test_no_display_is_one_sentence(void **state)
{
    char *display = getenv("DISPLAY") ? strdup(getenv("DISPLAY")) : NULL;
    unsetenv("DISPLAY");
    refuse_without_display();
    setenv("DISPLAY", ":nobody", 1);
    refuse_without_display();
    unsetenv("DISPLAY");
    if (display)
        setenv("DISPLAY", display, 1);
    free(display);
}

static void test_sizes_that_no_picture_has_are_refused(void **state)
{
    static const int sizes[][2] = {{0, 48}, {64, -1}, {STANCE_IMAGE_MAX_SIDE + 1, 48}};
    for (int i = 0; i < 3; i++) {
        assert_false(view_open(&shown_window, shown_title, sizes[i][0], sizes[i][1]));
        assert_null(shown_window);
        assert_non_null(strstr(view_error(), "cannot open a window of "));
    }
}

static void test_window_has_the_size_of_the_picture(void **state)
{
    shown_open(200, 160);
    struct screen_box box = screen_window(shown_title);
    assert_int_equal(box.width, 200);
    assert_int_equal(box.height, 160);
    struct wrong wrong;
    int64_t end = shown_now_ms() + SHOWN_PATIENCE_MS;
    while (rest_differs(&wrong, box, (struct screen_box){0}))
        assert_true(shown_now_ms() < end); /* black */
}

static void test_window_is_no_larger_than_the_screen(void **state)
{
    shown_open(4000, 2000);
    struct screen_box box = screen_window(shown_title);
    assert_in_range(box.width, SHOWN_WIDTH / 2, SHOWN_WIDTH);
    assert_int_equal(box.height, box.width / 2);
    view_close(&shown_window);
    shown_open(100, STANCE_IMAGE_MAX_SIDE);
    box = screen_window(shown_title);
    assert_in_range(box.height, SHOWN_HEIGHT / 2, SHOWN_HEIGHT);
}

static void show_all_formats(void)
{
    static const int packed[] = {STANCE_RGB24, STANCE_BGR24, STANCE_RGBA32, STANCE_BGRA32};
    int first = 0;
    shown_open(160, 120);
    struct screen_box whole = {0, 0, 160, 120};
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        show(packed[i], 0, 160, 120, ++first);
        expect_all(first);
    }
    show(STANCE_GRAY8, 0, 160, 120, ++first);
    expect(whole, first, true, false);
    for (int format = STANCE_YUV420P; format <= STANCE_NV12; format++)
        for (int color = STANCE_BT601; color <= STANCE_BT709_FULL; color++) {
            show(format, color, 160, 120, ++first);
            expect_all(first);
            show(format, color, 160, 120, ++first); /* into the same texture */
            expect_all(first);
        }
}

static void test_colours_of_each_format(void **state)
{
    show_all_formats();
}

static void test_colours_of_each_format_without_graphics_card(void **state)
{
    setenv("SDL_RENDER_DRIVER", "software", 1);
    show_all_formats();
}

static void test_pictures_keep_their_shape(void **state)
{
    shown_open(200, 160);
    show(STANCE_RGB24, 0, 400, 160, 0); /* flatter: half the height */
    expect((struct screen_box){0, 40, 200, 80}, 0, false, false);
    show(STANCE_YUV420P, 0, 40, 64, 1); /* higher, and enlarged */
    expect((struct screen_box){50, 0, 100, 160}, 1, false, false);
    show(STANCE_NV12, 0, 200, 160, 2);
    expect_all(2);
    show(STANCE_RGB24, 0, 4, 8000, 3); /* a line */
    struct screen_box all = screen_window(shown_title);
    struct wrong wrong;
    int64_t end = shown_now_ms() + SHOWN_PATIENCE_MS;
    while (rest_differs(&wrong, all, (struct screen_box){all.x + 99, all.y, 1, all.height}))
        assert_true(shown_now_ms() < end);
    assert_int_not_equal(screen_pixel(all.x + 99, all.y + 20), 0);
}

static void test_odd_sizes(void **state)
{
    static const int formats[] = {STANCE_YUV420P, STANCE_NV12, STANCE_RGB24};
    shown_open(161, 119);
    for (int i = 0; i < 3; i++) {
        show(formats[i], 0, 161, 119, i);
        expect_all(i);
    }
}

static void test_rows_with_gaps_and_from_bottom_to_top(void **state)
{
    enum { WIDTH = 150, HEIGHT = 100, STRIDE = 3 * WIDTH + 37 };
    static uint8_t pixels[HEIGHT * STRIDE];
    shown_open(WIDTH, HEIGHT);
    for (int up = 0; up < 2; up++) {
        struct stance_image *image;
        memset(pixels, 0x80, sizeof pixels);
        assert_int_equal(stance_image_wrap(&image, STANCE_BGR24, WIDTH, HEIGHT,
                                           up ? pixels + (HEIGHT - 1) * STRIDE : pixels,
                                           up ? -STRIDE : STRIDE),
                         0);
        paint_quarters(image, up);
        assert_true(view_show(shown_window, image));
        stance_image_close(&image);
        expect_all(up);
    }
}

static void test_planes_with_gaps_and_from_bottom_to_top(void **state)
{
    static const int formats[] = {STANCE_YUV420P, STANCE_NV12};
    shown_open(100, 80);
    for (int i = 0; i < 4; i++) {
        struct stance_image *wide = make_picture(formats[i / 2], STANCE_BT709, 120, 80, 4);
        struct stance_image narrow = *wide;
        narrow.width = 100;
        for (int plane = 0; plane < 3 && i % 2; plane++) {
            if (narrow.plane[plane])
                narrow.plane[plane] += (plane ? 39 : 79) * narrow.stride[plane];
            narrow.stride[plane] = -narrow.stride[plane];
        }
        paint_quarters(&narrow, i);
        assert_true(view_show(shown_window, &narrow));
        stance_image_close(&wide);
        expect_all(i);
    }
}

static void test_size_and_format_may_change_with_each_picture(void **state)
{
    static const struct {
        int format, width, height;
    } pictures[] = {{STANCE_YUV420P, 160, 120}, {STANCE_YUV420P, 640, 480},
                    {STANCE_YUV420P, 40, 30},   {STANCE_NV12, 40, 30},
                    {STANCE_RGB24, 40, 30},     {STANCE_BGR24, 40, 30},
                    {STANCE_RGB24, 320, 240},   {STANCE_RGB24, 80, 60}};
    shown_open(160, 120);
    for (int i = 0; i < 8; i++) {
        show(pictures[i].format, 0, pictures[i].width, pictures[i].height, i);
        expect_all(i);
    }
}

static void test_what_is_no_picture_leaves_the_one_before(void **state)
{
    shown_open(80, 60);
    show(STANCE_RGB24, 0, 80, 60, 1);
    expect_all(1);
    struct stance_image *image = make_picture(STANCE_RGB24, 0, 80, 60, 2);
    image->format = 99;
    assert_false(view_show(shown_window, image));
    assert_non_null(strstr(view_error(), "cannot show a picture: "));
    image->format = STANCE_RGB24;
    stance_image_close(&image);
    screen_cover();
    expect((struct screen_box){0, 0, 80, 60}, 1, false, true);
}

static void test_poll_paints_what_was_covered(void **state)
{
    shown_open(160, 120);
    show(STANCE_YUV420P, 0, 80, 60, 2);
    expect_all(2);
    screen_cover();
    expect((struct screen_box){0, 0, 160, 120}, 2, false, true);
}

static void test_poll_fits_the_picture_into_a_resized_window(void **state)
{
    shown_open(160, 120);
    show(STANCE_YUV420P, 0, 160, 120, 3);
    expect_all(3);
    screen_resize(shown_title, 200, 90);
    expect((struct screen_box){40, 0, 120, 90}, 3, false, true);
    screen_resize(shown_title, 120, 240);
    expect((struct screen_box){0, 75, 120, 90}, 3, false, true);
    show(STANCE_YUV420P, 0, 160, 120, 4);
    expect((struct screen_box){0, 75, 120, 90}, 4, false, false);
}

static void test_signals_and_compositor_are_left_alone(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM};
    shown_open(160, 120);
    for (int i = 0; i < 2; i++) {
        struct sigaction action;
        assert_int_equal(sigaction(signals[i], NULL, &action), 0);
        assert_ptr_equal(action.sa_handler, SIG_DFL);
    }
    assert_false(screen_bypasses_compositor(shown_title));
}

static void test_window_opens_again_after_it_was_closed(void **state)
{
    for (int i = 0; i < 2; i++) {
        shown_open(160, 120);
        show(STANCE_YUV420P, STANCE_BT709, 160, 120, i);
        expect_all(i);
        view_close(&shown_window);
        assert_null(shown_window);
    }
    view_close(&shown_window);
}

#define TEST(name) cmocka_unit_test_teardown(name, shown_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_missing_library_is_one_sentence),
        TEST(test_old_library_is_one_sentence),
        TEST(test_no_display_is_one_sentence),
        TEST(test_sizes_that_no_picture_has_are_refused),
        TEST(test_window_has_the_size_of_the_picture),
        TEST(test_window_is_no_larger_than_the_screen),
        TEST(test_colours_of_each_format),
        TEST(test_colours_of_each_format_without_graphics_card),
        TEST(test_pictures_keep_their_shape),
        TEST(test_odd_sizes),
        TEST(test_rows_with_gaps_and_from_bottom_to_top),
        TEST(test_planes_with_gaps_and_from_bottom_to_top),
        TEST(test_size_and_format_may_change_with_each_picture),
        TEST(test_what_is_no_picture_leaves_the_one_before),
        TEST(test_poll_paints_what_was_covered),
        TEST(test_poll_fits_the_picture_into_a_resized_window),
        TEST(test_signals_and_compositor_are_left_alone),
        TEST(test_window_opens_again_after_it_was_closed),
    };
    return cmocka_run_group_tests(tests, shown_open_screen, shown_close_screen);
}
