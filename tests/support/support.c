/* Shared files, a temporary folder, and comparing of floats. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "support/support.h"
#include "tensor/storage.h"

bool support_shared_path(char *path, size_t size, const char *relative)
{
    const char *folder = getenv("STANCE_SHARED");
    if (!folder || !folder[0])
        folder = SUPPORT_SHARED;
    int length = snprintf(path, size, "%s/%s", folder, relative);
    return length > 0 && (size_t)length < size && base_file_exists(path);
}

static char temp_folder[BASE_PATH_BYTES];
static pid_t temp_owner;

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return remove(path);
}

static void remove_temp_folder(void)
{
    if (getpid() == temp_owner)
        nftw(temp_folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *support_temp_folder(void)
{
    if (temp_folder[0])
        return temp_folder;
    const char *top = getenv("TMPDIR");
    snprintf(temp_folder, sizeof temp_folder, "%s/stance-test-XXXXXX",
             top && top[0] ? top : P_tmpdir);
    if (!mkdtemp(temp_folder))
        fail_msg("cannot make a folder like %s", temp_folder);
    temp_owner = getpid();
    atexit(remove_temp_folder);
    return temp_folder;
}

static double distance_of(double value, double reference)
{
    if (isnan(value) && isnan(reference))
        return 0;
    if (!isfinite(value) || !isfinite(reference))
        return value == reference ? 0 : INFINITY;
    return fabs(value - reference);
}

double support_distance(const float *values, const float *reference, size_t count)
{
    double worst = 0, largest = 1;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, distance_of(values[i], reference[i]));
        if (isfinite(reference[i]))
            largest = fmax(largest, fabs(reference[i]));
    }
    return worst / largest;
}

void support_assert_close(const float *values, const float *reference, size_t count,
                          double tolerance, const char *file, int line)
{
    double distance = support_distance(values, reference, count);
    if (distance <= tolerance)
        return;
    size_t worst = 0;
    for (size_t i = 1; i < count; i++)
        if (distance_of(values[i], reference[i]) > distance_of(values[worst], reference[worst]))
            worst = i;
    print_error("%s:%d: distance %g of %zu values is above %g: at %zu %.9g where %.9g should be\n",
                file, line, distance, count, tolerance, worst, (double)values[worst],
                (double)reference[worst]);
    _fail(file, line);
}

void support_assert_tensors_close(const struct stance_tensor *tensor,
                                  const struct stance_tensor *reference, double tolerance,
                                  const char *file, int line)
{
    struct tensor_shape a = tensor_shape_of(tensor), b = tensor_shape_of(reference);
    char left[TENSOR_SHAPE_TEXT], right[TENSOR_SHAPE_TEXT];
    if (tensor->dtype != reference->dtype || !tensor_shape_equal(&a, &b)) {
        print_error("%s:%d: %s %s where %s %s should be\n", file, line,
                    stance_dtype_name(tensor->dtype), tensor_shape_text(&a, left),
                    stance_dtype_name(reference->dtype), tensor_shape_text(&b, right));
        _fail(file, line);
    }
    double worst = 0, largest = 1;
    int64_t count = stance_tensor_count(reference), at = 0;
    for (int64_t i = 0; i < count; i++) {
        double value = tensor_float(reference, i);
        double distance = distance_of(tensor_float(tensor, i), value);
        at = distance > worst ? i : at;
        worst = fmax(worst, distance);
        largest = isfinite(value) ? fmax(largest, fabs(value)) : largest;
    }
    if (worst / largest <= tolerance)
        return;
    print_error("%s:%d: distance %g of %s is above %g: at %lld %.9g where %.9g should be\n", file,
                line, worst / largest, tensor_shape_text(&a, left), tolerance, (long long)at,
                tensor_float(tensor, at), tensor_float(reference, at));
    _fail(file, line);
}
