/* What somebody does with the window: keys, which go through the X server, and its cross. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/shown.h"

/* SDL takes a key that comes again within 2 ms for one that is held down. */
static void strike(const char *key)
{
    screen_key(key, true);
    screen_key(key, false);
    shown_pause_ms(5);
}

static void test_keys(void **state)
{
    static const struct {
        const char *name;
        enum view_key key;
    } keys[] = {{"space", VIEW_PAUSE},    {"s", VIEW_SAVE},         {"q", VIEW_QUIT},
                {"1", VIEW_EVERY_1},      {"4", VIEW_EVERY_4},      {"8", VIEW_EVERY_8},
                {"Escape", VIEW_QUIT},    {"KP_End", VIEW_EVERY_1}, {"KP_Home", VIEW_NONE},
                {"x", VIEW_NONE},         {"2", VIEW_NONE},         {"KP_Add", VIEW_NONE},
                {"apostrophe", VIEW_NONE}};
    shown_open(160, 120);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        strike(keys[i].name);
        assert_int_equal(view_poll(shown_window, keys[i].key ? SHOWN_PATIENCE_MS : 50),
                         keys[i].key);
    }
}

/* Each has a key by its American name, what is printed on it instead, and what it means then. */
static void test_keyboards_of_other_countries(void **state)
{
    static const struct {
        const char *name, *symbol;
        enum view_key key;
    } keys[] = {{"q", "Cyrillic_shorti", VIEW_QUIT}, /* the place counts */
                {"s", "Cyrillic_yeru", VIEW_SAVE},
                {"1", "ampersand", VIEW_EVERY_1}, /* French */
                {"4", "apostrophe", VIEW_EVERY_4},
                {"q", "a", VIEW_NONE}, /* French: the letter counts */
                {"a", "q", VIEW_QUIT},
                {"q", "apostrophe", VIEW_NONE}}; /* Dvorak */
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (shown_screen)
            screen_relabel_key(keys[i].name, keys[i].symbol);
        shown_open(160, 120);
        strike(keys[i].name);
        enum view_key key = view_poll(shown_window, keys[i].key ? SHOWN_PATIENCE_MS : 100);
        screen_relabel_key(keys[i].name, keys[i].name);
        assert_int_equal(key, keys[i].key);
        view_close(&shown_window);
    }
}

static void test_keys_come_in_order_each_once(void **state)
{
    shown_open(160, 120);
    strike("s");
    strike("x");
    strike("space");
    strike("space");
    assert_int_equal(view_poll(shown_window, SHOWN_PATIENCE_MS), VIEW_SAVE);
    assert_int_equal(view_poll(shown_window, SHOWN_PATIENCE_MS), VIEW_PAUSE);
    assert_int_equal(view_poll(shown_window, SHOWN_PATIENCE_MS), VIEW_PAUSE);
    assert_int_equal(view_poll(shown_window, 0), VIEW_NONE);
}

static void test_key_that_is_held_down_counts_once(void **state)
{
    shown_open(160, 120);
    screen_key("s", true);
    assert_int_equal(view_poll(shown_window, SHOWN_PATIENCE_MS), VIEW_SAVE);
    enum view_key key = view_poll(shown_window, 1000); /* the server repeats keys after 660 ms */
    screen_key("s", false);
    assert_int_equal(key, VIEW_NONE);
}

static void test_keys_with_control_mean_nothing(void **state)
{
    shown_open(160, 120);
    screen_key("Control_L", true);
    strike("q");
    screen_key("Control_L", false);
    assert_int_equal(view_poll(shown_window, 200), VIEW_NONE);
    screen_key("Shift_L", true);
    strike("q");
    screen_key("Shift_L", false);
    assert_int_equal(view_poll(shown_window, SHOWN_PATIENCE_MS), VIEW_QUIT);
}

static void test_closing_the_window_quits(void **state)
{
    shown_open(160, 120);
    assert_int_equal(view_poll(shown_window, 100), VIEW_NONE);
    screen_ask_to_close(shown_title);
    assert_int_equal(view_poll(shown_window, SHOWN_PATIENCE_MS), VIEW_QUIT);
    assert_int_equal(view_poll(shown_window, 50), VIEW_NONE);
}

static void test_poll_waits_no_longer_than_asked(void **state)
{
    shown_open(160, 120);
    while (view_poll(shown_window, 50) != VIEW_NONE)
        ;
    int64_t start = shown_now_ms();
    assert_int_equal(view_poll(shown_window, 300), VIEW_NONE);
    assert_in_range(shown_now_ms() - start, 295, SHOWN_PATIENCE_MS);
    start = shown_now_ms();
    strike("s");
    assert_int_equal(view_poll(shown_window, 60000), VIEW_SAVE);
    assert_in_range(shown_now_ms() - start, 0, SHOWN_PATIENCE_MS);
}

#define TEST(name) cmocka_unit_test_teardown(name, shown_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys),
        TEST(test_keyboards_of_other_countries),
        TEST(test_keys_come_in_order_each_once),
        TEST(test_key_that_is_held_down_counts_once),
        TEST(test_keys_with_control_mean_nothing),
        TEST(test_closing_the_window_quits),
        TEST(test_poll_waits_no_longer_than_asked),
    };
    return cmocka_run_group_tests(tests, shown_open_screen, shown_close_screen);
}
