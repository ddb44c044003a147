/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error object. Whoever sees a fault makes it, and its code stays; who passes it on may say
 * what it is about. The renderer (http/reply.c) turns it into the TMF Error body and, when it has a
 * cause, a log line.
 *
 * Every function that can fail returns `tmf_error_t *`: NULL is success, and then the outputs are
 * set.
 */
#ifndef TMF_ERROR_H
#define TMF_ERROR_H

#include <apr_pools.h>

/* One row of the table in error.c: HTTP status, stable `code` and `reason` of the TMF Error body.
 * src/api/README.md §2 lists the codes for clients; tests/checks/error_codes.sh keeps both
 * equal. */
typedef enum {
    TMF_ERROR_BAD_REQUEST,         /* 400: httpd refused the request line or a header */
    TMF_ERROR_MALFORMED_JSON,      /* 400: the body is no JSON text, or not one we can keep */
    TMF_ERROR_INVALID_BODY,        /* 400: JSON, but not what the schema wants */
    TMF_ERROR_INVALID_PARAMETER,   /* 400: a parameter of the query string */
    TMF_ERROR_INVALID_PATTERN,     /* the same to clients: PostgreSQL takes it for no pattern */
    TMF_ERROR_TOO_LARGE_TO_STORE,  /* as INVALID_BODY to clients: it is PostgreSQL that refuses */
    TMF_ERROR_UNAUTHORIZED,        /* 401 */
    TMF_ERROR_FORBIDDEN,           /* 403 */
    TMF_ERROR_NOT_FOUND,           /* 404 */
    TMF_ERROR_METHOD_NOT_ALLOWED,  /* 405, with Allow */
    TMF_ERROR_NOT_ACCEPTABLE,      /* 406 */
    TMF_ERROR_REQUEST_TIMEOUT,     /* 408 */
    TMF_ERROR_ID_IN_USE,           /* 409: TMFCustomerClientId On, and the id is taken */
    TMF_ERROR_HUB_EXISTS,          /* 409: a hub has the callback and query */
    TMF_ERROR_TOO_MANY_HUBS,       /* 409: TMFCustomerNotifyMaxHubs */
    TMF_ERROR_PATCH_CONFLICT,      /* 409: a path of a patch is not there, or its test fails */
    TMF_ERROR_KEY_REUSED,          /* 409: the Idempotency-Key came with another body before */
    TMF_ERROR_KEY_IN_USE,          /* 409, with Retry-After: it is being carried out */
    TMF_ERROR_PRECONDITION_FAILED, /* 412 */
    TMF_ERROR_BODY_TOO_LARGE,      /* 413 */
    TMF_ERROR_DOCUMENT_TOO_LARGE,  /* 413: TMFCustomerMaxDocument */
    TMF_ERROR_URI_TOO_LONG,        /* 414 */
    TMF_ERROR_UNSUPPORTED_MEDIA_TYPE, /* 415, with Accept-Patch or Accept-Post */
    TMF_ERROR_TOO_MANY_REQUESTS,      /* 429: a module that limits rates refuses */
    TMF_ERROR_CLIENT_ERROR,           /* any other 4xx that httpd or another module raises */
    TMF_ERROR_INTERNAL,               /* 500 */
    TMF_ERROR_NOT_IMPLEMENTED,        /* 501 */
    TMF_ERROR_DATABASE_UNAVAILABLE,   /* 503, with Retry-After */
    TMF_ERROR_DATABASE_BUSY,          /* 503, with Retry-After: no connection became free in time */
    TMF_ERROR_STATEMENT_TIMEOUT,      /* 503, with Retry-After */
    TMF_ERROR_WRITE_CONFLICT,         /* 503, with Retry-After: lost too many races in a row */
    TMF_ERROR_SERVER_ERROR            /* any other 5xx that httpd or another module raises */
} tmf_error_code_t;

typedef struct {
    tmf_error_code_t kind;
    int status;           /* HTTP status */
    const char *code;     /* stable identifier, for programs */
    const char *reason;   /* a short sentence, for people, the same for every error of this code */
    const char *subject;  /* what the message is about: "query: filter"; NULL = the request */
    const char *message;  /* what was wrong here and what would be right; never NULL */
    const char *tag;      /* "TMF0012": marks the log line; NULL when nothing is to be logged */
    const char *cause;    /* what only the log may know; NULL when nothing is to be logged */
    const char *sqlstate; /* PostgreSQL's code, when it is PostgreSQL that refused; else NULL */
    int is_unfit;         /* the database answers, but does not have what this module needs */
    int retry_after;      /* seconds for Retry-After, 0 = no such header */
    const char *header;   /* name of one more header (Allow, Accept-Patch, …), NULL = none */
    const char *header_value;
} tmf_error_t;

/* Makes an error that the client caused. `format` is printf's and yields the message; the result
 * and its strings live in `result_pool`. Never returns NULL. */
tmf_error_t *tmf_error_make(apr_pool_t *result_pool, tmf_error_code_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes an error that is ours or the database's: the client sees `message` and nothing else, the
 * log sees `tag` and the formatted cause. 503s get Retry-After. Never returns NULL. */
tmf_error_t *tmf_error_fault(apr_pool_t *result_pool, tmf_error_code_t code, const char *tag,
                             const char *message, const char *cause_format, ...)
    __attribute__((format(printf, 5, 6)));

/* Makes the error for a status that httpd or another module chose (ap_die): the message is the
 * general one of that status. `status` is 400…599. */
tmf_error_t *tmf_error_from_status(apr_pool_t *result_pool, int status);

/* Is it one of this code? */
int tmf_error_is(const tmf_error_t *error, tmf_error_code_t code);

/* Is it of the database as a whole, which no other request would have been spared: unreachable,
 * busy, too slow? It is unknown then whether a write has committed. */
int tmf_error_concerns_database(const tmf_error_t *error);

/* Says what an error is about: puts a subject (printf's) before that which it has. What the client
 * has not caused is about no part of its request, and stays as it is. Returns `error`, also NULL.
 */
tmf_error_t *tmf_error_about(tmf_error_t *error, apr_pool_t *result_pool, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "subject: message", or the message alone. */
const char *tmf_error_text(const tmf_error_t *error, apr_pool_t *result_pool);

/* A copy in `result_pool` of an error whose own pool goes. */
tmf_error_t *tmf_error_copy(const tmf_error_t *error, apr_pool_t *result_pool);

/* Returns the error of `call` from the calling function, if there is one. */
#define TMF_TRY(call)                                                                              \
    do {                                                                                           \
        tmf_error_t *error_of_call = (call);                                                       \
        if (error_of_call != NULL) {                                                               \
            return error_of_call;                                                                  \
        }                                                                                          \
    } while (0)

#endif
