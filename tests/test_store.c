/* The store and its packages from inside: cards made of SDK files, what is stored, failing memory.
 * What needs servers and archives is in cli_pull. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "model/family.h"
#include "model/find.h"
#include "model/package.h"
#include "model/zoo.h"
#include "net/archive.h"
#include "stance/card.h"
#include "stance/store.h"
#include "support/support.h"
#include "support/tiny_model.h"

static const char pipeline[] =
    "{\"pipeline\": {\"tasks\": [{\"transforms\": [{\"type\": \"Resize\", \"size\": [9, 9]},\n"
    " {\"type\": \"Normalize\", \"mean\": [1, 2.5, 3], \"std\": [4, 5, 6], \"to_rgb\": %s}]},\n"
    " {\"module\": \"Net\"}, {\"component\": \"%s\", \"params\": {%s}}]}}";

static char folder[2048];

static const char *path_of(const char *name)
{
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const void *data, size_t size)
{
    assert_int_equal(base_file_make_folder(folder), 0);
    assert_int_equal(base_file_write(path_of(name), data, size), 0);
}

static void put_sdk(const char *rgb, const char *component, const char *params, const char *net)
{
    char text[2048];
    struct base_buffer model = tiny_heatmap(64, 48, 17);
    int length = snprintf(text, sizeof text, pipeline, rgb, component, params);
    put("pipeline.json", text, (size_t)length);
    length = snprintf(text, sizeof text,
                      "{\"models\": [{\"name\": \"%s\", \"net\": \"end2end.onnx\"}]}", net);
    put("deploy.json", text, (size_t)length);
    put("end2end.onnx", model.data, model.size);
    base_buffer_free(&model);
}

static void begin(const char *name)
{
    snprintf(folder, sizeof folder, "%s/%s", support_temp_folder(), name);
}

static void test_sdk_files_are_a_card(void **state)
{
    static const struct {
        const char *rgb, *component, *params, *net, *family, *refine;
    } cases[] = {
        {"true", "SimCCLabelDecode", "\"use_dark\": false", "pose", "simcc", NULL},
        {"true", "SimCCLabelDecode", "\"use_dark\": true", "pose", "simcc", "dark"},
        {"true", "TopdownHeatmapSimpleHeadDecode", "\"use_udp\": true", "pose", "heatmap", "udp"},
        {"true", "TopdownHeatmapSimpleHeadDecode", "\"post_process\": \"unbiased\"", "", "heatmap",
         "dark"},
        {"true", "TopdownHeatmapSimpleHeadDecode",
         "\"post_process\": \"default\", \"unbiased\": true", "", "heatmap", "dark"},
        {"true", "TopdownHeatmapSimpleHeadDecode", "\"post_process\": 3", "", "heatmap", NULL},
        {"false", "ResizeBBox", "", "yolox", "yolox", NULL},
        {"false", "ResizeBBox", "", "rtmdet", "rtmdet", NULL},
        {"false", "Something", "", "new", "auto", NULL},
    };
    begin("sdk");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stance_card *card;
        put_sdk(cases[i].rgb, cases[i].component, cases[i].params, cases[i].net);
        assert_int_equal(model_card_find(&card, path_of("end2end.onnx")), 0);
        assert_non_null(card);
        assert_string_equal(card->name, "sdk");
        assert_string_equal(card->family, cases[i].family);
        assert_int_equal(card->bgr, strcmp(cases[i].rgb, "false") == 0);
        assert_true(card->mean[1] == 2.5f && card->std[2] == 6);
        assert_int_equal(card->width, 0); /* the 9 × 9 is not believed */
        if (cases[i].refine)
            assert_string_equal(card->refine, cases[i].refine);
        else
            assert_null(card->refine);
        stance_card_close(&card);
    }
}

/* Of YOLOX, which sees pixels as they are. */
static void test_sdk_files_may_give_no_mean(void **state)
{
    static const char *const normalise[] = {"", ", \"mean\": null, \"std\": null"};
    begin("plain-sdk");
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        struct stance_card *card;
        int length = snprintf(text, sizeof text,
                              "{\"pipeline\": {\"tasks\": [{\"transforms\": [{\"type\": "
                              "\"Normalize\", \"to_rgb\": false%s}]}]}}",
                              normalise[i]);
        put("pipeline.json", text, (size_t)length);
        put("end2end.onnx", "x", 1);
        assert_int_equal(model_card_find(&card, path_of("end2end.onnx")), 0);
        assert_non_null(card);
        assert_true(card->mean[0] == 0 && card->std[2] == 1 && card->bgr);
        stance_card_close(&card);
    }
}

