/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of any size, compared and measured by value: as texts, digit by digit. */
#include "model/json.h"

#include <string.h>

#include <apr_lib.h>

/* sign × 0.d₁d₂d₃… × 10^point, d₁ ≠ 0 unless the number is 0. */
typedef struct {
    int sign;           /* -1, 0, 1 */
    apr_int64_t point;  /* where the decimal point is, counted from before d₁ */
    const char *digits; /* at d₁; a "." may stand among them */
} decimal_t;

static apr_int64_t read_exponent(const char *text)
{
    const char *at = text + strcspn(text, "eE");
    apr_int64_t exponent = 0;
    int negative;

    if (*at == '\0') {
        return 0;
    }
    at++;
    negative = *at == '-';
    at += *at == '-' || *at == '+';
    for (; apr_isdigit(*at); at++) {
        exponent = exponent < APR_INT64_C(1000000000000) ? exponent * 10 + (*at - '0') : exponent;
    }
    return negative ? -exponent : exponent;
}

static decimal_t read_decimal(const char *text)
{
    decimal_t decimal = {*text == '-' ? -1 : 1, 0, NULL};
    apr_int64_t zeros_after_point = 0;
    const char *at = text + (*text == '-');
    apr_int64_t integers = (apr_int64_t)strspn(at, "0123456789");

    if (*at == '0') {
        at++;
        integers = 0;
        if (*at == '.') {
            zeros_after_point = (apr_int64_t)strspn(at + 1, "0");
            at += 1 + zeros_after_point;
        }
    }
    decimal.digits = at;
    decimal.point = integers - zeros_after_point + read_exponent(text);
    if (!apr_isdigit(*at)) {
        decimal.sign = 0;
    }
    return decimal;
}

apr_size_t tmf_json_number_size(const char *text)
{
    const apr_int64_t most = 1000000000; /* an exponent that PostgreSQL reads, also that of 0 */
    const char *point = strchr(text, '.');
    apr_int64_t exponent = read_exponent(text);
    apr_int64_t behind = (point != NULL ? (apr_int64_t)strspn(point + 1, "0123456789") : 0) -
                         exponent;
    decimal_t decimal = read_decimal(text);
    apr_int64_t before = decimal.sign != 0 && decimal.point > 1 ? decimal.point : 1;

    behind = behind > 0 ? behind : 0;
    return before > TMF_JSON_DIGITS_BEFORE || behind > TMF_JSON_DIGITS_BEHIND || exponent > most
               ? 0
               : (apr_size_t)(before + behind + (behind > 0) + (*text == '-'));
}

/* The next digit, 0 past the last. */
static char next_digit(const char **at)
{
    *at += **at == '.';
    return apr_isdigit(**at) ? *(*at)++ : '0';
}

static int compare_digits(const char *a, const char *b)
{
    while (apr_isdigit(*a) || *a == '.' || apr_isdigit(*b) || *b == '.') {
        char digit_a = next_digit(&a);
        char digit_b = next_digit(&b);

        if (digit_a != digit_b) {
            return digit_a < digit_b ? -1 : 1;
        }
    }
    return 0;
}

int tmf_json_number_compare(const char *a, const char *b)
{
    decimal_t left = read_decimal(a);
    decimal_t right = read_decimal(b);

    if (left.sign != right.sign) {
        return left.sign < right.sign ? -1 : 1;
    }
    if (left.sign == 0) {
        return 0;
    }
    if (left.point != right.point) {
        return left.point < right.point ? -left.sign : left.sign;
    }
    return left.sign * compare_digits(left.digits, right.digits);
}
