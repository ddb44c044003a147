/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Date-times as the TMF APIs write them (src/api/README.md §1): RFC 3339, with the seconds optional
 * because the specification's own samples have none (`2018-06-12T00:00Z`).
 */
#ifndef TMF_MODEL_DATETIME_H
#define TMF_MODEL_DATETIME_H

#include <apr.h>

/* tmf_customer.instant() in sql/ has the same bound. */
#define TMF_DATETIME_FRACTION_MAX 1000

/* A point in time, exact to the last digit written. */
typedef struct {
    apr_int64_t seconds;  /* since 1970-01-01T00:00:00Z, may be negative */
    const char *fraction; /* digits after the point, in the caller's text; may be empty */
    apr_size_t fraction_length;
} tmf_instant_t;

/* Reads `YYYY-MM-DDThh:mm[:ss[.fraction]](Z|±hh:mm)`, `t` and `z` too (RFC 3339 §5.6). Year
 * 0001…9999, a real calendar day, hour ≤ 23, second ≤ 59, offset ≤ 23:59, at most
 * TMF_DATETIME_FRACTION_MAX digits of a fraction. Second 60 where a leap second can be: 23:59:60
 * UTC on the last day of a month; as an instant it is the second that follows. 1 = read, 0 = no
 * date-time. `instant` points into `text`. */
int tmf_datetime_parse(const char *text, tmf_instant_t *instant);

/* Reads a date alone, `YYYY-MM-DD`, as its midnight UTC (src/api/README.md §4). 1 = read, 0 = no
 * date. */
int tmf_date_parse(const char *text, tmf_instant_t *instant);

/* <0, 0, >0: a before, same as, after b. */
int tmf_instant_compare(const tmf_instant_t *a, const tmf_instant_t *b);

#endif
