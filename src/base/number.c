/* Integers and decimals from text without the C library, whose parsers follow the locale. */
#include <stdbool.h>
#include <string.h>

#include "base/number.h"

static int refuse(const char *text, size_t size, const char *kind)
{
    return base_error(STANCE_EARGUMENT, "'%.*s' is not %s", (int)(size < 60 ? size : 60), text,
                      kind);
}

static bool is_digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

static bool take_sign(const char **at, const char *end)
{
    bool negative = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+'))
        ++*at;
    return negative;
}

int base_number_int64(const char *text, size_t size, int64_t *out)
{
    const char *at = text, *end = text + size;
    bool negative = take_sign(&at, end);
    uint64_t value = 0, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    if (at == end)
        return refuse(text, size, "an integer");
    for (; is_digit(at, end); at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (value > (most - digit) / 10)
            return base_error(STANCE_ELIMIT, "'%.*s' does not fit 64 bits",
                              (int)(size < 60 ? size : 60), text);
        value = value * 10 + digit;
    }
    if (at != end)
        return refuse(text, size, "an integer");
    *out = (int64_t)(negative ? 0 - value : value);
    return 0;
}

struct decimal {
    uint64_t mantissa;
    int significant, exponent; /* value = mantissa × 10^exponent */
    bool any;
};

static void take_digit(struct decimal *decimal, char digit, bool fraction)
{
    decimal->any = true;
    if (decimal->significant == 19) {
        decimal->exponent += !fraction;
        return;
    }
    decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(digit - '0');
    decimal->significant += decimal->mantissa != 0;
    decimal->exponent -= fraction;
}

/* mantissa × 10^exponent. Doubles hold both factors of ordinary numbers exactly, so that one
 * operation rounds correctly (Clinger, How to read floating point numbers accurately, 1990); long
 * doubles take the rest. */
static double scale(uint64_t mantissa, int exponent)
{
    static const long double powers[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
                                         1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
                                         1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L,
                                         1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
    if (mantissa < (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22)
        return exponent < 0 ? (double)mantissa / (double)powers[-exponent]
                            : (double)mantissa * (double)powers[exponent];
    long double value = (long double)mantissa;
    for (; exponent > 0 && value<1e320L; exponent -= exponent> 27 ? 27 : exponent)
        value *= powers[exponent > 27 ? 27 : exponent];
    for (; exponent < 0 && value > 0; exponent += exponent < -27 ? 27 : -exponent)
        value /= powers[exponent < -27 ? 27 : -exponent];
    return (double)value;
}

static bool take_exponent(const char **at, const char *end, int *exponent)
{
    if (*at == end || (**at != 'e' && **at != 'E'))
        return true;
    ++*at;
    bool negative = take_sign(at, end);
    int value = 0;
    if (!is_digit(*at, end))
        return false;
    for (; is_digit(*at, end); ++*at)
        if (value < 100000)
            value = value * 10 + (**at - '0');
    *exponent += negative ? -value : value;
    return true;
}

int base_number_double(const char *text, size_t size, double *out)
{
    const char *at = text, *end = text + size;
    struct decimal decimal = {0};
    if (size > 4096)
        return refuse(text, size, "a number");
    bool negative = take_sign(&at, end);
    for (; is_digit(at, end); at++)
        take_digit(&decimal, *at, false);
    if (at < end && *at == '.')
        for (at++; is_digit(at, end); at++)
            take_digit(&decimal, *at, true);
    if (!decimal.any || !take_exponent(&at, end, &decimal.exponent) || at != end)
        return refuse(text, size, "a number");
    double value = decimal.mantissa ? scale(decimal.mantissa, decimal.exponent) : 0;
    if (value > 1.7976931348623157e308)
        return base_error(STANCE_ELIMIT, "'%.*s' is too large for a number",
                          (int)(size < 60 ? size : 60), text);
    *out = negative ? -value : value;
    return 0;
}

int base_number_parse_int64(const char *text, int64_t *out)
{
    return base_number_int64(text, strlen(text), out);
}

int base_number_parse_double(const char *text, double *out)
{
    return base_number_double(text, strlen(text), out);
}
