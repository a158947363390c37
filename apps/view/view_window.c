/* A window through SDL 2; the only file that knows it. The library is opened when the first window
 * is asked for: it brings the desktop's libraries along, which would cost every start of the
 * program. */
#include <SDL.h>

#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/view_window.h"

static const char library_name[] = "libSDL2-2.0.so.0";

/* SDL's functions under their own names without "SDL_". */
#define FUNCTIONS(_)                                                                               \
    _(CreateRenderer)                                                                              \
    _(CreateTexture)                                                                               \
    _(CreateWindow)                                                                                \
    _(DestroyRenderer)                                                                             \
    _(DestroyTexture)                                                                              \
    _(DestroyWindow)                                                                               \
    _(GetDisplayUsableBounds)                                                                      \
    _(GetError)                                                                                    \
    _(GetRendererOutputSize)                                                                       \
    _(GetTicks64)                                                                                  \
    _(InitSubSystem)                                                                               \
    _(PollEvent)                                                                                   \
    _(QuitSubSystem)                                                                               \
    _(RenderClear)                                                                                 \
    _(RenderCopy)                                                                                  \
    _(RenderPresent)                                                                               \
    _(SetHint)                                                                                     \
    _(SetRenderDrawColor)                                                                          \
    _(SetYUVConversionMode)                                                                        \
    _(ShowWindow)                                                                                  \
    _(StopTextInput)                                                                               \
    _(UpdateNVTexture)                                                                             \
    _(UpdateTexture)                                                                               \
    _(UpdateYUVTexture)                                                                            \
    _(WaitEventTimeout)

#define POINTER(name) __typeof__(SDL_##name) *name;
#define SYMBOL(name) {"SDL_" #name, &sdl.name},

static struct {
    FUNCTIONS(POINTER)
} sdl;

static const struct {
    const char *name;
    void *slot; /* the pointer in `sdl` */
} symbols[] = {FUNCTIONS(SYMBOL)};

/* What the texture holds; another kind of picture needs another texture. */
struct kind {
    int width, height;
    int32_t format, color;
};

struct view_window {
    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture; /* NULL before the first picture */
    struct kind kind;
    bool stale; /* what the screen shows is not the texture */
};

/* Formats that SDL takes as they are. */
static const struct {
    int32_t format;
    Uint32 texture;
} formats[] = {{STANCE_YUV420P, SDL_PIXELFORMAT_IYUV},
               {STANCE_NV12, SDL_PIXELFORMAT_NV12},
               {STANCE_RGB24, SDL_PIXELFORMAT_RGB24},
               {STANCE_BGR24, SDL_PIXELFORMAT_BGR24}};

static const struct {
    SDL_Keycode letter;
    SDL_Scancode place;
    enum view_key key;
} keys[] = {
    {SDLK_SPACE, SDL_SCANCODE_SPACE, VIEW_PAUSE}, {SDLK_s, SDL_SCANCODE_S, VIEW_SAVE},
    {SDLK_q, SDL_SCANCODE_Q, VIEW_QUIT},          {SDLK_ESCAPE, SDL_SCANCODE_ESCAPE, VIEW_QUIT},
    {SDLK_1, SDL_SCANCODE_1, VIEW_EVERY_1},       {SDLK_KP_1, SDL_SCANCODE_KP_1, VIEW_EVERY_1},
    {SDLK_4, SDL_SCANCODE_4, VIEW_EVERY_4},       {SDLK_KP_4, SDL_SCANCODE_KP_4, VIEW_EVERY_4},
    {SDLK_8, SDL_SCANCODE_8, VIEW_EVERY_8},       {SDLK_KP_8, SDL_SCANCODE_KP_8, VIEW_EVERY_8},
};

static char error_text[512];

__attribute__((format(printf, 1, 2))) static bool fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error_text, sizeof error_text, format, arguments);
    va_end(arguments);
    return false;
}

const char *view_error(void)
{
    return error_text;
}

/* The library stays open for the life of the process. */
static bool open_library(void)
{
    static void *library;
    if (library)
        return true;
    void *found = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (!found)
        return fail("cannot open a window: SDL 2 (%s) cannot be loaded; on Debian, install "
                    "libsdl2-2.0-0",
                    library_name);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *symbol = dlsym(found, symbols[i].name);
        if (!symbol) {
            dlclose(found);
            return fail("cannot open a window: %s is too old, it has no %s(); install SDL 2.0.18 "
                        "or newer",
                        library_name, symbols[i].name);
        }
        memcpy(symbols[i].slot, &symbol, sizeof symbol);
    }
    library = found;
    return true;
}

/* SDL_VIDEODRIVER in the environment goes before the hint. Without either SDL would take a console
 * over where there is no desktop; and Wayland's library complains by itself where there is no
 * Wayland. */
