/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transfer is a curl handle with what belongs to it; finished ones are kept and used again (their
 * connections are the multi handle's, and outlive them).
 *
 * Guards against what a listener or its address may be: no redirects, no proxy of the environment,
 * only http and https, every address looked at after it was resolved and before it is connected to,
 * both parts of an answer cut at TMF_ANSWER_MAX, one deadline over all. Once the head of a final
 * answer is there, its status counts, whatever becomes of the body.
 */
#include "notify/deliver.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "notify/backoff.h"

#define CONNECTIONS_KEPT 256 /* or as many as requests on their way */
#define TRANSFERS_KEPT   64

typedef struct transfer_t {
    struct transfer_t *next; /* among those that are kept */
    tmf_sender_t *sender;
    CURL *handle;
    struct curl_slist *headers;
    void *context;
    char host[256]; /* a host name has 253 bytes at most; longer ones meet no rule */
    char error[CURL_ERROR_SIZE];
    char retry_after[64];
    apr_size_t head_read;
    apr_size_t body_read;
    int status;  /* of the final answer, once its head is complete; 0 before */
    int refused; /* the address is not permitted */
} transfer_t;

struct tmf_sender_t {
    const tmf_sender_settings_t *settings;
    CURLM *multi;
    transfer_t *kept;
    int kept_count;
    transfer_t **active; /* grows; `active_count` in use */
    int active_count;
    int active_capacity;
};

static apr_status_t clean_up(void *data)
{
    (void)data;
    curl_global_cleanup();
    return APR_SUCCESS;
}

int tmf_sender_set_up(apr_pool_t *process_pool)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return 0;
    }
    apr_pool_cleanup_register(process_pool, NULL, clean_up, apr_pool_cleanup_null);
    return 1;
}

/* ---- what curl calls ---- */

static int read_sockaddr(tmf_address_t *address, const struct sockaddr *socket_address)
{
    if (socket_address->sa_family == AF_INET) {
        address->length = 4;
        memcpy(address->bytes, &((const struct sockaddr_in *)socket_address)->sin_addr, 4);
        return 1;
    }
    if (socket_address->sa_family == AF_INET6) {
        address->length = 16;
        memcpy(address->bytes, &((const struct sockaddr_in6 *)socket_address)->sin6_addr, 16);
        return 1;
    }
    return 0;
}

/* Looks at the address that is about to be connected to. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to)
{
    transfer_t *transfer = data;
    tmf_address_t address;

    (void)purpose;
    if (!read_sockaddr(&address, &to->addr) ||
        !tmf_target_permits(transfer->sender->settings->targets, transfer->host, &address)) {
        transfer->refused = 1;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t read_body(char *data, size_t size, size_t count, void *context)
{
    transfer_t *transfer = context;

    (void)data;
    transfer->body_read += size * count;
    return transfer->body_read > TMF_ANSWER_MAX ? 0 : size * count;
}

/* Keeps the value of Retry-After, as much as a date needs. */
static void keep_retry_after(transfer_t *transfer, const char *line, size_t length)
{
    static const char name[] = "Retry-After:";
    const char *value = line + sizeof(name) - 1;
    const char *end = line + length;

    if (length < sizeof(name) || strncasecmp(line, name, sizeof(name) - 1) != 0) {
        return;
    }
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ')) {
        end--;
    }
    if ((size_t)(end - value) < sizeof(transfer->retry_after)) {
        apr_cpystrn(transfer->retry_after, value, (apr_size_t)(end - value) + 1);
    }
}

/* The head of an answer is complete: a final one, or an interim one (1xx), of which nothing counts.
 */
static void end_head(transfer_t *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200) {
        transfer->status = (int)status;
    } else {
        transfer->retry_after[0] = '\0';
    }
}

/* One line of a head, the empty one at its end included; or a trailer (RFC 9110 section 6.5), which
 * comes after the final head and says nothing of the outcome. */
