/* SPDX-License-Identifier: Apache-2.0 */
#include "model/datetime.h"

#include <string.h>

#include <apr_lib.h>

/* Reads exactly `count` digits. */
static int read_digits(const char **at, int count, int *number)
{
    *number = 0;
    for (; count > 0; count--, (*at)++) {
        if (!apr_isdigit(**at)) {
            return 0;
        }
        *number = *number * 10 + (**at - '0');
    }
    return 1;
}

static int skip(const char **at, const char *one_of)
{
    if (**at == '\0' || strchr(one_of, **at) == NULL) {
        return 0;
    }
    (*at)++;
    return 1;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar. */
static apr_int64_t days_since_epoch(int year, int month, int day)
{
    apr_int64_t days = 365 * (apr_int64_t)(year - 1) + (year - 1) / 4 - (year - 1) / 100 +
                       (year - 1) / 400;
    int m;

    for (m = 1; m < month; m++) {
        days += days_in_month(year, m);
    }
    return days + day - 1 - 719162; /* 719162: days from 0001-01-01 to 1970-01-01 */
}

typedef struct {
    int year;
    int month;
    int day;
} date_t;

static int read_date(const char **at, date_t *date)
{
    return read_digits(at, 4, &date->year) && skip(at, "-") && read_digits(at, 2, &date->month) &&
           skip(at, "-") && read_digits(at, 2, &date->day) && date->year >= 1 && date->month >= 1 &&
           date->month <= 12 && date->day >= 1 &&
           date->day <= days_in_month(date->year, date->month);
}

/* Does a month begin at this moment in UTC? `date` is the same one in the offset that was written,
 * so it is the last day before or the first of that month. */
static int is_begin_of_month(apr_int64_t seconds, const date_t *date)
{
    int is_december = date->month == 12;

    return seconds == days_since_epoch(date->year, date->month, 1) * 86400 ||
           seconds ==
               days_since_epoch(date->year + is_december, is_december ? 1 : date->month + 1, 1) *
                   86400;
}

/* hh:mm[:ss[.fraction]] */
static int read_time(const char **at, tmf_instant_t *instant, int *seconds, int *is_leap)
{
    int hour;
    int minute;
    int second = 0;

    if (!read_digits(at, 2, &hour) || !skip(at, ":") || !read_digits(at, 2, &minute)) {
        return 0;
    }
    if (skip(at, ":")) {
        if (!read_digits(at, 2, &second)) {
            return 0;
        }
        if (skip(at, ".")) {
            instant->fraction = *at;
            instant->fraction_length = strspn(*at, "0123456789");
            *at += instant->fraction_length;
            if (instant->fraction_length == 0 ||
                instant->fraction_length > TMF_DATETIME_FRACTION_MAX) {
                return 0;
            }
        }
    }
    *seconds = hour * 3600 + minute * 60 + second;
    *is_leap = second == 60;
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* Z or ±hh:mm */
static int read_offset(const char **at, int *seconds)
{
    int sign = **at == '-' ? -1 : 1;
    int hour;
    int minute;

    *seconds = 0;
    if (skip(at, "Zz")) {
        return 1;
    }
    if (!skip(at, "+-") || !read_digits(at, 2, &hour) || !skip(at, ":") ||
        !read_digits(at, 2, &minute)) {
        return 0;
    }
    *seconds = sign * (hour * 3600 + minute * 60);
    return hour <= 23 && minute <= 59;
}

int tmf_datetime_parse(const char *text, tmf_instant_t *instant)
{
    date_t date;
    int seconds;
    int is_leap;
    int offset;

    instant->fraction = "";
    instant->fraction_length = 0;
    if (!read_date(&text, &date) || !skip(&text, "Tt") ||
        !read_time(&text, instant, &seconds, &is_leap) || !read_offset(&text, &offset) ||
        *text != '\0') {
        return 0;
    }
    instant->seconds = days_since_epoch(date.year, date.month, date.day) * 86400 + seconds - offset;
    return !is_leap || is_begin_of_month(instant->seconds, &date);
}

int tmf_date_parse(const char *text, tmf_instant_t *instant)
{
    date_t date;

    instant->fraction = "";
    instant->fraction_length = 0;
    if (!read_date(&text, &date) || *text != '\0') {
        return 0;
    }
    instant->seconds = days_since_epoch(date.year, date.month, date.day) * 86400;
    return 1;
}

static char digit_at(const tmf_instant_t *instant, apr_size_t index)
{
    return index < instant->fraction_length ? instant->fraction[index] : '0';
}

int tmf_instant_compare(const tmf_instant_t *a, const tmf_instant_t *b)
{
    apr_size_t i;

    if (a->seconds != b->seconds) {
        return a->seconds < b->seconds ? -1 : 1;
    }
    for (i = 0; i < a->fraction_length || i < b->fraction_length; i++) {
        if (digit_at(a, i) != digit_at(b, i)) {
            return digit_at(a, i) < digit_at(b, i) ? -1 : 1;
        }
    }
    return 0;
}
