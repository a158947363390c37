/* Fuzz target: annotations, a NUL byte, and results; what can be read is measured in every way, and the
 * numbers are within their range. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/evaluation.h"
#include "fuzz.h"

static void must(int condition)
{
    if (!condition)
        abort();
}

static void measure(struct stance_eval *eval)
{
    static const char *const metrics[] = {"coco", "pck", "pckh", "auc", "epe", "nme"};
    const struct stance_eval_number *numbers;
    int count;
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        if (stance_eval_compute(eval, metrics[i], &numbers, &count) < 0)
            continue;
        for (int k = 0; k < count; k++) {
            must(numbers[k].value >= -1 && isfinite(numbers[k].value));
            must(i != 0 || numbers[k].value <= 1 + 1e-9);
        }
    }
    for (int i = 0; i < stance_eval_picture_count(eval) && i < 4; i++) {
        struct stance_eval_picture picture;
        must(stance_eval_picture(eval, i, &picture) == 0 || stance_error_text()[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t first = end ? (size_t)(end - data) : size;
    struct stance_eval *eval;
    int code = eval_open_bytes(&eval, data, first, "annotations", NULL);
    must(code == 0 ? eval != NULL : eval == NULL && stance_error_text()[0]);
    if (code < 0)
        return 0;
    if (end)
        (void)eval_parse_results(eval, end + 1, size - first - 1, "results");
    measure(eval);
    stance_eval_close(&eval);
    return 0;
}
