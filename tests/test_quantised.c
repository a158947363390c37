/* Quantised networks on the engine: against the plain operators, in every tier, for any number of
 * threads and images; what cannot be computed on bytes; what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "engine/network.h"
#include "engine/op_memory.h"
#include "support/interpreter.h"
#include "support/quant_net.h"
#include "support/support.h"
#include "support/trial.h"

/* The largest and the mean difference between the last run and the plain operators, in steps. */
struct difference {
    double most, mean;
};

static struct difference compare(const struct trial *trial, double step)
{
    struct engine_context context = {.kernels = kernel_table(BASE_CPU_REF)};
    struct tensor *in[TRIAL_INPUTS] = {0}, *out[TRIAL_OUTPUTS] = {0};
    struct difference found = {0};
    assert_int_equal(base_pool_open(&context.pool, 1), 0);
    assert_int_equal(engine_memory_open(&context.memory, 512 << 20), 0);
    for (int i = 0; i < trial->input_count; i++)
        assert_int_equal(tensor_wrap(&in[i], &trial->inputs[i], NULL, NULL), 0);
    context.opset = trial->model->graph->opset;
    trial_check(interpreter_run(trial->model->graph, &context, in, out));
    int64_t count = stance_tensor_count(&out[0]->view);
    assert_int_equal(count, stance_tensor_count(&trial->outputs[0]));
    for (int64_t i = 0; i < count; i++) {
        double d =
            fabs(tensor_float(&out[0]->view, i) - tensor_float(&trial->outputs[0], i)) / step;
        found.most = d > found.most ? d : found.most;
        found.mean += d / (double)count;
    }
    for (int i = 0; i < TRIAL_INPUTS; i++)
        tensor_close(&in[i]);
    for (int i = 0; i < TRIAL_OUTPUTS; i++)
        tensor_close(&out[i]);
    engine_memory_close(&context.memory);
    base_pool_close(&context.pool);
    return found;
}

static void test_x(void **state)
{
    (void)state;
    for (int e = 0; e < 2; e++) {
        struct base_buffer model = quant_network((struct quant_net){0}, e, 40, 24);
        FILE *file = fopen(e ? "/tmp/g_every.onnx" : "/tmp/g_ours.onnx", "wb");
        fwrite(model.data, 1, model.size, file);
        fclose(file);
        for (int tier = 0; tier <= (int)base_cpu_best(); tier++) {
            struct trial trial;
            trial_parse(&trial, &model, 1);
            trial_session(&trial, tier, 1);
            trial_run(&trial);
            struct difference d = compare(&trial, 1);
            fprintf(stderr, "every %d tier %d most %g mean %g\n", e, tier, d.most, d.mean);
            trial_close(&trial);
        }
        base_buffer_free(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_x)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
