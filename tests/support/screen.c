#include "support/screen.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <X11/XWDFile.h>
#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XTest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

static struct {
    pid_t server;
    Display *display;
    const uint8_t *file; /* what `xwd` writes, kept up to date by the server */
    size_t size;
    const uint8_t *pixels; /* 4 bytes each: blue, green, red, nothing */
    int width, height, stride;
    KeySym *keys; /* the keyboard as it was at first */
    int first_key, key_count, symbols_per_key;
} screen;

static void run_server(int ready, int width, int height)
{
    char number[16], picture[48];
    snprintf(number, sizeof number, "%d", ready);
    snprintf(picture, sizeof picture, "%dx%dx24", width, height);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 1);
    dup2(nothing, 2);
    execlp("Xvfb", "Xvfb", "-displayfd", number, "-screen", "0", picture, "-fbdir",
           support_temp_folder(), "-nolisten", "tcp", "-noreset", (char *)NULL);
    _exit(127);
}

/* Reads the number that the server writes when it is ready; false when it says nothing. */
static bool read_number(int ready, char *name, size_t size)
{
    size_t length = 0;
    name[length++] = ':';
    while (length < size - 1 && read(ready, name + length, 1) == 1 && name[length] != '\n')
        length++;
    name[length] = '\0';
    return length > 1;
}

static void map_picture(void)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof path, "%s/Xvfb_screen0", support_temp_folder());
    int file = open(path, O_RDONLY);
    assert_true(file >= 0 && fstat(file, &status) == 0);
    screen.size = (size_t)status.st_size;
    void *map = mmap(NULL, screen.size, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    assert_ptr_not_equal(map, MAP_FAILED);
    screen.file = map;
    const XWDFileHeader *header = map;
    assert_int_equal(ntohl(header->bits_per_pixel), 32);
    assert_int_equal(ntohl(header->byte_order), LSBFirst);
    screen.width = (int)ntohl(header->pixmap_width);
    screen.height = (int)ntohl(header->pixmap_height);
    screen.stride = (int)ntohl(header->bytes_per_line);
    screen.pixels =
        screen.file + ntohl(header->header_size) + ntohl(header->ncolors) * (size_t)sz_XWDColor;
}

static void read_keyboard(void)
{
    int last;
    XDisplayKeycodes(screen.display, &screen.first_key, &last);
    screen.key_count = last - screen.first_key + 1;
    screen.keys = XGetKeyboardMapping(screen.display, (KeyCode)screen.first_key, screen.key_count,
                                      &screen.symbols_per_key);
    assert_non_null(screen.keys);
}

/* The code of the key that bears that symbol unshifted. */
static KeyCode find_key(const char *key)
{
    KeySym symbol = XStringToKeysym(key);
    int i = 0;
    assert_int_not_equal(symbol, NoSymbol);
    while (i < screen.key_count && screen.keys[i * screen.symbols_per_key] != symbol)
        i++;
    assert_true(i < screen.key_count);
    return (KeyCode)(screen.first_key + i);
}

bool screen_open(int width, int height)
{
    int ends[2], status;
    char name[16];
    support_temp_folder(); /* made here, so that it does not end with the child */
    assert_int_equal(pipe(ends), 0);
    screen.server = fork();
    assert_true(screen.server >= 0);
    if (screen.server == 0) {
        close(ends[0]);
        run_server(ends[1], width, height);
    }
    close(ends[1]);
    bool ready = read_number(ends[0], name, sizeof name);
    close(ends[0]);
    if (!ready) {
        waitpid(screen.server, &status, 0);
        screen.server = 0;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 127); /* there is no such program */
        return false;
    }
    setenv("DISPLAY", name, 1);
    screen.display = XOpenDisplay(name);
    assert_non_null(screen.display);
    map_picture();
    read_keyboard();
    return true;
}

