/* The window of `stance pose --show`: shows pictures and tells which key was pressed.
 *
 * Threads: the main thread only, all of it, as SDL asks. One window at a time. */
#ifndef VIEW_WINDOW_H
#define VIEW_WINDOW_H

#include <stdbool.h>

#include "stance/image.h"

struct view_window;

/* What somebody at the window wants. Keys mean their letter; on keyboards without Latin letters,
 * their place. With Ctrl, Alt or a logo key they mean nothing, and a key that is held down counts
 * once. */
enum view_key {
    VIEW_NONE,
    VIEW_PAUSE,   /* space */
    VIEW_SAVE,    /* s */
    VIEW_QUIT,    /* q, Escape, or the window was closed */
    VIEW_EVERY_1, /* 1, also on the number pad; the others too */
    VIEW_EVERY_4,
    VIEW_EVERY_8,
};

/* Opens a window, black at first, for pictures of width × height pixels; where that does not fit
 * on the screen it becomes smaller in the same shape. `title` is UTF-8. SDL is loaded here, not
 * before: that takes a tenth of a second and more. Signals, screen saver and compositor stay as
 * they are. Without SDL or a display it is false, `*out` is NULL, and view_error() says what to
 * do. */
bool view_open(struct view_window **out, const char *title, int width, int height);

/* Sets the handle NULL; NULL is allowed. */
void view_close(struct view_window **window);

/* Shows a picture of any format and size in the middle of the window, as large as fits, in its own
 * shape, on black. It is copied: the caller may change or close it afterwards. Does not wait for
 * the screen, so that more frames than it can show are no brake. YUV420P, NV12, RGB24 and BGR24 go
 * to SDL as they are; other formats, full range of BT.709 (which SDL does not know) and rows from
 * bottom to top are converted first, and alpha is dropped. False: view_error() says why. */
bool view_show(struct view_window *window, const struct stance_image *image);

/* The next key, waiting at most `wait_ms` milliseconds for one (0: not at all); VIEW_NONE when
 * there is none. Keys come in order, each once. Call it every now and then, also while nothing is
 * shown: it paints the window anew after it was covered or resized, and answers the desktop, which
 * otherwise takes the program for dead. */
enum view_key view_poll(struct view_window *window, int wait_ms);

/* One sentence about the last call that was false; valid until the next one. */
const char *view_error(void);

#endif
