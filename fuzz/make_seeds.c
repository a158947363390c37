/* Writes the seed corpora fuzz/corpus/onnx, network and npy; run it when a format gains a part:
 * make_seeds fuzz/corpus */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "onnx/onnx_write.h"
#include "support/proto.h"
#include "support/quant_net.h"
#include "support/tiny_model.h"
#include "tensor/npy_format.h"
#include "tensor/storage.h"

static const char *top;

static void save(const char *name, struct base_buffer *bytes)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", top, name);
    if (base_file_write(path, bytes->data, bytes->size) < 0)
        fprintf(stderr, "%s\n", stance_error_text());
    base_buffer_free(bytes);
}

static struct stance_tensor make_tensor(int dtype, int rank)
{
    static uint64_t values[24];
    struct stance_tensor tensor = {dtype, rank, {2, 3, 4}, values};
    memset(values, 0, sizeof values);
    for (int64_t i = 0; i < stance_tensor_count(&tensor); i++)
        tensor_set(&tensor, i, (double)(i % 2));
    return tensor;
}

static void save_raw(int dtype)
{
    char name[64];
    struct stance_tensor tensor = make_tensor(dtype, 2);
    struct onnx_writer writer;
    struct base_buffer bytes = proto_make();
    onnx_writer_init(&writer, 4096);
    onnx_writer_opset(&writer, "", 17);
    onnx_writer_initializer(&writer, "w", &tensor);
    if (onnx_writer_finish(&writer, &bytes) < 0)
        fprintf(stderr, "%s\n", stance_error_text());
    onnx_writer_free(&writer);
    snprintf(name, sizeof name, "onnx/raw-%s.onnx", stance_dtype_name(dtype));
    save(name, &bytes);
}

/* A tensor of two elements in the field that holds them, packed. */
static void save_typed(int dtype, int field, size_t width)
{
    static const char values[16];
    char name[64];
    struct base_buffer tensor = proto_make();
    proto_int(&tensor, 1, 2);
    proto_int(&tensor, 2, dtype);
    proto_bytes(&tensor, field, values, 2 * width);
    struct base_buffer bytes = proto_model_of_tensor(&tensor);
    snprintf(name, sizeof name, "onnx/typed-%s.onnx", stance_dtype_name(dtype));
    save(name, &bytes);
}

static void save_external(void)
{
    struct base_buffer tensor = proto_make(), entry = proto_make();
    proto_int(&tensor, 1, 2);
    proto_int(&tensor, 2, STANCE_FLOAT32);
    proto_string(&entry, 1, "location");
    proto_string(&entry, 2, "weights.bin");
    proto_message(&tensor, 13, &entry);
    proto_int(&tensor, 14, 1);
    struct base_buffer bytes = proto_model_of_tensor(&tensor);
    save("onnx/external.onnx", &bytes);
}

static void save_nested(void)
{
    struct base_buffer graph = proto_make();
    for (int i = 0; i < 30; i++) {
        struct base_buffer attribute = proto_make(), node = proto_make(), outer = proto_make();
        proto_message(&attribute, 6, &graph);
        proto_message(&node, 5, &attribute);
        proto_message(&outer, 1, &node);
        graph = outer;
    }
    struct base_buffer bytes = proto_model(&graph);
    save("onnx/nested.onnx", &bytes);
}

static void save_npy(int dtype, int rank)
{
    char name[64];
    struct stance_tensor tensor = make_tensor(dtype, rank);
    struct base_buffer bytes = proto_make();
    if (tensor_npy_format(&tensor, &bytes) < 0)
        fprintf(stderr, "%s\n", stance_error_text());
    snprintf(name, sizeof name, "npy/%s-%d.npy", stance_dtype_name(dtype), rank);
    save(name, &bytes);
}

static void save_npy_header(const char *name, int major, const char *header, size_t values)
{
    static const char zeros[64];
    struct base_buffer bytes = proto_make();
    unsigned char start[12] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)major, 0, (unsigned char)strlen(header)};
    if (base_buffer_append(&bytes, start, major == 1 ? 10 : 12) < 0 ||
        base_buffer_append(&bytes, header, strlen(header)) < 0 ||
        base_buffer_append(&bytes, zeros, values) < 0)
        fprintf(stderr, "%s\n", stance_error_text());
    save(name, &bytes);
}

static void save_networks(void)
{
    struct base_buffer networks[] = {tiny_network(1, 8, 8), tiny_fixed_batch(), tiny_suppression(),
                                     tiny_heatmap(32, 32, 3),
                                     quant_network((struct quant_style){.everywhere = true}, 8, 8)};
    static const char *const names[] = {"layers", "batch", "suppression", "heatmap", "bytes"};
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "network/%s.onnx", names[i]);
        save(name, &networks[i]);
    }
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: make_seeds fuzz/corpus\n");
        return 2;
    }
    top = arguments[1];
    struct base_buffer sample = proto_sample_model();
    save("onnx/sample.onnx", &sample);
    save_networks();
    for (int dtype = STANCE_FLOAT32; dtype <= STANCE_BFLOAT16; dtype++)
        if (stance_dtype_size(dtype))
            save_raw(dtype);
    save_typed(STANCE_FLOAT32, 4, 4);
    save_typed(STANCE_FLOAT16, 5, 1);
    save_typed(STANCE_INT8, 5, 1);
    save_typed(STANCE_INT64, 7, 1);
    save_typed(STANCE_FLOAT64, 10, 8);
    save_typed(STANCE_UINT32, 11, 1);
    save_external();
    save_nested();
    for (int dtype = STANCE_FLOAT32; dtype < STANCE_BFLOAT16; dtype++)
        if (stance_dtype_size(dtype))
            save_npy(dtype, dtype % 4);
    save_npy_header("npy/fortran.npy", 1,
                    "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3)}", 12);
    save_npy_header("npy/version-2.npy", 2,
                    "{'descr': '=u4', 'fortran_order': False, 'shape': (1,)}", 4);
    save_npy_header("npy/version-3.npy", 3, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}",
                    1);
    save_npy_header("npy/empty.npy", 1,
                    "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 1000000, 1000000)}", 0);
    save_npy_header("npy/big-endian.npy", 1,
                    "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4);
    save_npy_header("npy/short.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}",
                    4);
    return 0;
}