static size_t read_head(char *data, size_t size, size_t count, void *context)
{
    transfer_t *transfer = context;
    size_t length = size * count;

    transfer->head_read += length;
    if (transfer->status == 0 && (*data == '\r' || *data == '\n')) {
        end_head(transfer);
    } else if (transfer->status == 0) {
        keep_retry_after(transfer, data, length);
    }
    return transfer->head_read > TMF_ANSWER_MAX ? 0 : length;
}

/* ---- transfers ---- */

static void free_transfer(transfer_t *transfer)
{
    curl_slist_free_all(transfer->headers);
    curl_easy_cleanup(transfer->handle);
    free(transfer);
}

static transfer_t *make_transfer(void)
{
    transfer_t *transfer = calloc(1, sizeof(*transfer));

    if (transfer != NULL) {
        transfer->handle = curl_easy_init();
        if (transfer->handle == NULL) {
            free(transfer);
            transfer = NULL;
        }
    }
    return transfer;
}

static transfer_t *take_transfer(tmf_sender_t *sender)
{
    transfer_t *transfer = sender->kept;

    if (transfer == NULL) {
        return make_transfer();
    }
    sender->kept = transfer->next;
    sender->kept_count--;
    return transfer;
}

static void keep_transfer(tmf_sender_t *sender, transfer_t *transfer)
{
    if (sender->kept_count == TRANSFERS_KEPT) {
        free_transfer(transfer);
        return;
    }
    transfer->next = sender->kept;
    sender->kept = transfer;
    sender->kept_count++;
}

static void set_up_guards(const transfer_t *transfer)
{
    const tmf_sender_settings_t *settings = transfer->sender->settings;
    CURL *handle = transfer->handle;

    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L); /* never wait for a thread that resolves */
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)apr_time_as_msec(settings->connect_timeout));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(settings->timeout));
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, read_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, read_head);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 4096L);
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, transfer);
}

static int add_header(transfer_t *transfer, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + sizeof(": ");
    char *line = malloc(size);
    struct curl_slist *longer = NULL;

    if (line != NULL) {
        apr_snprintf(line, size, "%s: %s", name, value);
        longer = curl_slist_append(transfer->headers, line);
        free(line);
    }
    if (longer != NULL) {
        transfer->headers = longer;
    }
    return longer != NULL;
}

/* Each attempt is a span of its own. Without random bytes there is no trace: the event counts more.
 */
static int add_trace(transfer_t *transfer, const tmf_trace_t *trace)
{
    unsigned char span[TMF_TRACE_SPAN_LENGTH];
    char traceparent[TMF_TRACE_PARENT_LENGTH + 1];

    if (trace->parent == NULL || apr_generate_random_bytes(span, sizeof(span)) != APR_SUCCESS) {
        return 1;
    }
    span[0] |= 1; /* never zeros alone */
    tmf_trace_continue(traceparent, trace->parent, span);
    return add_header(transfer, "traceparent", traceparent) &&
           (trace->state == NULL || add_header(transfer, "tracestate", trace->state));
}

static int set_up_message(transfer_t *transfer, const tmf_message_t *message)
{
    CURL *handle = transfer->handle;
    char timestamp[24];

    apr_snprintf(timestamp, sizeof(timestamp), "%" APR_INT64_T_FMT, message->timestamp);
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
    if (!add_header(transfer, "Content-Type", "application/json") ||
        !add_header(transfer, "Accept", "*/*") ||
        !add_header(transfer, "webhook-id", message->event_id) ||
        !add_header(transfer, "webhook-timestamp", timestamp) ||
        (message->signature != NULL &&
         !add_header(transfer, "webhook-signature", message->signature)) ||
        !add_trace(transfer, &message->trace) ||
        (transfer->headers = curl_slist_append(transfer->headers, "Expect:")) == NULL) {
        return 0;
    }
    curl_easy_setopt(handle, CURLOPT_USERAGENT, transfer->sender->settings->user_agent);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)message->length);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, message->body);
    return curl_easy_setopt(handle, CURLOPT_URL, message->callback) == CURLE_OK;
}

static int make_room(tmf_sender_t *sender)
{
    if (sender->active_count == sender->active_capacity) {
        int capacity = sender->active_capacity * 2 + 16;
        transfer_t **active = realloc(sender->active, sizeof(*active) * (size_t)capacity);

        if (active == NULL) {
            return 0;
        }
        sender->active = active;
        sender->active_capacity = capacity;
    }
    return 1;
}

