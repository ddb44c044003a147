/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>

#include <apr_strings.h>

#define RETRY_AFTER_SECONDS 2

typedef struct {
    int status;
    const char *code;
    const char *reason;
    const char *message; /* used when httpd, not we, saw the fault */
} row_t;

static const row_t table[] = {
    [TMF_ERROR_BAD_REQUEST] = {400, "badRequest", "The request is malformed",
                               "The request line or a header could not be understood"},
    [TMF_ERROR_MALFORMED_JSON] = {400, "malformedJson", "The body is not acceptable JSON",
                                  "The body could not be read"},
    [TMF_ERROR_INVALID_BODY] = {400, "invalidBody", "The body breaks a rule of the resource",
                                "The body could not be accepted"},
    [TMF_ERROR_INVALID_PARAMETER] = {400, "invalidParameter", "A query parameter is invalid",
                                     "A query parameter could not be understood"},
    [TMF_ERROR_INVALID_PATTERN] = {400, "invalidParameter", "A query parameter is invalid",
                                   "A regular expression is not valid"},
    [TMF_ERROR_TOO_LARGE_TO_STORE] = {400, "invalidBody", "The body breaks a rule of the resource",
                                      "The body could not be kept"},
    [TMF_ERROR_UNAUTHORIZED] = {401, "unauthorized", "Authentication is required",
                                "Valid credentials are needed for this request"},
    [TMF_ERROR_FORBIDDEN] = {403, "forbidden", "Access is denied",
                             "The server refuses this request"},
    [TMF_ERROR_NOT_FOUND] = {404, "notFound", "There is no such resource",
                             "Nothing was found at this address"},
    [TMF_ERROR_METHOD_NOT_ALLOWED] = {405, "methodNotAllowed", "The method is not allowed here",
                                      "The resource does not support this method"},
    [TMF_ERROR_NOT_ACCEPTABLE] = {406, "notAcceptable", "No acceptable representation",
                                  "Replies are application/json, which Accept does not admit"},
    [TMF_ERROR_REQUEST_TIMEOUT] = {408, "requestTimeout", "The request took too long to arrive",
                                   "The request was not received in time"},
    [TMF_ERROR_ID_IN_USE] = {409, "idInUse", "The id is taken", "A customer has this id already"},
    [TMF_ERROR_HUB_EXISTS] = {409, "hubExists", "The listener is registered already",
                              "A hub has this callback and query already"},
    [TMF_ERROR_TOO_MANY_HUBS] = {409, "tooManyHubs", "There are too many listeners",
                                 "No more hubs are accepted"},
    [TMF_ERROR_PATCH_CONFLICT] = {409, "patchConflict",
                                  "The patch does not fit the customer as it is",
                                  "A path of the patch is not there, or its test fails"},
    [TMF_ERROR_KEY_REUSED] = {409, "idempotencyKeyReused",
                              "The Idempotency-Key belongs to another request",
                              "The Idempotency-Key was used with another body"},
    [TMF_ERROR_KEY_IN_USE] = {409, "idempotencyKeyInUse",
                              "A request with this Idempotency-Key is being carried out",
                              "Please try again"},
    [TMF_ERROR_PRECONDITION_FAILED] = {412, "preconditionFailed", "The precondition does not hold",
                                       "The resource is not in the state the request asks for"},
    [TMF_ERROR_BODY_TOO_LARGE] = {413, "bodyTooLarge", "The body is too large",
                                  "The body is larger than this server accepts"},
    [TMF_ERROR_DOCUMENT_TOO_LARGE] = {413, "documentTooLarge", "The customer would be too large",
                                      "The customer would be larger than this server accepts"},
    [TMF_ERROR_URI_TOO_LONG] = {414, "uriTooLong", "The address is too long",
                                "The request line is longer than this server accepts"},
    [TMF_ERROR_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupportedMediaType",
                                          "The media type of the body is not supported",
                                          "The body has a media type this resource cannot read"},
    [TMF_ERROR_TOO_MANY_REQUESTS] = {429, "tooManyRequests", "There are too many requests",
                                     "Please wait before you send more requests"},
    [TMF_ERROR_CLIENT_ERROR] = {400, "clientError", "The request was refused",
                                "The server refused this request"},
    [TMF_ERROR_INTERNAL] = {500, "internalError", "The server failed",
                            "The request could not be completed; the server's log knows more"},
    [TMF_ERROR_NOT_IMPLEMENTED] = {501, "notImplemented", "This is not supported",
                                   "The server does not support this"},
    [TMF_ERROR_DATABASE_UNAVAILABLE] = {503, "databaseUnavailable", "The database is not available",
                                        "Please try again later"},
    [TMF_ERROR_DATABASE_BUSY] = {503, "databaseBusy", "The server is too busy",
                                 "Please try again later"},
    [TMF_ERROR_STATEMENT_TIMEOUT] = {503, "statementTimeout", "The request took too long",
                                     "Please try again later, or ask for less"},
    [TMF_ERROR_WRITE_CONFLICT] = {503, "writeConflict", "The customer is being changed by others",
                                  "Please try again"},
    [TMF_ERROR_SERVER_ERROR] = {500, "serverError", "The server could not answer",
                                "The request could not be completed"},
};

