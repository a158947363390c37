/* .npy files (numpy.lib.format, versions 1.0 to 3.0): a magic number, a header that is a Python
 * dict literal with exactly the keys descr, fortran_order and shape, and the values. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "tensor/npy_format.h"
#include "tensor/storage.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)
enum { MAX_HEADER_BYTES = 64 << 10 };

static const struct {
    const char *descr; /* without the byte order */
    int dtype;
} types[] = {
    {"f4", STANCE_FLOAT32}, {"u1", STANCE_UINT8},   {"i1", STANCE_INT8},   {"u2", STANCE_UINT16},
    {"i2", STANCE_INT16},   {"i4", STANCE_INT32},   {"i8", STANCE_INT64},  {"b1", STANCE_BOOL},
    {"f2", STANCE_FLOAT16}, {"f8", STANCE_FLOAT64}, {"u4", STANCE_UINT32}, {"u8", STANCE_UINT64},
};

/* ---- The header ------------------------------------------------------------------------------ */

struct cursor {
    const char *at, *end;
};

static int bad_header(const char *why)
{
    return base_error(STANCE_EFORMAT, ".npy header: %s", why);
}

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n'))
        cursor->at++;
}

static bool take(struct cursor *cursor, char wanted)
{
    skip_space(cursor);
    if (cursor->at == cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

static bool take_word(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);
    skip_space(cursor);
    if ((size_t)(cursor->end - cursor->at) < size || memcmp(cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

/* A quoted string without escapes. */
static int take_string(struct cursor *cursor, char *out, size_t size)
{
    skip_space(cursor);
    char quote = cursor->at < cursor->end ? *cursor->at : 0;
    if (quote != '\'' && quote != '"')
        return bad_header("a quoted text should be here");
    const char *begin = ++cursor->at;
    while (cursor->at < cursor->end && *cursor->at != quote && *cursor->at != '\\')
        cursor->at++;
    size_t length = (size_t)(cursor->at - begin);
    if (cursor->at == cursor->end || *cursor->at != quote || length >= size)
        return bad_header("a text does not end or is too long");
    cursor->at++;
    memcpy(out, begin, length);
    out[length] = 0;
    return 0;
}

static int take_descr(struct cursor *cursor, int *dtype)
{
    char descr[32];
    skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == '[')
        return base_error(STANCE_EUNSUPPORTED, ".npy: records (structured types) are not read");
    BASE_TRY(take_string(cursor, descr, sizeof descr));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (!descr[0] || strcmp(descr + 1, types[i].descr) != 0)
            continue;
        bool byte = types[i].descr[1] == '1';
        if (descr[0] == '>' && !byte)
            return base_error(STANCE_EUNSUPPORTED,
                              ".npy: big-endian values ('%s') are not read; convert them with "
                              "array.astype('<%s')",
                              descr, types[i].descr);
        if (!strchr(byte ? "|<>=" : "<=", descr[0]))
            break;
        *dtype = types[i].dtype;
        return 0;
    }
    return base_error(STANCE_EUNSUPPORTED, ".npy: values of type '%s' are not read", descr);
}

static int take_dim(struct cursor *cursor, int64_t *dim)
{
    const char *begin = cursor->at;
    *dim = 0;
    for (; cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'; cursor->at++) {
        if (*dim > TENSOR_MAX_COUNT)
            return base_error(STANCE_ELIMIT, ".npy: a dim is larger than %lld",
                              (long long)TENSOR_MAX_COUNT);
        *dim = *dim * 10 + (*cursor->at - '0');
    }
    return cursor->at == begin ? bad_header("a dim is not a number") : 0;
}

static int take_shape(struct cursor *cursor, struct tensor_shape *shape)
{
    *shape = (struct tensor_shape){0};
    if (!take(cursor, '('))
        return bad_header("the shape is not a tuple");
    bool comma = true;
    while (!take(cursor, ')')) {
        if (!comma)
            return bad_header("the shape has no comma between its dims");
        if (shape->rank == STANCE_MAX_RANK)
            return base_error(STANCE_EUNSUPPORTED, ".npy: more than %d dims", STANCE_MAX_RANK);
        skip_space(cursor);
        BASE_TRY(take_dim(cursor, &shape->dims[shape->rank++]));
        comma = take(cursor, ',');
    }
    if (shape->rank == 1 && !comma)
        return bad_header("the shape is not a tuple");
    return 0;
}

struct header {
    int dtype;
    bool fortran;
    struct tensor_shape shape;
};

static int take_entry(struct cursor *cursor, struct header *header, unsigned *seen)
{
    char key[32];
    BASE_TRY(take_string(cursor, key, sizeof key));
    unsigned bit = strcmp(key, "descr") == 0           ? 1
                   : strcmp(key, "fortran_order") == 0 ? 2
                   : strcmp(key, "shape") == 0         ? 4
                                                       : 0;
    if (bit == 0 || (*seen & bit) || !take(cursor, ':'))
        return bad_header("a key is unknown, repeated or without value");
    *seen |= bit;
    if (bit == 1)
        return take_descr(cursor, &header->dtype);
    if (bit == 4)
        return take_shape(cursor, &header->shape);
    header->fortran = take_word(cursor, "True");
    if (!header->fortran && !take_word(cursor, "False"))
        return bad_header("fortran_order is neither True nor False");
    return 0;
}

static int read_dict(struct cursor *cursor, struct header *header)
{
    unsigned seen = 0;
    bool comma = true;
    if (!take(cursor, '{'))
        return bad_header("not a dict");
    while (!take(cursor, '}')) {
        if (!comma)
            return bad_header("no comma between two entries");
        BASE_TRY(take_entry(cursor, header, &seen));
        comma = take(cursor, ',');
    }
    skip_space(cursor);
    if (cursor->at != cursor->end)
        return bad_header("something follows the dict");
    if (seen != 7)
        return bad_header("descr, fortran_order or shape is missing");
    return 0;
}

/* Sets `begin` to where the values begin. */
static int read_header(const unsigned char *data, size_t size, struct header *header, size_t *begin)
{
    if (size < 10 || memcmp(data, "\x93NUMPY", 6) != 0)
        return base_error(STANCE_EFORMAT, "not a .npy file");
    if (data[6] < 1 || data[6] > 3)
        return base_error(STANCE_EUNSUPPORTED, ".npy format %d.%d is not read", data[6], data[7]);
    size_t start = data[6] == 1 ? 10 : 12;
    if (size < start)
        return bad_header("cut off");
    size_t length = (size_t)data[8] | (size_t)data[9] << 8;
    if (start == 12)
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > MAX_HEADER_BYTES)
        return base_error(STANCE_ELIMIT, ".npy: a header of %zu bytes; at most %d are read", length,
                          (int)MAX_HEADER_BYTES);
    if (length > size - start)
        return bad_header("cut off");
    struct cursor cursor = {(const char *)data + start, (const char *)data + start + length};
    *begin = start + length;
    return read_dict(&cursor, header);
}

/* ---- The values ------------------------------------------------------------------------------ */

/* Copies values whose first axis varies fastest into row-major order. */
static void copy_fortran(unsigned char *out, const unsigned char *in, size_t element,
                         const struct tensor_shape *shape, int64_t count)
{
    int64_t index[STANCE_MAX_RANK] = {0}, strides[STANCE_MAX_RANK] = {0}, stride = 1, from = 0;
    for (int i = 0; i < shape->rank; i++) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
    for (int64_t to = 0; to < count; to++) {
        memcpy(out + (size_t)to * element, in + (size_t)from * element, element);
        for (int axis = shape->rank - 1; axis >= 0; axis--) {
            from += strides[axis];
            if (++index[axis] < shape->dims[axis])
                break;
            from -= strides[axis] * shape->dims[axis];
            index[axis] = 0;
        }
    }
}

int tensor_npy_parse(const unsigned char *data, size_t size, struct stance_tensor *out)
{
    struct header header = {0};
    size_t begin = 0;
    int64_t count;
    *out = (struct stance_tensor){0};
    BASE_TRY(read_header(data, size, &header, &begin));
    BASE_TRY(tensor_shape_count(&header.shape, &count));
    size_t element = stance_dtype_size(header.dtype), bytes = (size_t)count * element;
    if (size - begin != bytes)
        return base_error(STANCE_EFORMAT, ".npy: %zu bytes of values where the shape asks for %zu",
                          size - begin, bytes);
    if (header.dtype == STANCE_BOOL)
        for (size_t i = 0; i < bytes; i++)
            if (data[begin + i] > 1)
                return base_error(STANCE_EFORMAT, ".npy: a bool is %d", data[begin + i]);
    void *values = base_alloc(bytes);
    if (!values)
        return base_error_memory(bytes, "a .npy file");
    if (header.fortran && count > 1)
        copy_fortran(values, data + begin, element, &header.shape, count);
    else
        memcpy(values, data + begin, bytes);
    out->dtype = header.dtype;
    out->rank = header.shape.rank;
    memcpy(out->dims, header.shape.dims, sizeof out->dims);
    out->data = values;
    return 0;
}

static const char *descr_of(int dtype)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].dtype == dtype)
            return types[i].descr;
    return NULL;
}

