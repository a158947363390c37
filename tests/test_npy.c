/* .npy files: what numpy writes is read, what is written numpy reads, bad files are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/support.h"
#include "tensor/npy_format.h"
#include "tensor/storage.h"

/* A file with this header text (not padded) and these values. */
static int parse_parts(int major, const char *header, const void *values, size_t size,
                       struct stance_tensor *out)
{
    unsigned char bytes[2048] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)major, 0};
    size_t length = strlen(header), at = major == 1 ? 10 : 12;
    bytes[8] = (unsigned char)length;
    bytes[9] = (unsigned char)(length >> 8);
    assert_true(at + length + size <= sizeof bytes);
    memcpy(bytes + at, header, length);
    if (size)
        memcpy(bytes + at + length, values, size);
    unsigned char *copy = base_alloc(at + length + size);
    memcpy(copy, bytes, at + length + size);
    int code = tensor_npy_parse(copy, at + length + size, out);
    base_free(copy);
    if (code < 0)
        assert_null(out->data);
    return code;
}

static void test_every_type_is_written_and_read(void **state)
{
    static const int types[] = {STANCE_FLOAT32, STANCE_UINT8,   STANCE_INT8,   STANCE_UINT16,
                                STANCE_INT16,   STANCE_INT32,   STANCE_INT64,  STANCE_BOOL,
                                STANCE_FLOAT16, STANCE_FLOAT64, STANCE_UINT32, STANCE_UINT64};
    char path[1024];
    snprintf(path, sizeof path, "%s/types.npy", support_temp_folder());
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (int rank = 0; rank <= STANCE_MAX_RANK; rank++) {
            unsigned char values[64 * 8];
            struct stance_tensor tensor = {types[i], rank, {0}, values}, back;
            for (size_t k = 0; k < sizeof values; k++)
                values[k] = (unsigned char)(types[i] == STANCE_BOOL ? k % 2 : k * 7);
            for (int k = 0; k < rank; k++)
                tensor.dims[k] = k < 3 ? k + 2 : 1;
            assert_int_equal(stance_tensor_write_npy(&tensor, path), 0);
            assert_int_equal(stance_tensor_read_npy(&back, path), 0);
            assert_int_equal(back.dtype, types[i]);
            assert_int_equal(back.rank, rank);
            assert_memory_equal(back.dims, tensor.dims, (size_t)rank * 8);
            assert_memory_equal(back.data, values, tensor_bytes(&tensor));
            stance_tensor_free(&back);
            assert_null(back.data);
        }
}

static void test_the_header_is_as_numpy_writes_it(void **state)
{
    float values[6] = {0};
    const struct stance_tensor tensor = {STANCE_FLOAT32, 2, {2, 3}, values};
    struct base_buffer bytes;
    base_buffer_init(&bytes, 1000);
    assert_int_equal(tensor_npy_format(&tensor, &bytes), 0);
    assert_int_equal(bytes.size, 128 + sizeof values);
    assert_memory_equal(bytes.data,
                        "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, "
                        "'shape': (2, 3), }   ",
                        70);
    assert_int_equal(bytes.data[127], '\n');
    base_buffer_free(&bytes);
}

static void test_fortran_order_is_turned(void **state)
{
    static const int32_t stored[] = {0, 12, 4, 16, 8,  20, 1, 13, 5, 17, 9,  21,
                                     2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23};
    struct stance_tensor tensor;
    assert_int_equal(parse_parts(1, "{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3, 4)}",
                                 stored, sizeof stored, &tensor),
                     0);
    for (int i = 0; i < 24; i++)
        assert_int_equal(((int32_t *)tensor.data)[i], i);
    stance_tensor_free(&tensor);
}

static void test_all_forms_of_a_header_are_read(void **state)
{
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }            \n",
        "{'descr':'<f4','fortran_order':False,'shape':(1,)}",
        "{'shape': (1,), 'descr': \"=f4\", 'fortran_order': False}\n",
        "{'descr': '<f4', 'fortran_order': True, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1,)}",
    };
    const float value = 2.5f;
    struct stance_tensor tensor;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        for (int major = 1; major <= 3; major++) {
            assert_int_equal(parse_parts(major, headers[i], &value, 4, &tensor), 0);
            assert_true(*(float *)tensor.data == 2.5f);
            stance_tensor_free(&tensor);
        }
}

static void test_empty_tensors_are_read(void **state)
{
    struct stance_tensor tensor;
    assert_int_equal(parse_parts(1,
                                 "{'descr': '<f8', 'fortran_order': True, "
                                 "'shape': (0, 1000, 1000, 100)}",
                                 NULL, 0, &tensor),
                     0);
    assert_int_equal(stance_tensor_count(&tensor), 0);
    assert_int_equal(tensor.rank, 4);
    stance_tensor_free(&tensor);
}

