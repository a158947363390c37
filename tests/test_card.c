/* Model cards: what is read from them, what they change, and cards that are none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/family.h"
#include "stance/card.h"
#include "stance/preset.h"
#include "support/support.h"

static const char whole[] =
    "{\"stance_card\": 1, \"name\": \"mine\", \"title\": \"hands \\u201cup\\u201d\",\n"
    " \"family\": \"simcc\", \"keypoint_set\": \"halpe26\", \"storage\": \"float16\",\n"
    " \"input\": {\"width\": 48, \"height\": 64, \"colours\": \"bgr\", \"mean\": [1, 2.5, 3],\n"
    "           \"std\": [4, 5, 6]},\n"
    " \"parameters\": 12345, \"multiply_adds\": null, \"sha256\": \"00\", \"licence\": \"mine\",\n"
    " \"training_data\": \"my photos\", \"notice\": \"none\", \"something_new\": [[]],\n"
    " \"metrics\": [{\"name\": \"AP\", \"value\": 0.5, \"low\": 0.25, \"high\": 1, \"note\": "
    "\"n\"},\n"
    "             {\"name\": \"PCK\", \"value\": null}]}\n";

static const char least[] =
    "{\"stance_card\": 1, \"name\": \"\", \"family\": \"?\", \"input\": {\"width\": 1, "
    "\"height\": 1, \"colours\": \"rgb\", \"mean\": [0, 0, 0], \"std\": [1, 1, 1]}}";

static const char *model_path(void)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/net.onnx", support_temp_folder());
    return path;
}

static void write_card(const char *text, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/net.json", support_temp_folder());
    assert_int_equal(base_file_write(path, text, size), 0);
    assert_int_equal(base_file_write(model_path(), "x", 1), 0);
}

static int open_text(struct stance_card **card, const char *text)
{
    write_card(text, strlen(text));
    return stance_card_open(card, model_path());
}

/* The card beside the model applied to its traits; 0 without one. */
static int apply(struct model_traits *traits)
{
    struct stance_card *card;
    int code = model_card_find(&card, model_path());
    if (code == 0 && card)
        code = model_card_apply(traits, card);
    stance_card_close(&card);
    return code;
}

static void test_every_field_is_read(void **state)
{
    struct stance_card *card;
    assert_int_equal(open_text(&card, whole), 0);
    assert_string_equal(card->path, model_path());
    assert_string_equal(card->name, "mine");
    assert_string_equal(card->title, "hands “up”");
    assert_string_equal(card->family, "simcc");
    assert_string_equal(card->keypoint_set, "halpe26");
    assert_string_equal(card->storage, "float16");
    assert_string_equal(card->sha256, "00");
    assert_string_equal(card->licence, "mine");
    assert_string_equal(card->training_data, "my photos");
    assert_string_equal(card->notice, "none");
    assert_int_equal(card->width, 48);
    assert_int_equal(card->height, 64);
    assert_true(card->bgr);
    assert_memory_equal(card->mean, ((const float[]){1, 2.5f, 3}), sizeof card->mean);
    assert_memory_equal(card->std, ((const float[]){4, 5, 6}), sizeof card->std);
    assert_int_equal(card->parameters, 12345);
    assert_int_equal(card->multiply_adds, -1);
    assert_int_equal(card->metric_count, 2);
    assert_string_equal(card->metrics[0].name, "AP");
    assert_true(card->metrics[0].value == 0.5 && card->metrics[0].low == 0.25 &&
                card->metrics[0].high == 1);
    assert_string_equal(card->metrics[0].note, "n");
    assert_true(isnan(card->metrics[1].value) && isnan(card->metrics[1].low));
    assert_null(card->metrics[1].note);
    assert_string_equal(card->json, whole);
    stance_card_close(&card);
    assert_null(card);
    stance_card_close(&card);
}

static void test_most_fields_may_be_left_out(void **state)
{
    struct stance_card *card;
    assert_int_equal(open_text(&card, least), 0);
    assert_null(card->title);
    assert_null(card->licence);
    assert_int_equal(card->parameters, -1);
    assert_int_equal(card->metric_count, 0);
    stance_card_close(&card);
}

