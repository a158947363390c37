/* A screen and a window for tests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

#include "support/shown.h"

const char shown_title[] = "사람 people.mp4";
struct view_window *shown_window;
bool shown_screen;

/* Nothing is unloaded, so that the leak checker can tell whose a leak is. */
__attribute__((visibility("default"))) int dlclose(void *library)
{
    return 0;
}

/* One buffer of libdbus, which SDL asks about the desktop, is pointed to by nothing. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libdbus\n";
}

int shown_open_screen(void **state)
{
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("SDL_VIDEODRIVER");
    unsetenv("SDL_RENDER_DRIVER");
    shown_screen = screen_open(SHOWN_WIDTH, SHOWN_HEIGHT);
    return 0;
}

int shown_close_screen(void **state)
{
    screen_close();
    return 0;
}

int shown_close(void **state)
{
    view_close(&shown_window);
    unsetenv("SDL_RENDER_DRIVER");
    return 0;
}

void shown_open(int width, int height)
{
    if (!shown_screen)
        skip();
    if (!view_open(&shown_window, shown_title, width, height))
        fail_msg("%s", view_error());
}

int64_t shown_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void shown_pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}