int tensor_npy_format(const struct stance_tensor *tensor, struct base_buffer *out)
{
    char text[512];
    const char *descr = descr_of(tensor->dtype);
    struct tensor_shape shape = tensor_shape_of(tensor);
    int64_t count;
    if (!descr)
        return base_error(STANCE_ETYPE, ".npy has no %s values", stance_dtype_name(tensor->dtype));
    BASE_TRY(tensor_shape_count(&shape, &count));
    size_t used =
        (size_t)snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                         descr[1] == '1' ? '|' : '<', descr);
    for (int i = 0; i < shape.rank; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", i ? ", " : "",
                                 (long long)shape.dims[i]);
    used += (size_t)snprintf(text + used, sizeof text - used, "%s), }", shape.rank == 1 ? "," : "");
    size_t padded = (10 + used + 1 + 63) / 64 * 64 - 10;
    memset(text + used, ' ', padded - used - 1);
    text[padded - 1] = '\n';
    const unsigned char start[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded, (unsigned char)(padded >> 8)};
    BASE_TRY(base_buffer_reserve(out, sizeof start + padded + tensor_bytes(tensor)));
    BASE_TRY(base_buffer_append(out, start, sizeof start));
    BASE_TRY(base_buffer_append(out, text, padded));
    return base_buffer_append(out, tensor->data, tensor_bytes(tensor));
}

/* ---- Files ----------------------------------------------------------------------------------- */

int stance_tensor_read_npy(struct stance_tensor *out, const char *path)
{
    struct base_mapping file;
    *out = (struct stance_tensor){0};
    BASE_TRY(base_file_map(&file, path, MAX_FILE_BYTES));
    int code = tensor_npy_parse(file.data, file.size, out);
    if (code < 0)
        base_error_context(code, "'%s'", path);
    base_file_unmap(&file);
    return code;
}

int stance_tensor_write_npy(const struct stance_tensor *tensor, const char *path)
{
    struct base_buffer bytes;
    base_buffer_init(&bytes, BASE_ALLOC_LIMIT - 1);
    int code = tensor_npy_format(tensor, &bytes);
    if (code == 0)
        code = base_file_write(path, bytes.data, bytes.size);
    base_buffer_free(&bytes);
    return code;
}

void stance_tensor_free(struct stance_tensor *tensor)
{
    if (!tensor)
        return;
    base_free(tensor->data);
    *tensor = (struct stance_tensor){0};
}