static void test_other_json_beside_a_model_is_no_card(void **state)
{
    static const char *const others[] = {"{}", "[1, 2]", "3", "null", "{\"name\": \"pipeline\"}"};
    struct model_traits traits = {.family = &model_simcc};
    struct stance_card *card;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(open_text(&card, others[i]), STANCE_ENOTFOUND);
        assert_null(card);
        assert_int_equal(apply(&traits), 0);
    }
    assert_int_equal(stance_card_open(&card, "absent/net.onnx"), STANCE_ENOTFOUND);
}

/* What stands in a card instead of what should, and a part of the sentence about it. */
static const struct {
    const char *from, *to, *says;
    int code;
} wrong[] = {
    {"\"stance_card\": 1", "\"stance_card\": 2", "reads 1", STANCE_EUNSUPPORTED},
    {"\"stance_card\": 1", "\"stance_card\": \"1\"", "stance_card", STANCE_EFORMAT},
    {"\"name\": \"mine\"", "\"name\": 5", "name", STANCE_EFORMAT},
    {"\"title\"", "\"name\"", "duplicate", STANCE_EFORMAT},
    {"\"simcc\"", "null", "family", STANCE_EFORMAT},
    {"\"halpe26\"", "[]", "keypoint_set", STANCE_EFORMAT},
    {"48", "0", "width", STANCE_EFORMAT},
    {"64", "1e9", "height", STANCE_EFORMAT},
    {"\"bgr\"", "\"yuv\"", "yuv", STANCE_EFORMAT},
    {"[1, 2.5, 3]", "[1, 2]", "mean", STANCE_EFORMAT},
    {"[4, 5, 6]", "[4, 0, 6]", "std", STANCE_EFORMAT},
    {"12345", "-1", "parameters", STANCE_EFORMAT},
    {"\"input\"", "\"output\"", "colours", STANCE_EFORMAT},
    {"[{\"name\": \"AP\"", "[4, {\"name\": \"AP\"", "name", STANCE_EFORMAT},
    {"\"value\": 0.5", "\"value\": \"high\"", "value", STANCE_EFORMAT},
    {"\"metrics\": [", "\"metrics\": {}, \"x\": [", "metrics", STANCE_EFORMAT},
};

static void test_wrong_cards_get_a_sentence(void **state)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[2048];
        struct stance_card *card;
        const char *at = strstr(whole, wrong[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, wrong[i].to,
                 at + strlen(wrong[i].from));
        int code = open_text(&card, text);
        if (code != wrong[i].code || !strstr(stance_error_text(), wrong[i].says) ||
            !strstr(stance_error_text(), "net.json"))
            fail_msg("%s: %d %s", wrong[i].to, code, stance_error_text());
        assert_null(card);
    }
}

static void test_cut_and_damaged_cards_are_refused(void **state)
{
    char text[sizeof whole];
    struct stance_card *card;
    for (size_t cut = 1; cut + 2 < sizeof whole; cut++) {
        write_card(whole, cut);
        assert_int_equal(stance_card_open(&card, model_path()), STANCE_EFORMAT);
        memcpy(text, whole, sizeof whole);
        text[cut] ^= 0x55;
        write_card(text, sizeof whole - 1);
        if (stance_card_open(&card, model_path()) == 0)
            stance_card_close(&card);
        assert_null(card);
    }
    static char huge[300 << 10];
    memset(huge, ' ', sizeof huge);
    write_card(huge, sizeof huge);
    assert_int_equal(stance_card_open(&card, model_path()), STANCE_ELIMIT);
}

static struct model_traits traits_of(const struct model_family *family, int keypoints)
{
    return (struct model_traits){.family = family,
                                 .input = {.width = 48, .height = 64, .scale = 1, .std = {1, 1, 1}},
                                 .keypoint_count = keypoints};
}

