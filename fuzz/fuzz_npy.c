/* Fuzz target: any bytes as a .npy file; what can be read is written and must be read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tensor/npy_format.h"
#include "tensor/storage.h"

static void must(int condition)
{
    if (!condition)
        abort();
}

static void write_and_read(const struct stance_tensor *tensor)
{
    struct stance_tensor back;
    struct base_buffer bytes;
    base_buffer_init(&bytes, tensor_bytes(tensor) + 1024);
    must(tensor_npy_format(tensor, &bytes) == 0);
    must(tensor_npy_parse((const unsigned char *)bytes.data, bytes.size, &back) == 0);
    must(back.dtype == tensor->dtype && back.rank == tensor->rank);
    must(memcmp(back.dims, tensor->dims, sizeof back.dims) == 0);
    must(memcmp(back.data, tensor->data, tensor_bytes(tensor)) == 0);
    stance_tensor_free(&back);
    base_buffer_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stance_tensor tensor;
    if (tensor_npy_parse(data, size, &tensor) == 0)
        write_and_read(&tensor);
    stance_tensor_free(&tensor);
    return 0;
}