static bool start_video(void)
{
    const char *desktop = getenv("WAYLAND_DISPLAY");
    sdl.SetHint(SDL_HINT_VIDEODRIVER, desktop && desktop[0] ? "x11,wayland" : "x11");
    sdl.SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    sdl.SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    sdl.SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    sdl.SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    if (sdl.InitSubSystem(SDL_INIT_VIDEO) < 0)
        return fail("cannot open a window: there is no display (%s; is DISPLAY or WAYLAND_DISPLAY "
                    "set?); start from a desktop or through 'ssh -X', or write a file instead",
                    sdl.GetError());
    sdl.StopTextInput(); /* an input method would keep the letters for itself */
    return true;
}

/* Nine tenths of the screen at most: the rest is for the frame and its title. */
static void fit_screen(int *width, int *height)
{
    SDL_Rect screen;
    if (sdl.GetDisplayUsableBounds(0, &screen) < 0)
        return;
    double across = 0.9 * screen.w / *width, down = 0.9 * screen.h / *height;
    double scale = across < down ? across : down;
    if (scale < 1) {
        *width = SDL_max((int)(*width * scale), 1);
        *height = SDL_max((int)(*height * scale), 1);
    }
}

/* The window is hidden until its renderer is there, which may have to make it anew. Not in step
 * with the screen (SDL_RENDERER_PRESENTVSYNC): a pipeline does not wait for it. */
static bool make_window(struct view_window *self, const char *title, int width, int height)
{
    fit_screen(&width, &height);
    self->window =
        sdl.CreateWindow(title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, width, height,
                         SDL_WINDOW_HIDDEN | SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    if (self->window)
        self->renderer = sdl.CreateRenderer(self->window, -1, 0);
    if (!self->renderer)
        return fail("cannot open a window of %d x %d: %s", width, height, sdl.GetError());
    sdl.ShowWindow(self->window);
    return true;
}

/* The largest rectangle of the picture's shape in the middle of width × height. */
static SDL_Rect place(const struct kind *kind, int width, int height)
{
    int64_t across = (int64_t)width * kind->height, down = (int64_t)height * kind->width;
    SDL_Rect at = {.w = width, .h = height};
    if (across > down)
        at.w = SDL_max((int)((down + kind->height / 2) / kind->height), 1);
    else
        at.h = SDL_max((int)((across + kind->width / 2) / kind->width), 1);
    at.x = (width - at.w) / 2;
    at.y = (height - at.h) / 2;
    return at;
}

static bool paint(struct view_window *self)
{
    int width, height;
    self->stale = false;
    bool good = sdl.GetRendererOutputSize(self->renderer, &width, &height) == 0 &&
                sdl.SetRenderDrawColor(self->renderer, 0, 0, 0, 255) == 0 &&
                sdl.RenderClear(self->renderer) == 0;
    if (good && self->texture) {
        SDL_Rect at = place(&self->kind, width, height);
        good = sdl.RenderCopy(self->renderer, self->texture, NULL, &at) == 0;
    }
    if (!good)
        return fail("cannot paint the window: %s", sdl.GetError());
    sdl.RenderPresent(self->renderer);
    return true;
}

bool view_open(struct view_window **out, const char *title, int width, int height)
{
    *out = NULL;
    if (width < 1 || height < 1 || width > STANCE_IMAGE_MAX_SIDE || height > STANCE_IMAGE_MAX_SIDE)
        return fail("cannot open a window of %d x %d", width, height);
    if (!open_library() || !start_video())
        return false;
    struct view_window *self = calloc(1, sizeof *self);
    if (!self) {
        sdl.QuitSubSystem(SDL_INIT_VIDEO);
        return fail("out of memory while opening a window");
    }
    if (!make_window(self, title, width, height) || !paint(self))
        view_close(&self);
    *out = self;
    return self != NULL;
}

void view_close(struct view_window **window)
{
    struct view_window *self = *window;
    if (!self)
        return;
    if (self->texture)
        sdl.DestroyTexture(self->texture);
    if (self->renderer)
        sdl.DestroyRenderer(self->renderer);
    if (self->window)
        sdl.DestroyWindow(self->window);
    sdl.QuitSubSystem(SDL_INIT_VIDEO);
    free(self);
    *window = NULL;
}

/* SDL's format for a picture, SDL_PIXELFORMAT_UNKNOWN where the picture has to be converted. */
static Uint32 find_format(const struct stance_image *image)
{
    for (int i = 0; i < 3; i++)
        if (image->plane[i] && (image->stride[i] <= 0 || image->stride[i] > INT_MAX))
            return SDL_PIXELFORMAT_UNKNOWN;
    if (image->color == STANCE_BT709_FULL)
        return SDL_PIXELFORMAT_UNKNOWN;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i].format == image->format)
            return formats[i].texture;
    return SDL_PIXELFORMAT_UNKNOWN;
}