static void test_a_card_says_how_pictures_are_normalised(void **state)
{
    struct model_traits traits = traits_of(&model_simcc, 26);
    write_card(whole, sizeof whole - 1);
    assert_int_equal(apply(&traits), 0);
    assert_true(traits.input.bgr);
    assert_memory_equal(traits.input.mean, ((const float[]){1, 2.5f, 3}), 12);
    assert_memory_equal(traits.input.std, ((const float[]){4, 5, 6}), 12);
    assert_ptr_equal(traits.keypoint_set, stance_keypoint_set_find("halpe26"));
}

static void test_a_card_of_another_network_is_refused(void **state)
{
    struct model_traits other_family = traits_of(&model_heatmap, 26);
    struct model_traits other_count = traits_of(&model_simcc, 17);
    write_card(whole, sizeof whole - 1);
    assert_int_equal(apply(&other_family), STANCE_EMODEL);
    assert_non_null(strstr(stance_error_text(), "heatmap"));
    assert_int_equal(apply(&other_count), STANCE_EMODEL);
    assert_non_null(strstr(stance_error_text(), "26 keypoints"));
}

static void test_every_allocation_may_fail(void **state)
{
    struct stance_card *card;
    assert_int_equal(open_text(&card, whole), 0);
    stance_card_close(&card);
    long count = base_alloc_count(), live = base_alloc_live();
    assert_int_equal(stance_card_open(&card, model_path()), 0);
    stance_card_close(&card);
    count = base_alloc_count() - count;
    for (long n = 1; n <= count; n++) {
        base_alloc_fail_at(n, 0);
        int code = stance_card_open(&card, model_path());
        base_alloc_fail_at(0, 0);
        if (code != STANCE_ENOMEMORY || card || base_alloc_live() != live)
            fail_msg("allocation %ld of %ld: %d %s", n, count, code, stance_error_text());
    }
}

static void check_card(const struct stance_preset *preset, const char *name, const char *family)
{
    struct stance_card *card;
    if (stance_card_open(&card, name) < 0)
        fail_msg("%s-%s: %s", preset->task, preset->mode, stance_error_text());
    bool detects = strcmp(card->family, "rtmdet") == 0 || strcmp(card->family, "yolox") == 0;
    if (strcmp(family, "detector") == 0 ? !detects
        : strcmp(family, "rtmo") == 0   ? strcmp(card->family, family) != 0
                                        : detects || strcmp(card->family, "rtmo") == 0)
        fail_msg("%s-%s: %s is of the family %s", preset->task, preset->mode, name, card->family);
    assert_true(card->url_count > 0);
    stance_card_close(&card);
}

static void test_presets_name_models_that_can_be_pulled(void **state)
{
    const struct stance_preset *preset;
    int count = 0;
    for (; (preset = stance_preset_at(count)); count++) {
        char name[64];
        if (preset->detector && strcmp(preset->detector, "center") != 0)
            check_card(preset, preset->detector, "detector");
        check_card(preset, preset->pose, preset->detector ? "pose" : "rtmo");
        assert_true(preset->detector_classes[1] == 0 || strcmp(preset->task, "animal") == 0);
        snprintf(name, sizeof name, "%s-%s", preset->task, preset->mode);
        assert_ptr_equal(stance_preset_find(name), preset);
    }
    assert_int_equal(count, 7 * 3 + 5);
    assert_ptr_equal(stance_preset_find("balanced"), stance_preset_find("body-balanced"));
    assert_string_equal(stance_preset_find("s")->pose, "rtmpose-s");
    assert_null(stance_preset_find("feet"));
    assert_null(stance_preset_find("feet-s"));
    assert_null(stance_preset_find(""));
    assert_null(stance_preset_at(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_is_read),
        cmocka_unit_test(test_most_fields_may_be_left_out),
        cmocka_unit_test(test_other_json_beside_a_model_is_no_card),
        cmocka_unit_test(test_wrong_cards_get_a_sentence),
        cmocka_unit_test(test_cut_and_damaged_cards_are_refused),
        cmocka_unit_test(test_a_card_says_how_pictures_are_normalised),
        cmocka_unit_test(test_a_card_of_another_network_is_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_presets_name_models_that_can_be_pulled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
