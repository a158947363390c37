/* SHA-256 against the published examples, in any pieces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "support/support.h"

/* FIPS 180-4's examples (NIST, CSRC) and the empty message. */
static const struct {
    const char *message, *digest;
} known[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static const char million[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void test_known_messages_have_their_digests(void **state)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[BASE_SHA256_TEXT];
        base_sha256(known[i].message, strlen(known[i].message), text);
        assert_string_equal(text, known[i].digest);
    }
}

static void test_pieces_give_the_digest_of_the_whole(void **state)
{
    static char letters[1000000];
    memset(letters, 'a', sizeof letters);
    for (size_t piece = 1; piece < 200000; piece = piece * 3 + 1) {
        struct base_sha256 sum;
        char text[BASE_SHA256_TEXT];
        base_sha256_begin(&sum);
        for (size_t at = 0; at < sizeof letters; at += piece)
            base_sha256_add(&sum, letters + at,
                            sizeof letters - at < piece ? sizeof letters - at : piece);
        base_sha256_end(&sum, text);
        assert_string_equal(text, million);
    }
}

/* Padding takes one block or two. */
static void test_every_length_around_a_block(void **state)
{
    char message[200], text[BASE_SHA256_TEXT], again[BASE_SHA256_TEXT];
    memset(message, 'x', sizeof message);
    for (size_t size = 0; size < sizeof message; size++) {
        struct base_sha256 sum;
        base_sha256(message, size, text);
        base_sha256_begin(&sum);
        for (size_t i = 0; i < size; i++)
            base_sha256_add(&sum, message + i, 1);
        base_sha256_end(&sum, again);
        assert_string_equal(text, again);
    }
}

static void test_a_file_has_the_digest_of_its_bytes(void **state)
{
    char path[4096], text[BASE_SHA256_TEXT];
    snprintf(path, sizeof path, "%s/abc", support_temp_folder());
    assert_int_equal(base_file_write(path, "abc", 3), 0);
    assert_int_equal(base_sha256_file(path, 3, text), 0);
    assert_string_equal(text, known[1].digest);
    assert_int_equal(base_sha256_file(path, 2, text), STANCE_ELIMIT);
    assert_int_equal(base_sha256_file("absent/file", 100, text), STANCE_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_messages_have_their_digests),
        cmocka_unit_test(test_pieces_give_the_digest_of_the_whole),
        cmocka_unit_test(test_every_length_around_a_block),
        cmocka_unit_test(test_a_file_has_the_digest_of_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
