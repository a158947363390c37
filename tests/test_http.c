/* The HTTP client against a server that behaves and misbehaves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/http.h"
#include "stance/bytes.h"

static const struct net_limits limits = {.connect_ms = 2000, .total_ms = 5000};

static struct server {
    pthread_t thread;
    int listener, port;
} server;

struct answer {
    const char *path, *text;
    int repeat; /* the text is sent so often */
    bool stall; /* then nothing more comes until the client goes */
};

static const struct answer answers[] = {
    {"/plain", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1, false},
    {"/until-close", "HTTP/1.0 200 OK\r\n\r\nhello", 1, false},
    {"/chunked",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 1,
     false},
    {"/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 1, false},
    {"/moved", "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n", 1, false},
    {"/loop", "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n", 1, false},
    {"/to-file",
     "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n", 1, false},
    {"/gone", "HTTP/1.1 410 Gone\r\nContent-Length: 3\r\n\r\nbye", 1, false},
    {"/busy", "HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nbye", 1, false},
    {"/announced", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhello", 1, true},
    {"/endless", "HTTP/1.0 200 OK\r\n\r\n0123456789012345678901234567890123456789", 1000, false},
    {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", 1, false},
    {"/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", 1, false},
    {"/no-http", "\x01\x02 what?\n", 1, false},
    {"/nothing", "", 1, false},
    {"/silent", "", 1, true},
    {"/stuck", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", 1, true},
    {NULL, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 1, false},
};

static void serve(int connection)
{
    char request[2048], path[256] = "";
    size_t size = 0;
    request[0] = 0;
    while (!strstr(request, "\r\n\r\n")) {
        ssize_t got = read(connection, request + size, sizeof request - 1 - size);
        if (got <= 0)
            return;
        request[size += (size_t)got] = 0;
    }
    snprintf(path, sizeof path, "%.*s", (int)strcspn(request + 4, " ?"), request + 4);
    const struct answer *answer = answers;
    while (answer->path && strcmp(answer->path, path) != 0)
        answer++;
    for (int i = 0; i < answer->repeat; i++)
        if (send(connection, answer->text, strlen(answer->text), MSG_NOSIGNAL) < 0)
            return;
    if (answer->stall)
        while (read(connection, request, sizeof request) > 0)
            ;
}

static void *run_server(void *unused)
{
    int connection;
    while ((connection = accept(server.listener, NULL, NULL)) >= 0) {
        serve(connection);
        close(connection);
    }
    return NULL;
}

static int start_server(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    setenv("no_proxy", "*", 1);
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server.listener, 8) != 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    server.port = ntohs(address.sin_port);
    return pthread_create(&server.thread, NULL, run_server, NULL);
}

static int stop_server(void **state)
{
    shutdown(server.listener, SHUT_RDWR);
    close(server.listener);
    return pthread_join(server.thread, NULL);
}

static int get(const char *path, size_t limit, const struct net_limits *within, char *text,
               size_t size)
{
    char url[300];
    struct base_buffer out;
    base_buffer_init(&out, limit);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
    int code = net_http_get(&out, url, within);
    assert_true(out.size <= limit);
    snprintf(text, size, "%s", out.data ? out.data : "");
    base_buffer_free(&out);
    return code;
}

static void test_http_reads_whole_answers(void **state)
{
    static const char *const paths[] = {"/plain", "/until-close", "/chunked", "/moved",
                                        "/plain?w=1&h=2"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char text[64];
        assert_int_equal(get(paths[i], 1000, &limits, text, sizeof text), 0);
        assert_string_equal(text, "hello");
    }
}

static void test_http_takes_an_empty_answer(void **state)
{
    char text[8];
    assert_int_equal(get("/empty", 1000, &limits, text, sizeof text), 0);
    assert_string_equal(text, "");
}

static void test_http_answers_of_exactly_the_limit_fit(void **state)
{
    char text[64];
    assert_int_equal(get("/plain", 5, &limits, text, sizeof text), 0);
    assert_int_equal(get("/plain", 4, &limits, text, sizeof text), STANCE_ELIMIT);
    assert_int_equal(get("/until-close", 5, &limits, text, sizeof text), 0);
    assert_int_equal(get("/until-close", 4, &limits, text, sizeof text), STANCE_ELIMIT);
}

static void test_http_names_what_went_wrong(void **state)
{
    static const struct {
        const char *path;
        int code;
        const char *words;
    } cases[] = {
        {"/missing", STANCE_ENOTFOUND, "404"},
        {"/gone", STANCE_ENOTFOUND, "410"},
        {"/busy", STANCE_EIO, "503"},
        {"/loop", STANCE_ELIMIT, "redirected"},
        {"/to-file", STANCE_EIO, "to-file"},
        {"/announced", STANCE_ELIMIT, "larger than"},
        {"/endless", STANCE_ELIMIT, "larger than"},
        {"/short", STANCE_EIO, "short"},
        {"/bad-chunk", STANCE_EIO, "bad-chunk"},
        {"/no-http", STANCE_EIO, "no-http"},
        {"/nothing", STANCE_EIO, "nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        int code = get(cases[i].path, 1000, &limits, text, sizeof text);
        if (code != cases[i].code || !strstr(stance_error_text(), cases[i].words))
            fail_msg("%s: %d, %s", cases[i].path, code, stance_error_text());
    }
}

static void test_http_gives_up_on_silent_servers(void **state)
{
    const struct net_limits hurry = {.connect_ms = 200, .total_ms = 200};
    char text[64];
    assert_int_equal(get("/silent", 1000, &hurry, text, sizeof text), STANCE_EIO);
    assert_int_equal(get("/stuck", 1000, &hurry, text, sizeof text), STANCE_EIO);
}

static void test_http_refuses_other_schemes(void **state)
{
    static const char *const urls[] = {"ftp://127.0.0.1/x", "file:///etc/hostname", "photo.jpg", "",
                                       "http:/one-slash"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct stance_bytes bytes;
        assert_int_equal(stance_bytes_fetch(&bytes, urls[i], 100), STANCE_EARGUMENT);
        assert_null(bytes.data);
    }
    assert_true(net_is_address("HTTPS://example.org"));
}

static void test_http_says_when_nobody_answers(void **state)
{
    struct stance_bytes bytes;
    assert_int_equal(stance_bytes_fetch(&bytes, "http://127.0.0.1:1/x", 100), STANCE_EIO);
    assert_non_null(strstr(stance_error_text(), "127.0.0.1"));
}

static void test_http_hands_bytes_to_the_caller(void **state)
{
    struct stance_bytes bytes;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/plain", server.port);
    assert_int_equal(stance_bytes_fetch(&bytes, url, 100), 0);
    assert_int_equal(bytes.size, 5);
    assert_memory_equal(bytes.data, "hello", 5);
    stance_bytes_free(&bytes);
    assert_null(bytes.data);
    stance_bytes_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_reads_whole_answers),
        cmocka_unit_test(test_http_takes_an_empty_answer),
        cmocka_unit_test(test_http_answers_of_exactly_the_limit_fit),
        cmocka_unit_test(test_http_names_what_went_wrong),
        cmocka_unit_test(test_http_gives_up_on_silent_servers),
        cmocka_unit_test(test_http_refuses_other_schemes),
        cmocka_unit_test(test_http_says_when_nobody_answers),
        cmocka_unit_test(test_http_hands_bytes_to_the_caller),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