void screen_close(void)
{
    if (screen.server <= 0)
        return;
    XFree(screen.keys);
    XCloseDisplay(screen.display);
    munmap((void *)(uintptr_t)screen.file, screen.size);
    kill(screen.server, SIGTERM);
    waitpid(screen.server, NULL, 0);
    screen.server = 0;
    unsetenv("DISPLAY");
}

uint32_t screen_pixel(int x, int y)
{
    assert_in_range(x, 0, screen.width - 1);
    assert_in_range(y, 0, screen.height - 1);
    const volatile uint8_t *pixel = screen.pixels + (ptrdiff_t)y * screen.stride + 4 * (ptrdiff_t)x;
    return (uint32_t)pixel[2] << 16 | (uint32_t)pixel[1] << 8 | pixel[0];
}

void screen_key(const char *key, bool down)
{
    XTestFakeKeyEvent(screen.display, find_key(key), down, CurrentTime);
    XSync(screen.display, False);
}

void screen_relabel_key(const char *key, const char *symbol)
{
    KeySym symbols[] = {XStringToKeysym(symbol), NoSymbol};
    assert_int_not_equal(symbols[0], NoSymbol);
    XChangeKeyboardMapping(screen.display, find_key(key), 2, symbols, 1);
    XSync(screen.display, False);
}

static Window find_window(const char *title)
{
    Window root, parent, *children = NULL, found = None;
    unsigned count = 0;
    XQueryTree(screen.display, DefaultRootWindow(screen.display), &root, &parent, &children,
               &count);
    for (unsigned i = 0; i < count && !found; i++) {
        XTextProperty name = {0};
        Atom property = XInternAtom(screen.display, "_NET_WM_NAME", False);
        if (XGetTextProperty(screen.display, children[i], &name, property)) {
            if (name.value && strcmp((const char *)name.value, title) == 0)
                found = children[i];
            XFree(name.value);
        }
    }
    XFree(children);
    assert_int_not_equal(found, None);
    return found;
}

struct screen_box screen_window(const char *title)
{
    XWindowAttributes values;
    assert_true(XGetWindowAttributes(screen.display, find_window(title), &values));
    assert_int_equal(values.map_state, IsViewable);
    return (struct screen_box){values.x, values.y, values.width, values.height};
}

void screen_resize(const char *title, int width, int height)
{
    XResizeWindow(screen.display, find_window(title), (unsigned)width, (unsigned)height);
    XSync(screen.display, False);
}

void screen_ask_to_close(const char *title)
{
    XEvent event = {.xclient = {.type = ClientMessage, .format = 32}};
    event.xclient.window = find_window(title);
    event.xclient.message_type = XInternAtom(screen.display, "WM_PROTOCOLS", False);
    event.xclient.data.l[0] = (long)XInternAtom(screen.display, "WM_DELETE_WINDOW", False);
    XSendEvent(screen.display, event.xclient.window, False, NoEventMask, &event);
    XSync(screen.display, False);
}

void screen_cover(void)
{
    Window cover = XCreateSimpleWindow(screen.display, DefaultRootWindow(screen.display), 0, 0,
                                       (unsigned)screen.width, (unsigned)screen.height, 0, 0,
                                       WhitePixel(screen.display, 0));
    XMapRaised(screen.display, cover);
    XSync(screen.display, False);
    assert_int_equal(screen_pixel(screen.width / 2, screen.height / 2), 0xffffff);
    XDestroyWindow(screen.display, cover);
    XSync(screen.display, False);
}

bool screen_bypasses_compositor(const char *title)
{
    Atom property = XInternAtom(screen.display, "_NET_WM_BYPASS_COMPOSITOR", False), type;
    int format;
    unsigned long count, more;
    unsigned char *data = NULL;
    long value = 0;
    XGetWindowProperty(screen.display, find_window(title), property, 0, 1, False, XA_CARDINAL,
                       &type, &format, &count, &more, &data);
    if (data && count == 1)
        memcpy(&value, data, sizeof value);
    XFree(data);
    return value == 1;
}
