/* Numbers from text, the same in every locale. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

#include "base/errors.h"

/* The whole of `size` bytes must be the number: no spaces, no hex, an optional sign.
 * Errors: EARGUMENT with a sentence that shows the text; ELIMIT when it does not fit. */
STANCE_PRIVATE int base_number_int64(const char *text, size_t size, int64_t *out);
/* Decimal notation with optional point and exponent ("-1.5e-3"); "inf" and "nan" are refused.
 * Correctly rounded for up to 15 digits and exponents within ±22; otherwise within one unit in the
 * last place (digits after the nineteenth do not count). */
STANCE_PRIVATE int base_number_double(const char *text, size_t size, double *out);

/* The same for NUL-terminated text. */
STANCE_PRIVATE int base_number_parse_int64(const char *text, int64_t *out);
STANCE_PRIVATE int base_number_parse_double(const char *text, double *out);

#endif