static void test_a_folder_is_a_model(void **state)
{
    char path[4096];
    struct stance_model *model;
    begin("package");
    put_sdk("true", "TopdownHeatmapSimpleHeadDecode", "\"use_udp\": true", "pose");
    assert_int_equal(stance_model_open(&model, folder), 0);
    struct model_traits traits;
    assert_int_equal(model_identify(&traits, model, NULL), 0);
    assert_int_equal(traits.refine, STANCE_REFINE_UDP);
    assert_true(traits.input.udp && traits.input.mean[0] == 1);
    stance_model_close(&model);
    assert_int_equal(model_package_find(support_temp_folder(), path, sizeof path), 0);
    assert_int_equal(model_package_find(path_of("end2end.onnx"), path, sizeof path), 0);
}

static void test_names_inside_of_archives(void **state)
{
    static const char *const inside[] = {"a", "a/b.onnx", "a/..b/c", "...", "a/b/"};
    static const char *const outside[] = {"",     "/a",    "..",   "../a",  "a/../b", "a/..",
                                          "a\\b", "C:\\a", "C:/a", "..\\a", "/"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        assert_true(net_archive_is_inside(inside[i]));
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_false(net_archive_is_inside(outside[i]));
}

/* ---- Archives -------------------------------------------------------------------------------- */

static void number(struct base_buffer *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        assert_int_equal(base_buffer_append(out, &byte, 1), 0);
    }
}

