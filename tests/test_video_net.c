/* Video from the network: files over HTTP, live streams that break off and come back, servers that
 * do not answer, playlists that point at this machine's files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "stance/video.h"
#include "support/clip.h"
#include "support/support.h"

/* ---- A server with one thread for all it does ---- */

static int listener;
static int port;
static pthread_t thread;
static atomic_int connections;
static char clip_path[256], jpeg_path[256];

static int write_all(int to, const void *data, size_t size)
{
    for (const char *at = data; size;) {
        ssize_t wrote = send(to, at, size, MSG_NOSIGNAL);
        if (wrote <= 0)
            return -1;
        at += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

static size_t load(const char *path, char *data, size_t size)
{
    FILE *in = fopen(path, "rb");
    size_t got = in ? fread(data, 1, size, in) : 0;
    if (in)
        fclose(in);
    return got;
}

static void send_whole(int to, const char *type, const char *data, size_t size)
{
    char head[256];
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n",
                          type, size);
    if (write_all(to, head, (size_t)length) == 0)
        write_all(to, data, size);
}

/* Motion JPEG as cameras send it; breaks off after a few pictures. */
static void send_live(int to)
{
    static char jpeg[1 << 16];
    size_t size = load(jpeg_path, jpeg, sizeof jpeg);
    const char *head =
        "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n";
    if (write_all(to, head, strlen(head)) < 0)
        return;
    for (int i = 0; i < 12; i++) {
        char part[128];
        int length =
            snprintf(part, sizeof part,
                     "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n", size);
        if (write_all(to, part, (size_t)length) < 0 || write_all(to, jpeg, size) < 0 ||
            write_all(to, "\r\n", 2) < 0)
            return;
        usleep(5000);
    }
}

static void answer(int to)
{
    static char data[1 << 20];
    char request[4096] = "";
    ssize_t got = recv(to, request, sizeof request - 1, 0);
    if (got <= 0)
        return;
    if (strncmp(request, "GET /clip", 9) == 0) {
        send_whole(to, "video/x-matroska", data, load(clip_path, data, sizeof data));
    } else if (strncmp(request, "GET /live", 9) == 0) {
        atomic_fetch_add(&connections, 1);
        send_live(to);
    } else if (strncmp(request, "GET /list", 9) == 0) {
        int length = snprintf(data, sizeof data,
                              "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://%s\n"
                              "#EXT-X-ENDLIST\n",
                              clip_path);
        send_whole(to, "application/vnd.apple.mpegurl", data, (size_t)length);
    } else if (strncmp(request, "GET /silence", 12) == 0) {
        usleep(600000);
    } else {
        const char *text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        write_all(to, text, strlen(text));
    }
}

static void *serve(void *context)
{
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            return NULL;
        answer(client);
        close(client);
    }
}

static int open_server(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, 8) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    port = ntohs(address.sin_port);
    snprintf(clip_path, sizeof clip_path, "%s/net.mkv", support_temp_folder());
    clip_make(clip_path, &(struct clip){.muxer = "matroska", .encoder = "ffv1", .frames = 6});
    snprintf(jpeg_path, sizeof jpeg_path, "%s/net.jpg", support_temp_folder());
    struct stance_image *image;
    if (stance_image_open(&image, STANCE_GRAY8, 64, 48) < 0)
        return -1;
    for (int y = 0; y < 48; y++)
        memset(image->plane[0] + y * image->stride[0], 3 * y, 64);
    int code = stance_image_write(image, jpeg_path);
    stance_image_close(&image);
    base_log_limit(BASE_LOG_ERROR);
    return code < 0 ? -1 : pthread_create(&thread, NULL, serve, NULL);
}

static int close_server(void **state)
{
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    return 0;
}

static const char *address(const char *name)
{
    static char text[128];
    snprintf(text, sizeof text, "http://127.0.0.1:%d/%s", port, name);
    return text;
}

static int open_reader(struct stance_video_reader **reader, const char *name)
{
    struct stance_video_options options;
    stance_video_options_default(&options);
    options.timeout_us = 400000;
    options.backoff_us = 10000;
    options.backoff_most_us = 50000;
    return stance_video_reader_open(reader, address(name), &options);
}

static void test_a_file_over_http_loses_no_frame(void **state)
{
    (void)state;
    struct stance_video_reader *reader;
    struct stance_video_frame frame;
    assert_int_equal(open_reader(&reader, "clip.mkv"), 0);
    assert_false(stance_video_reader_info(reader)->live);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_FRAME);
        stance_image_close(&frame.image);
    }
    assert_int_equal(stance_video_reader_read(reader, &frame, -1), STANCE_VIDEO_END);
    stance_video_reader_close(&reader);
}

static void test_a_live_stream_is_connected_anew(void **state)
{
    (void)state;
    struct stance_video_reader *reader;
    struct stance_video_frame frame = {0};
    struct stance_video_stats stats;
    int64_t last_time = -1, last_index = -1;
    if (open_reader(&reader, "live") != 0)
        fail_msg("%s", stance_error_text());
    assert_true(stance_video_reader_info(reader)->live);
    for (int i = 0; i < 400 && frame.epoch < 2; i++) {
        assert_int_equal(stance_video_reader_read(reader, &frame, 5000000), STANCE_VIDEO_FRAME);
        assert_true(frame.time_us > last_time && frame.index > last_index);
        last_time = frame.time_us;
        last_index = frame.index;
        stance_image_close(&frame.image);
    }
    assert_int_equal(frame.epoch, 2);
    stance_video_reader_stats(reader, &stats);
    assert_true(stats.epoch >= 2 && stats.frames > 2);
    stance_video_reader_close(&reader);
    assert_true(atomic_load(&connections) >= 3);
}

static void test_no_answer_is_an_error_in_time(void **state)
{
    (void)state;
    struct stance_video_reader *reader;
    assert_int_equal(open_reader(&reader, "silence"), STANCE_EIO);
    usleep(300000); /* the server has one thread */
    assert_int_equal(open_reader(&reader, "missing"), STANCE_ENOTFOUND);
    assert_non_null(strstr(stance_error_text(), "missing"));
}

static void test_playlists_do_not_reach_files(void **state)
{
    (void)state;
    struct stance_video_reader *reader;
    assert_true(open_reader(&reader, "list.m3u8") < 0);
    assert_null(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_over_http_loses_no_frame),
        cmocka_unit_test(test_a_live_stream_is_connected_anew),
        cmocka_unit_test(test_no_answer_is_an_error_in_time),
        cmocka_unit_test(test_playlists_do_not_reach_files),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
