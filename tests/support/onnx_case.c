/* Reading the conformance archive: gzip by zlib, tar by hand, TensorProto over the wire reader. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "onnx/wire.h"
#include "support/onnx_case.h"

enum { TAR_BLOCK = 512, MAX_ARCHIVE = 64 << 20, MAX_CASES = 8192 };

/* ---- Archive --------------------------------------------------------------------------------- */

static int inflate_file(unsigned char **out, size_t *size, const char *path)
{
    gzFile file = gzopen(path, "rb");
    if (!file)
        return base_error(STANCE_EIO, "cannot open %s", path);
    *out = base_alloc(MAX_ARCHIVE);
    int got = *out ? gzread(file, *out, MAX_ARCHIVE) : -1;
    gzclose(file);
    *size = got > 0 ? (size_t)got : 0;
    return got > 0 ? 0 : base_error(STANCE_EIO, "cannot read %s", path);
}

static size_t tar_size(const unsigned char *header)
{
    size_t size = 0;
    for (int i = 124; i < 136 && header[i] >= '0' && header[i] <= '7'; i++)
        size = size * 8 + (size_t)(header[i] - '0');
    return size;
}

/* The case called like the folder after "node/test_", made on first sight. */
static struct onnx_case *find_case(struct onnx_cases *cases, const char *name, size_t length)
{
    if (length >= ONNX_CASE_NAME)
        return NULL;
    for (int i = cases->count - 1; i >= 0; i--)
        if (strlen(cases->cases[i].name) == length &&
            memcmp(cases->cases[i].name, name, length) == 0)
            return &cases->cases[i];
    if (cases->count == MAX_CASES)
        return NULL;
    struct onnx_case *made = &cases->cases[cases->count++];
    memcpy(made->name, name, length);
    return made;
}

/* "node/test_NAME/model.onnx", "node/test_NAME/test_data_set_0/input_0.pb" */
static void add_entry(struct onnx_cases *cases, const char *path, struct onnx_case_bytes bytes)
{
    static const char prefix[] = "node/test_";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return;
    const char *name = path + sizeof prefix - 1, *slash = strchr(name, '/');
    struct onnx_case *entry = slash ? find_case(cases, name, (size_t)(slash - name)) : NULL;
    if (!entry)
        return;
    const char *file = strrchr(slash, '/') + 1;
    char *end;
    if (strcmp(file, "model.onnx") == 0) {
        entry->model = bytes;
    } else if (strncmp(file, "input_", 6) == 0) {
        long i = strtol(file + 6, &end, 10);
        if (i >= 0 && i < ONNX_CASE_TENSORS)
            entry->inputs[i] = bytes;
    } else if (strncmp(file, "output_", 7) == 0) {
        long i = strtol(file + 7, &end, 10);
        if (i >= 0 && i < ONNX_CASE_TENSORS)
            entry->outputs[i] = bytes;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct onnx_case *)a)->name, ((const struct onnx_case *)b)->name);
}

