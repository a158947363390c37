/* A screen of the test's own: an Xvfb server without a window manager, whose picture lies in a
 * mapped file, and whose keyboard and windows the test moves. Trouble with it fails the test. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stdint.h>

struct screen_box {
    int x, y, width, height;
};

/* Starts the server and puts its name into $DISPLAY; false where no Xvfb is installed. */
bool screen_open(int width, int height);
void screen_close(void);

/* What is to be seen there, as 0xRRGGBB. */
uint32_t screen_pixel(int x, int y);

/* Presses or releases a key by its name in X ("space", "Control_L"), on an American keyboard. */
void screen_key(const char *key, bool down);
/* Makes another keyboard of it; screen_key() goes on with the old names. */
void screen_relabel_key(const char *key, const char *symbol);

/* The window of that title; it must be there. */
struct screen_box screen_window(const char *title);
void screen_resize(const char *title, int width, int height);
/* What a window manager does when somebody clicks on the window's cross. */
void screen_ask_to_close(const char *title);
/* Lays a white window over the whole screen and takes it away again: what was below is lost. */
void screen_cover(void);
/* Whether the window asks the desktop to stop composing for it. */
bool screen_bypasses_compositor(const char *title);

#endif
