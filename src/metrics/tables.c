/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics/tables.h"

#include <string.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const char *const duration_text[] = {
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
    "0.05",   "0.1",     "0.25",   "0.5",   "1.0",    "2.5",   "5.0",  "10.0"};
static const apr_int64_t duration_most[] = {100,     250,     500,     1000,    2500,   5000,
                                            10000,   25000,   50000,   100000,  250000, 500000,
                                            1000000, 2500000, 5000000, 10000000};
const tmf_bounds_t tmf_duration_bounds = {COUNT_OF(duration_most), duration_text, duration_most};

static const char *const delay_text[] = {"0.005", "0.01",  "0.025",  "0.05",   "0.1",  "0.25",
                                         "0.5",   "1.0",   "2.5",    "5.0",    "10.0", "30.0",
                                         "60.0",  "300.0", "1800.0", "21600.0"};
static const apr_int64_t delay_most[] = {
    5000,    10000,   25000,    50000,    100000,   250000,    500000,     1000000,
    2500000, 5000000, 10000000, 30000000, 60000000, 300000000, 1800000000, 21600000000};
const tmf_bounds_t tmf_delay_bounds = {COUNT_OF(delay_most), delay_text, delay_most};

static const char *const batch_text[] = {"1.0", "2.0", "4.0", "8.0", "16.0", "32.0", "64.0"};
static const apr_int64_t batch_most[] = {1, 2, 4, 8, 16, 32, 64};
const tmf_bounds_t tmf_batch_bounds = {COUNT_OF(batch_most), batch_text, batch_most};

int tmf_bounds_find(const tmf_bounds_t *bounds, apr_int64_t value)
{
    int i = 0;

    while (i < bounds->count && value > bounds->most[i]) {
        i++;
    }
    return i;
}

/* What httpd, its modules and we answer with. */
static const int statuses[TMF_STATUSES] = {0,   200, 201, 202, 204, 206, 301, 302, 303, 304,
                                           307, 308, 400, 401, 403, 404, 405, 406, 408, 409,
                                           410, 411, 412, 413, 414, 415, 416, 417, 421, 422,
                                           426, 428, 429, 431, 500, 501, 502, 503, 504, 505};

int tmf_status_index(int status)
{
    int i = 1; /* the usual ones stand first */

    while (i < TMF_STATUSES && statuses[i] != status) {
        i++;
    }
    return i < TMF_STATUSES ? i : 0;
}

int tmf_metrics_status(int index)
{
    return statuses[index];
}

/* Those of the table in store/sqlstate.c and others that happen, and our own. */
static const char *const database_errors[TMF_DATABASE_ERRORS] = {
    "other",        "08000", "08001", "08003", "08006", "22003",
    "2201B",        "23505", "23514", "25006", "25P03", "26000",
    "3F000",        "40001", "40P01", "42501", "42703", "42883",
    "42P01",        "53000", "53100", "53200", "53300", "54000",
    "55P03",        "57014", "57P01", "57P02", "57P03", "databaseUnavailable",
    "databaseBusy", "XX000"};

int tmf_database_error_index(const char *code)
{
    int i = TMF_DATABASE_ERRORS - 1;

    while (i > 0 && strcmp(database_errors[i], code) != 0) {
        i--;
    }
    return i;
}

const char *tmf_metrics_database_error_code(int index)
{
    return database_errors[index];
}

const char *tmf_operation_name(tmf_operation_t operation)
{
    static const char *const names[TMF_OPERATIONS] = {
        [TMF_OPERATION_OTHER] = "other",
        [TMF_OPERATION_ENTRY_POINT] = "retrieveEntryPoint",
        [TMF_OPERATION_OPENAPI] = "retrieveOpenapi",
        [TMF_OPERATION_LIST_CUSTOMER] = "listCustomer",
        [TMF_OPERATION_CREATE_CUSTOMER] = "createCustomer",
        [TMF_OPERATION_RETRIEVE_CUSTOMER] = "retrieveCustomer",
        [TMF_OPERATION_PATCH_CUSTOMER] = "patchCustomer",
        [TMF_OPERATION_REPLACE_CUSTOMER] = "replaceCustomer",
        [TMF_OPERATION_DELETE_CUSTOMER] = "deleteCustomer",
        [TMF_OPERATION_LIST_CUSTOMER_HISTORY] = "listCustomerHistory",
        [TMF_OPERATION_LIST_HUB] = "listHub",
        [TMF_OPERATION_CREATE_HUB] = "createHub",
        [TMF_OPERATION_RETRIEVE_HUB] = "retrieveHub",
        [TMF_OPERATION_DELETE_HUB] = "deleteHub",
    };

    return names[operation];
}

const char *tmf_outcome_name(tmf_outcome_t outcome)
{
    static const char *const names[TMF_OUTCOMES] = {"delivered", "refused", "failed", "dead"};

    return names[outcome];
}

const char *tmf_connection_name(tmf_connection_state_t state)
{
    static const char *const names[TMF_CONNECTIONS] = {"in_use", "idle", "waiting"};

    return names[state];
}

const char *tmf_listener_state_name(tmf_listener_state_t state)
{
    static const char *const names[TMF_LISTENER_STATES] = {"active", "paused", "disabled"};

    return names[state];
}

double tmf_metrics_duration_quantile(const tmf_histogram_t *durations, double part)
{
    const tmf_bounds_t *bounds = &tmf_duration_bounds;
    double rank = part * (double)durations->count;
    double below = 0; /* observations in smaller buckets */
    double from = 0;
    int i;

    for (i = 0; i < bounds->count; i++) {
        double here = (double)durations->buckets[i];
        double to = (double)bounds->most[i] / APR_USEC_PER_SEC;

        if (here > 0 && below + here >= rank) {
            return from + (to - from) * (rank - below) / here;
        }
        below += here;
        from = to;
    }
    return durations->count > 0 ? from : 0;
}