int onnx_cases_open(struct onnx_cases *out, const char *path)
{
    size_t size = 0;
    *out = (struct onnx_cases){0};
    BASE_TRY(inflate_file(&out->archive, &size, path));
    out->cases = base_alloc_zero(MAX_CASES, sizeof *out->cases);
    if (!out->cases)
        return base_error_memory(MAX_CASES * sizeof *out->cases, "cases");
    for (size_t at = 0; at + TAR_BLOCK <= size && out->archive[at];) {
        const unsigned char *header = out->archive + at;
        char name[TAR_BLOCK] = "";
        memcpy(name, header, 100);
        size_t bytes = tar_size(header);
        at += TAR_BLOCK;
        if (bytes > size - at)
            return base_error(STANCE_EFORMAT, "%s ends inside %s", path, name);
        if (header[156] == '0' || header[156] == 0)
            add_entry(out, name, (struct onnx_case_bytes){out->archive + at, bytes});
        at += (bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
    qsort(out->cases, (size_t)out->count, sizeof *out->cases, by_name);
    return 0;
}

void onnx_cases_close(struct onnx_cases *cases)
{
    base_free(cases->archive);
    base_free(cases->cases);
    *cases = (struct onnx_cases){0};
}

/* ---- TensorProto ----------------------------------------------------------------------------- */

/* Numbers of the fields (onnx.proto, TensorProto). */
enum {
    DIMS = 1,
    DATA_TYPE = 2,
    FLOATS = 4,
    INT32S = 5,
    INT64S = 7,
    RAW = 9,
    DOUBLES = 10,
    UINT64S
};

static enum onnx_wire_type wire_type(uint32_t field)
{
    return field == FLOATS    ? ONNX_WIRE_FIXED32
           : field == DOUBLES ? ONNX_WIRE_FIXED64
                              : ONNX_WIRE_VARINT;
}

static int read_header(const struct onnx_case_bytes *bytes, int *dtype, struct tensor_shape *shape)
{
    struct onnx_wire wire = onnx_wire_make(bytes->data, bytes->size);
    struct onnx_field field;
    int more;
    *dtype = 0;
    shape->rank = 0;
    while ((more = onnx_wire_next(&wire, &field)) > 0) {
        size_t count;
        uint64_t value;
        if (field.number == DATA_TYPE && field.type == ONNX_WIRE_VARINT && field.value < 32)
            *dtype = (int)field.value;
        if (field.number != DIMS)
            continue;
        BASE_TRY(onnx_field_count(&field, ONNX_WIRE_VARINT, &count));
        struct onnx_numbers numbers = onnx_field_numbers(&field);
        for (; count > 0 && shape->rank < STANCE_MAX_RANK; count--) {
            BASE_TRY(onnx_numbers_next(&numbers, ONNX_WIRE_VARINT, &value));
            shape->dims[shape->rank++] = (int64_t)value;
        }
    }
    return more;
}

/* Element `i` from the bits of a typed field. */
static void set_element(const struct stance_tensor *view, int64_t i, uint32_t field, uint64_t bits)
{
    if (field == FLOATS) {
        uint32_t low = (uint32_t)bits;
        memcpy((float *)view->data + i, &low, sizeof low);
    } else if (field == DOUBLES) {
        memcpy((double *)view->data + i, &bits, sizeof bits);
    } else {
        size_t size = stance_dtype_size(view->dtype);
        memcpy((char *)view->data + (size_t)i * size, &bits, size);
    }
}

static int read_values(const struct onnx_case_bytes *bytes, const struct stance_tensor *view)
{
    struct onnx_wire wire = onnx_wire_make(bytes->data, bytes->size);
    struct onnx_field field;
    int64_t at = 0, total = stance_tensor_count(view);
    int more;
    while ((more = onnx_wire_next(&wire, &field)) > 0) {
        uint32_t n = field.number;
        if (n == RAW && field.type == ONNX_WIRE_BYTES && field.size == tensor_bytes(view)) {
            if (field.size > 0)
                memcpy(view->data, field.data, field.size);
            at = total;
        }
        if (n != FLOATS && n != INT32S && n != INT64S && n != DOUBLES && n != UINT64S)
            continue;
        size_t count;
        uint64_t bits;
        BASE_TRY(onnx_field_count(&field, wire_type(n), &count));
        struct onnx_numbers numbers = onnx_field_numbers(&field);
        for (; count > 0 && at < total; count--) {
            BASE_TRY(onnx_numbers_next(&numbers, wire_type(n), &bits));
            set_element(view, at++, n, bits);
        }
    }
    if (more == 0 && at != total)
        return base_error(STANCE_EFORMAT, "%lld of %lld values", (long long)at, (long long)total);
    return more;
}

int onnx_case_tensor(struct tensor **out, const struct onnx_case_bytes *bytes)
{
    int dtype;
    struct tensor_shape shape;
    *out = NULL;
    BASE_TRY(read_header(bytes, &dtype, &shape));
    if (stance_dtype_size(dtype) == 0)
        return base_error(STANCE_EUNSUPPORTED, "element type %d", dtype);
    BASE_TRY(tensor_open(out, dtype, &shape));
    int code = read_values(bytes, &(*out)->view);
    if (code < 0)
        tensor_close(out);
    return code;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static bool close_enough(double a, double b, int dtype)
{
    bool half = dtype == STANCE_FLOAT16 || dtype == STANCE_BFLOAT16;
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b))
        return a == b;
    return fabs(a - b) <= (half ? 1e-3 + 1e-2 * fabs(b) : 1e-5 + 1e-3 * fabs(b));
}

bool onnx_case_agrees(const struct stance_tensor *tensor, const struct stance_tensor *expected)
{
    struct tensor_shape a = tensor_shape_of(tensor), b = tensor_shape_of(expected);
    char left[TENSOR_SHAPE_TEXT], right[TENSOR_SHAPE_TEXT];
    if (tensor->dtype != expected->dtype || !tensor_shape_equal(&a, &b)) {
        base_error(STANCE_ESHAPE, "%s %s instead of %s %s", stance_dtype_name(tensor->dtype),
                   tensor_shape_text(&a, left), stance_dtype_name(expected->dtype),
                   tensor_shape_text(&b, right));
        return false;
    }
    int64_t count = stance_tensor_count(expected);
    size_t size = stance_dtype_size(expected->dtype);
    bool is_float = expected->dtype == STANCE_FLOAT32 || expected->dtype == STANCE_FLOAT64 ||
                    expected->dtype == STANCE_FLOAT16 || expected->dtype == STANCE_BFLOAT16;
    for (int64_t i = 0; i < count; i++) {
        const char *x = (const char *)tensor->data + (size_t)i * size;
        const char *y = (const char *)expected->data + (size_t)i * size;
        double p = tensor_float(tensor, i), q = tensor_float(expected, i);
        if (is_float ? close_enough(p, q, expected->dtype) : memcmp(x, y, size) == 0)
            continue;
        base_error(STANCE_EFORMAT, "element %lld of %s is %.9g instead of %.9g", (long long)i,
                   tensor_shape_text(&b, right), p, q);
        return false;
    }
    return true;
}