/* SDL keeps one matrix for all textures, and reads it when one is made and when one is filled. */
static void choose_matrix(int32_t color)
{
    sdl.SetYUVConversionMode(color == STANCE_BT601_FULL ? SDL_YUV_CONVERSION_JPEG
                             : color == STANCE_BT709    ? SDL_YUV_CONVERSION_BT709
                                                        : SDL_YUV_CONVERSION_BT601);
}

static bool fill(SDL_Texture *texture, const struct stance_image *image)
{
    uint8_t *const *plane = image->plane;
    int stride[3] = {(int)image->stride[0], (int)image->stride[1], (int)image->stride[2]};
    int code;
    if (image->format == STANCE_YUV420P)
        code = sdl.UpdateYUVTexture(texture, NULL, plane[0], stride[0], plane[1], stride[1],
                                    plane[2], stride[2]);
    else if (image->format == STANCE_NV12)
        code = sdl.UpdateNVTexture(texture, NULL, plane[0], stride[0], plane[1], stride[1]);
    else
        code = sdl.UpdateTexture(texture, NULL, plane[0], stride[0]);
    return code == 0 || fail("cannot show a picture of %d x %d: %s", image->width, image->height,
                             sdl.GetError());
}

static bool same_kind(const struct kind *a, const struct kind *b)
{
    return a->width == b->width && a->height == b->height && a->format == b->format &&
           a->color == b->color;
}

/* Puts the picture into the texture, or into a new one where it is of another kind. */
static bool load(struct view_window *self, const struct stance_image *image, Uint32 format)
{
    struct kind kind = {image->width, image->height, image->format, image->color};
    choose_matrix(image->color);
    if (self->texture && same_kind(&kind, &self->kind))
        return fill(self->texture, image);
    SDL_Texture *texture = sdl.CreateTexture(self->renderer, format, SDL_TEXTUREACCESS_STREAMING,
                                             image->width, image->height);
    if (!texture)
        return fail("cannot show a picture of %d x %d: %s", image->width, image->height,
                    sdl.GetError());
    if (!fill(texture, image)) {
        sdl.DestroyTexture(texture);
        return false;
    }
    if (self->texture)
        sdl.DestroyTexture(self->texture);
    self->texture = texture;
    self->kind = kind;
    return true;
}

bool view_show(struct view_window *self, const struct stance_image *image)
{
    Uint32 format = find_format(image);
    if (format != SDL_PIXELFORMAT_UNKNOWN)
        return load(self, image, format) && paint(self);
    struct stance_image *copy;
    if (stance_image_convert(&copy, image, STANCE_RGB24) < 0)
        return fail("cannot show a picture: %s", stance_error_text());
    bool good = load(self, copy, SDL_PIXELFORMAT_RGB24) && paint(self);
    stance_image_close(&copy);
    return good;
}

/* SDL itself gives the digits of a French keyboard, which are shifted, as digits. */
static enum view_key find_key(const SDL_Keysym *pressed)
{
    if (pressed->mod & (KMOD_CTRL | KMOD_ALT | KMOD_GUI))
        return VIEW_NONE;
    bool latin = pressed->sym < 128;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (latin ? pressed->sym == keys[i].letter : pressed->scancode == keys[i].place)
            return keys[i].key;
    return VIEW_NONE;
}

static enum view_key take_event(struct view_window *self, const SDL_Event *event)
{
    if (event->type == SDL_QUIT)
        return VIEW_QUIT;
    if (event->type == SDL_KEYDOWN && !event->key.repeat)
        return find_key(&event->key.keysym);
    if (event->type == SDL_WINDOWEVENT && (event->window.event == SDL_WINDOWEVENT_EXPOSED ||
                                           event->window.event == SDL_WINDOWEVENT_SIZE_CHANGED))
        self->stale = true;
    return VIEW_NONE;
}

enum view_key view_poll(struct view_window *self, int wait_ms)
{
    Uint64 end = sdl.GetTicks64() + (Uint64)SDL_max(wait_ms, 0);
    for (;;) {
        SDL_Event event;
        while (sdl.PollEvent(&event)) {
            enum view_key key = take_event(self, &event);
            if (key != VIEW_NONE)
                return key;
        }
        if (self->stale)
            paint(self);
        Uint64 now = sdl.GetTicks64();
        if (now >= end)
            return VIEW_NONE;
        if (sdl.WaitEventTimeout(NULL, (int)(end - now)) == 0)
            return VIEW_NONE;
    }
}