static tmf_error_t *make(apr_pool_t *pool, tmf_error_code_t code, const char *message)
{
    tmf_error_t *error = apr_pcalloc(pool, sizeof(*error));

    error->kind = code;
    error->status = table[code].status;
    error->code = table[code].code;
    error->reason = table[code].reason;
    error->message = message;
    error->retry_after = error->status == 503 || code == TMF_ERROR_KEY_IN_USE ? RETRY_AFTER_SECONDS
                                                                              : 0;
    return error;
}

tmf_error_t *tmf_error_make(apr_pool_t *result_pool, tmf_error_code_t code, const char *format, ...)
{
    va_list arguments;
    const char *message;

    va_start(arguments, format);
    message = apr_pvsprintf(result_pool, format, arguments);
    va_end(arguments);
    return make(result_pool, code, message);
}

tmf_error_t *tmf_error_fault(apr_pool_t *result_pool, tmf_error_code_t code, const char *tag,
                             const char *message, const char *cause_format, ...)
{
    tmf_error_t *error = make(result_pool, code, message);
    va_list arguments;

    va_start(arguments, cause_format);
    error->cause = apr_pvsprintf(result_pool, cause_format, arguments);
    va_end(arguments);
    error->tag = tag;
    return error;
}

/* The codes whose status names them: each status once. */
static const tmf_error_code_t by_status[] = {
    TMF_ERROR_BAD_REQUEST,     TMF_ERROR_UNAUTHORIZED,           TMF_ERROR_FORBIDDEN,
    TMF_ERROR_NOT_FOUND,       TMF_ERROR_METHOD_NOT_ALLOWED,     TMF_ERROR_NOT_ACCEPTABLE,
    TMF_ERROR_REQUEST_TIMEOUT, TMF_ERROR_PRECONDITION_FAILED,    TMF_ERROR_BODY_TOO_LARGE,
    TMF_ERROR_URI_TOO_LONG,    TMF_ERROR_UNSUPPORTED_MEDIA_TYPE, TMF_ERROR_TOO_MANY_REQUESTS,
    TMF_ERROR_INTERNAL,        TMF_ERROR_NOT_IMPLEMENTED,
};

tmf_error_t *tmf_error_from_status(apr_pool_t *result_pool, int status)
{
    tmf_error_code_t code = status < 500 ? TMF_ERROR_CLIENT_ERROR : TMF_ERROR_SERVER_ERROR;
    tmf_error_t *error;
    apr_size_t i;

    for (i = 0; i < sizeof(by_status) / sizeof(by_status[0]); i++) {
        if (table[by_status[i]].status == status) {
            code = by_status[i];
        }
    }
    error = make(result_pool, code, table[code].message);
    error->status = status;
    return error;
}

int tmf_error_is(const tmf_error_t *error, tmf_error_code_t code)
{
    return error->kind == code;
}

int tmf_error_concerns_database(const tmf_error_t *error)
{
    return error->kind == TMF_ERROR_DATABASE_UNAVAILABLE ||
           error->kind == TMF_ERROR_DATABASE_BUSY || error->kind == TMF_ERROR_STATEMENT_TIMEOUT;
}

tmf_error_t *tmf_error_about(tmf_error_t *error, apr_pool_t *result_pool, const char *format, ...)
{
    va_list arguments;
    const char *subject;

    if (error == NULL || tmf_error_concerns_database(error) || error->kind == TMF_ERROR_INTERNAL) {
        return error;
    }
    va_start(arguments, format);
    subject = apr_pvsprintf(result_pool, format, arguments);
    va_end(arguments);
    error->subject = error->subject == NULL
                         ? subject
                         : apr_pstrcat(result_pool, subject, ": ", error->subject, NULL);
    return error;
}

const char *tmf_error_text(const tmf_error_t *error, apr_pool_t *result_pool)
{
    return error->subject == NULL
               ? error->message
               : apr_pstrcat(result_pool, error->subject, ": ", error->message, NULL);
}

tmf_error_t *tmf_error_copy(const tmf_error_t *error, apr_pool_t *result_pool)
{
    tmf_error_t *copy = apr_pmemdup(result_pool, error, sizeof(*copy));

    copy->subject = apr_pstrdup(result_pool, error->subject);
    copy->message = apr_pstrdup(result_pool, error->message);
    copy->cause = apr_pstrdup(result_pool, error->cause);
    copy->sqlstate = apr_pstrdup(result_pool, error->sqlstate);
    copy->header_value = apr_pstrdup(result_pool, error->header_value);
    return copy;
}