static void forget_active(tmf_sender_t *sender, const transfer_t *transfer)
{
    int i = 0;

    while (sender->active[i] != transfer) {
        i++;
    }
    sender->active[i] = sender->active[--sender->active_count];
}

int tmf_sender_start(tmf_sender_t *sender, const tmf_message_t *message)
{
    transfer_t *transfer = make_room(sender) ? take_transfer(sender) : NULL;

    if (transfer == NULL) {
        return 0;
    }
    curl_easy_reset(transfer->handle);
    transfer->sender = sender;
    transfer->context = message->context;
    transfer->head_read = 0;
    transfer->body_read = 0;
    transfer->status = 0;
    transfer->refused = 0;
    transfer->error[0] = '\0';
    transfer->retry_after[0] = '\0';
    apr_cpystrn(transfer->host, message->host, sizeof(transfer->host));
    set_up_guards(transfer);
    if (!set_up_message(transfer, message) ||
        curl_multi_add_handle(sender->multi, transfer->handle) != CURLM_OK) {
        free_transfer(transfer);
        return 0;
    }
    sender->active[sender->active_count++] = transfer;
    return 1;
}

static void describe(const transfer_t *transfer, CURLcode code, tmf_answer_t *answer)
{
    const char *reason = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);

    if (transfer->refused) {
        reason = "its address is not one that this server may notify";
    } else if (code == CURLE_OK) {
        reason = "the listener's answer has no final status";
    }
    apr_cpystrn(answer->error, reason, sizeof(answer->error));
}

int tmf_sender_next(tmf_sender_t *sender, tmf_answer_t *answer)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        transfer_t *transfer;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        memset(answer, 0, sizeof(*answer));
        answer->context = transfer->context;
        answer->status = transfer->status;
        answer->retry_after = tmf_backoff_retry_after(transfer->retry_after, apr_time_now());
        if (answer->status == 0) {
            describe(transfer, code, answer);
        }
        curl_multi_remove_handle(sender->multi, transfer->handle);
        forget_active(sender, transfer);
        keep_transfer(sender, transfer);
        return 1;
    }
    return 0;
}

void tmf_sender_wait(tmf_sender_t *sender, apr_interval_time_t most, int descriptor)
{
    struct curl_waitfd extra = {descriptor, CURL_WAIT_POLLIN, 0};
    int running;

    curl_multi_perform(sender->multi, &running);
    if (running < sender->active_count || most <= 0) {
        return; /* some are answered already, or there is no time: to poll would eat an interrupt */
    }
    curl_multi_poll(sender->multi, descriptor >= 0 ? &extra : NULL, descriptor >= 0,
                    (int)((most + 999) / 1000), NULL);
    curl_multi_perform(sender->multi, &running);
}

void tmf_sender_interrupt(tmf_sender_t *sender)
{
    curl_multi_wakeup(sender->multi);
}

tmf_sender_t *tmf_sender_open(const tmf_sender_settings_t *settings, apr_pool_t *result_pool)
{
    tmf_sender_t *sender = apr_pcalloc(result_pool, sizeof(*sender));

    sender->settings = settings;
    sender->multi = curl_multi_init();
    if (sender->multi == NULL) {
        return NULL;
    }
    curl_multi_setopt(sender->multi, CURLMOPT_MAXCONNECTS,
                      (long)(settings->requests_max > CONNECTIONS_KEPT ? settings->requests_max
                                                                       : CONNECTIONS_KEPT));
    return sender;
}

void tmf_sender_close(tmf_sender_t *sender)
{
    while (sender->active_count > 0) {
        transfer_t *transfer = sender->active[--sender->active_count];

        curl_multi_remove_handle(sender->multi, transfer->handle);
        free_transfer(transfer);
    }
    while (sender->kept != NULL) {
        transfer_t *transfer = sender->kept;

        sender->kept = transfer->next;
        free_transfer(transfer);
    }
    free(sender->active);
    curl_multi_cleanup(sender->multi);
}