static void test_bad_headers_are_refused(void **state)
{
    static const struct {
        const char *header;
        int code;
    } rows[] = {
        {"", STANCE_EFORMAT},
        {"{}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [1]}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", STANCE_EFORMAT},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", STANCE_EFORMAT},
        {"{'descr: '<f4', 'fortran_order': False, 'shape': (1,)}", STANCE_EFORMAT},
        {"{'descr': '<f4", STANCE_EFORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
         STANCE_ELIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536)}", STANCE_ELIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
         STANCE_EUNSUPPORTED},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", STANCE_EUNSUPPORTED},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", STANCE_EUNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", STANCE_EUNSUPPORTED},
        {"{'descr': '', 'fortran_order': False, 'shape': (1,)}", STANCE_EUNSUPPORTED},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (1,)}", STANCE_EUNSUPPORTED},
        {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,)}", STANCE_EUNSUPPORTED},
    };
    struct stance_tensor tensor;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (parse_parts(1, rows[i].header, "1234", 4, &tensor) != rows[i].code)
            fail_msg("%s: %s", rows[i].header, stance_error_text());
    parse_parts(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "1234", 4, &tensor);
    assert_non_null(strstr(stance_error_text(), "big-endian"));
}

static void test_the_length_must_match_the_shape(void **state)
{
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}";
    struct stance_tensor tensor;
    assert_int_equal(parse_parts(1, header, "12345678", 8, &tensor), 0);
    stance_tensor_free(&tensor);
    assert_int_equal(parse_parts(1, header, "12345678", 7, &tensor), STANCE_EFORMAT);
    assert_int_equal(parse_parts(1, header, "123456789", 9, &tensor), STANCE_EFORMAT);
    assert_int_equal(parse_parts(4, header, "12345678", 8, &tensor), STANCE_EUNSUPPORTED);
    assert_int_equal(parse_parts(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}",
                                 "\0\2", 2, &tensor),
                     STANCE_EFORMAT);
}

static void test_truncation_at_every_byte_is_refused(void **state)
{
    int16_t values[3] = {1, 2, 3};
    const struct stance_tensor tensor = {STANCE_INT16, 1, {3}, values};
    struct stance_tensor back;
    struct base_buffer bytes;
    base_buffer_init(&bytes, 1000);
    assert_int_equal(tensor_npy_format(&tensor, &bytes), 0);
    for (size_t size = 0; size < bytes.size; size++) {
        unsigned char *copy = base_alloc(size);
        memcpy(copy, bytes.data, size);
        assert_int_equal(tensor_npy_parse(copy, size, &back), STANCE_EFORMAT);
        base_free(copy);
    }
    base_buffer_free(&bytes);
}

static void test_what_cannot_be_written_is_refused(void **state)
{
    struct stance_tensor tensor = {STANCE_BFLOAT16, 0, {0}, NULL};
    char path[1024];
    snprintf(path, sizeof path, "%s/never.npy", support_temp_folder());
    assert_int_equal(stance_tensor_write_npy(&tensor, path), STANCE_ETYPE);
    tensor = (struct stance_tensor){STANCE_FLOAT32, 1, {-1}, NULL};
    assert_int_equal(stance_tensor_write_npy(&tensor, path), STANCE_ESHAPE);
    assert_false(base_file_exists(path));
    assert_int_equal(stance_tensor_read_npy(&tensor, path), STANCE_ENOTFOUND);
    stance_tensor_free(&tensor);
    stance_tensor_free(NULL);
}

static void test_files_of_numpy_are_read(void **state)
{
    char path[1024];
    struct stance_tensor tensor;
    if (!support_shared_path(path, sizeof path, "models-structure/expected/stgcn.cls_score.npy"))
        skip();
    assert_int_equal(stance_tensor_read_npy(&tensor, path), 0);
    assert_int_equal(tensor.dtype, STANCE_FLOAT32);
    assert_int_equal(tensor.rank, 2);
    assert_int_equal(tensor.dims[1], 60);
    assert_tensors_close(&tensor, &tensor, 0);
    stance_tensor_free(&tensor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_is_written_and_read),
        cmocka_unit_test(test_the_header_is_as_numpy_writes_it),
        cmocka_unit_test(test_fortran_order_is_turned),
        cmocka_unit_test(test_all_forms_of_a_header_are_read),
        cmocka_unit_test(test_empty_tensors_are_read),
        cmocka_unit_test(test_bad_headers_are_refused),
        cmocka_unit_test(test_the_length_must_match_the_shape),
        cmocka_unit_test(test_truncation_at_every_byte_is_refused),
        cmocka_unit_test(test_what_cannot_be_written_is_refused),
        cmocka_unit_test(test_files_of_numpy_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