static uint32_t crc32_of(const char *data, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= (unsigned char)data[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* What local header and directory have in common. */
static void header(struct base_buffer *out, const char *name, const struct base_buffer *data)
{
    uint32_t size = (uint32_t)data->size;
    number(out, 20, 2); /* version; flags, method, time and date are 0 */
    number(out, 0, 4);
    number(out, 0x00210000, 4);
    number(out, crc32_of(data->data, data->size), 4);
    number(out, size, 4);
    number(out, size, 4);
    number(out, (uint32_t)strlen(name), 2);
    number(out, 0, 2);
}

/* A zip with one stored entry (PKWARE APPNOTE 4.3). */
static void put_zip(const char *path, const char *name, const struct base_buffer *data)
{
    struct base_buffer zip;
    base_buffer_init(&zip, 1 << 20);
    base_buffer_append(&zip, "PK\3\4", 4);
    header(&zip, name, data);
    base_buffer_append(&zip, name, strlen(name));
    base_buffer_append(&zip, data->data, data->size);
    uint32_t start = (uint32_t)zip.size;
    base_buffer_append(&zip, "PK\1\2", 4);
    number(&zip, 20, 2);
    header(&zip, name, data);
    number(&zip, 0, 4); /* comment, disk */
    number(&zip, 0, 4); /* attributes */
    number(&zip, 0, 2);
    number(&zip, 0, 4); /* where the entry is */
    base_buffer_append(&zip, name, strlen(name));
    uint32_t size = (uint32_t)zip.size - start;
    base_buffer_append(&zip, "PK\5\6\0\0\0\0\1\0\1", 11);
    number(&zip, 0, 1);
    number(&zip, size, 4);
    number(&zip, start, 4);
    number(&zip, 0, 2);
    put(path, zip.data, zip.size);
    base_buffer_free(&zip);
}

static bool has_archives(void)
{
    struct net_archive *archive;
    int code = net_archive_open(&archive, path_of("net.zip"));
    net_archive_close(&archive);
    return code != STANCE_EUNSUPPORTED;
}

static void test_a_model_in_an_archive_outlives_it(void **state)
{
    struct base_buffer model = tiny_heatmap(64, 48, 17);
    struct stance_model *opened;
    struct stance_tensor input;
    begin("archive");
    put_zip("net.zip", "some/net.onnx", &model);
    base_buffer_free(&model);
    if (!has_archives())
        skip();
    assert_int_equal(stance_model_open(&opened, path_of("net.zip")), 0);
    assert_string_equal(stance_model_path(opened), path_of("net.zip/some/net.onnx"));
    put("net.zip", "gone", 4);
    assert_int_equal(stance_model_input(opened, 0, &input), 0);
    assert_int_equal(input.dims[2], 64);
    stance_model_close(&opened);
    assert_int_equal(stance_model_open(&opened, path_of("net.zip")), STANCE_EFORMAT);
}

static void test_allocations_fail_while_an_archive_is_read(void **state)
{
    struct base_buffer model = tiny_heatmap(64, 48, 17);
    struct stance_model *opened;
    begin("archive-memory");
    put_zip("net.zip", "some/net.onnx", &model);
    base_buffer_free(&model);
    if (!has_archives())
        skip();
    long live = base_alloc_live(), count = base_alloc_count();
    assert_int_equal(stance_model_open(&opened, path_of("net.zip")), 0);
    stance_model_close(&opened);
    count = base_alloc_count() - count;
    for (long n = 1; n <= count; n++) {
        base_alloc_fail_at(n, 0);
        int code = stance_model_open(&opened, path_of("net.zip"));
        base_alloc_fail_at(0, 0);
        if (code != STANCE_ENOMEMORY || opened || base_alloc_live() != live)
            fail_msg("allocation %ld of %ld: %d %s", n, count, code, stance_error_text());
    }
}

/* ---- The store ------------------------------------------------------------------------------- */

static int store(const char *source, const char *name)
{
    struct stance_store_options options;
    stance_store_options_default(&options);
    options.folder = path_of("store");
    return stance_store_import(source, name, &options);
}

static void test_what_is_stored_has_its_digest(void **state)
{
    char digest[BASE_SHA256_TEXT];
    struct stance_card *card;
    struct base_buffer model = tiny_heatmap(64, 48, 17);
    begin("import");
    put("net.onnx", model.data, model.size);
    base_sha256(model.data, model.size, digest);
    assert_int_equal(store(path_of("net.onnx"), NULL), 0);
    assert_int_equal(stance_card_open(&card, path_of("store/net.onnx")), 0);
    assert_string_equal(card->sha256, digest);
    assert_string_equal(card->family, "heatmap");
    stance_card_close(&card);
    assert_int_equal(stance_store_verify(path_of("store/net.onnx")), 0);
    assert_int_equal(stance_store_verify(path_of("net.onnx")), STANCE_EUNSUPPORTED);
    assert_int_equal(store(path_of("net.onnx"), NULL), STANCE_EARGUMENT); /* it is taken */
    model.data[model.size / 2] ^= 1;
    put("store/net.onnx", model.data, model.size);
    assert_int_equal(stance_store_verify(path_of("store/net.onnx")), STANCE_EFORMAT);
    base_buffer_free(&model);
}

/* Here because a folder has the model's name; a full disk comes to the same. */
static void test_a_model_that_cannot_be_written_leaves_no_card(void **state)
{
    struct base_buffer model = tiny_heatmap(64, 48, 17);
    begin("unwritable");
    put("net.onnx", model.data, model.size);
    base_buffer_free(&model);
    assert_int_equal(base_file_make_folder(path_of("store/net.onnx")), 0);
    assert_int_equal(store(path_of("net.onnx"), NULL), STANCE_EIO);
    assert_false(base_file_exists(path_of("store/net.json")));
}

static void test_names_that_no_model_can_have(void **state)
{
    static const char *const names[] = {"", ".", "..", ".a", "a/b", "-a", "a b", "a\n", "ä"};
    begin("names");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(stance_store_pull(names[i], NULL), STANCE_EARGUMENT);
        assert_int_equal(store("anything", names[i]), STANCE_EARGUMENT);
    }
    assert_int_equal(store(path_of("absent.onnx"), "x"), STANCE_ENOTFOUND);
}

/* Every card that comes with stance opens, and names a set and a family that stance knows. */
static void test_all_cards_are_good(void **state)
{
    const char *before = "";
    int count = 0;
    for (; stance_card_name_at(count); count++) {
        struct stance_card *card;
        const char *name = stance_card_name_at(count);
        assert_true(strcmp(before, name) < 0);
        assert_int_equal(model_card_absent(&card, name), 0);
        assert_non_null(card);
        assert_string_equal(card->name, name);
        assert_true(!card->keypoint_set || stance_keypoint_set_find(card->keypoint_set));
        assert_true(card->width > 0 && card->height > 0 && card->std[0] > 0);
        assert_true(card->url_count > 0 ? card->file != NULL : card->checkpoint != NULL);
        stance_card_close(&card);
        before = name;
    }
    assert_in_range(count, 80, 1000);
    assert_non_null(model_zoo_find_file("some/where/rtmpose-m_simcc-body7_pt-body7_420e-256x192-"
                                        "e48f03d0_20230504.zip"));
    assert_null(model_zoo_find_file("some/where/.zip"));
}

static void test_every_allocation_may_fail(void **state)
{
    begin("memory");
    put_sdk("true", "TopdownHeatmapSimpleHeadDecode", "\"use_udp\": true", "pose");
    long live = base_alloc_live(), count = base_alloc_count();
    assert_int_equal(store(folder, "first"), 0);
    count = base_alloc_count() - count;
    assert_int_equal(base_alloc_live(), live);
    for (long n = 1; n <= count; n++) {
        char name[32];
        snprintf(name, sizeof name, "m%ld", n);
        base_alloc_fail_at(n, 0);
        int code = store(folder, name);
        base_alloc_fail_at(0, 0);
        if ((code != 0 && code != STANCE_ENOMEMORY) || base_alloc_live() != live)
            fail_msg("allocation %ld of %ld: %d %s", n, count, code, stance_error_text());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sdk_files_are_a_card),
        cmocka_unit_test(test_sdk_files_may_give_no_mean),
        cmocka_unit_test(test_a_folder_is_a_model),
        cmocka_unit_test(test_names_inside_of_archives),
        cmocka_unit_test(test_a_model_in_an_archive_outlives_it),
        cmocka_unit_test(test_allocations_fail_while_an_archive_is_read),
        cmocka_unit_test(test_what_is_stored_has_its_digest),
        cmocka_unit_test(test_a_model_that_cannot_be_written_leaves_no_card),
        cmocka_unit_test(test_names_that_no_model_can_have),
        cmocka_unit_test(test_all_cards_are_good),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
