/* One model through load, prepare and run. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/memory.h"
#include "engine/network.h"
#include "stance/session.h"
#include "tensor/storage.h"
#include "support/hostile.h"

enum {
    MOST_VALUES = 1 << 24,  /* inputs beyond are only prepared for, not fed */
    MOST_WORK = 2000000000, /* multiply-adds: an honest large network is no hang */
    MOST_SECONDS = 2,
};

bool hostile_full;

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int feed(struct stance_session *session, struct stance_tensor *inputs, int count,
                int output_count)
{
    struct stance_tensor outputs[64];
    int64_t values = 0;
    for (int i = 0; i < count; i++)
        values += stance_tensor_count(&inputs[i]);
    if (values > MOST_VALUES || output_count > 64 ||
        stance_session_multiply_adds(session) > MOST_WORK)
        return 0;
    int code = 0;
    for (int i = 0; i < count; i++) {
        size_t bytes = tensor_bytes(&inputs[i]);
        inputs[i].data = calloc(1, bytes + 1);
        assert_non_null(inputs[i].data);
    }
    code = stance_session_run(session, inputs, count, outputs, output_count);
    for (int i = 0; i < count; i++)
        free(inputs[i].data);
    return code;
}

static int use(struct stance_model *model)
{
    struct stance_session *session = NULL;
    struct stance_tensor inputs[64];
    int count = stance_model_input_count(model);
    if (count > 64)
        return 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(stance_model_input(model, i, &inputs[i]), 0);
        if (inputs[i].rank < 0)
            inputs[i].rank = 0;
        for (int k = 0; k < inputs[i].rank; k++)
            if (inputs[i].dims[k] < 0)
                inputs[i].dims[k] = 1;
    }
    int code = stance_session_open(&session, model, NULL);
    if (code == 0)
        code = stance_session_prepare(session, inputs, count);
    if (code == 0)
        code = feed(session, inputs, count, stance_model_output_count(model));
    stance_session_close(&session);
    return code;
}

int hostile_try(const void *bytes, size_t size)
{
    struct stance_model *model = NULL;
    double start = cpu_seconds();
    long live = base_alloc_live();
    void *copy = base_alloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    int code = engine_model_parse(&model, copy, size, "hostile.onnx");
    if (code == 0)
        code = use(model);
    if (code < 0 && !strstr(stance_error_text(), "hostile.onnx"))
        fail_msg("a sentence without the file's name: %s", stance_error_text());
    stance_model_close(&model);
    base_free(copy);
    assert_int_equal(base_alloc_live(), live);
    if (cpu_seconds() - start > MOST_SECONDS)
        fail_msg("%g s for %s", cpu_seconds() - start,
                 code < 0 ? stance_error_text() : "a model that runs");
    return code;
}

void test_the_peak_of_memory_is_bounded(void **state)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    /* Folding may hold 256 MiB at a time, a workspace what the network honestly needs. */
    if (usage.ru_maxrss > (long)3 << 20)
        fail_msg("%ld MiB were used", usage.ru_maxrss >> 10);
}
