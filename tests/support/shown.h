/* The window of the tests, on a screen of their own (support/screen.h). Where there is no Xvfb, opening it
 * skips the test. */
#ifndef SUPPORT_SHOWN_H
#define SUPPORT_SHOWN_H

#include "support/screen.h"
#include "view/view_window.h"

enum { SHOWN_WIDTH = 640, SHOWN_HEIGHT = 480, SHOWN_PATIENCE_MS = 5000 }; /* of the screen */

extern const char shown_title[];
extern struct view_window *shown_window;
extern bool shown_screen; /* there is one */

/* For a group of tests, and behind each. */
int shown_open_screen(void **state);
int shown_close_screen(void **state);
int shown_close(void **state);

void shown_open(int width, int height);

int64_t shown_now_ms(void);
void shown_pause_ms(int ms);

#endif
