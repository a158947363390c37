/* Packed weights: plans for other batches and pictures share them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "engine/network.h"
#include "support/quant_net.h"
#include "support/tiny_model.h"
#include "support/trial.h"

static size_t packed_bytes(const struct stance_model *model)
{
    size_t bytes = 0;
    for (const struct engine_packed *p = model->packed; p; p = p->next)
        bytes += p->bytes;
    return bytes;
}

/* Batches 1, 2, 4 and 8 in one session; `most`: how much more than one batch they may take. */
static void check_batches(struct trial *trial, double most)
{
    for (int tier = base_cpu_next(BASE_CPU_REF); tier < BASE_CPU_TIERS;
         tier = base_cpu_next(tier)) {
        trial_session(trial, tier, 1);
        trial_batch(trial, 1);
        trial_run(trial);
        size_t one = packed_bytes(trial->model);
        assert_true(one > 0);
        for (int batch = 2; batch <= 8; batch *= 2) {
            trial_batch(trial, batch);
            trial_run(trial);
        }
        if ((double)packed_bytes(trial->model) > (double)one * most)
            fail_msg("tier %d: %zu bytes are packed for one image, %zu for four batches", tier, one,
                     packed_bytes(trial->model));
    }
    trial_close(trial);
}

static void test_batches_share_packed_weights(void **state)
{
    struct base_buffer model = tiny_network(-1, 96, 80);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    check_batches(&trial, 1);
    base_buffer_free(&model);
}

static void test_batches_share_packed_bytes(void **state)
{
    for (int everywhere = 0; everywhere < 2; everywhere++) {
        struct base_buffer model =
            quant_network((struct quant_style){.everywhere = everywhere != 0}, 24, 16);
        struct trial trial;
        trial_parse(&trial, &model, 1);
        check_batches(&trial, 1);
        base_buffer_free(&model);
    }
}

static void test_batches_of_a_real_network_share_packed_weights(void **state)
{
    struct trial trial;
    trial_open(&trial, "rtmpose-t", 1);
    check_batches(&trial, 1.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_share_packed_weights),
        cmocka_unit_test(test_batches_share_packed_bytes),
        cmocka_unit_test(test_batches_of_a_real_network_share_packed_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
