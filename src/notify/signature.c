/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/signature.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <apr_encode.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define PREFIX       "whsec_"
#define LINE_BYTES   512
#define SECRET_LEAST 24
#define SECRET_MOST  64

typedef struct {
    const char *host; /* "*" = any */
    unsigned char key[SECRET_MOST];
    int length;
} secret_t;

struct tmf_secrets_t {
    apr_array_header_t *list; /* of secret_t */
};

static int count_of(const tmf_secrets_t *secrets, const char *host)
{
    int count = 0;
    int i;

    for (i = 0; i < secrets->list->nelts; i++) {
        count += strcasecmp(APR_ARRAY_IDX(secrets->list, i, secret_t).host, host) == 0;
    }
    return count;
}

/* What is wrong with a line; NULL = nothing. */
static const char *add_line(tmf_secrets_t *secrets, char *line, apr_pool_t *pool)
{
    char *state;
    const char *host = apr_strtok(line, " \t\r\n", &state);
    const char *text = host != NULL ? apr_strtok(NULL, " \t\r\n", &state) : NULL;
    secret_t secret = {host, {0}, 0};
    const unsigned char *key;
    apr_size_t length = 0;

    if (host == NULL || *host == '#') {
        return NULL;
    }
    if (text == NULL || apr_strtok(NULL, " \t\r\n", &state) != NULL ||
        strncmp(text, PREFIX, strlen(PREFIX)) != 0) {
        return "it must be a host and a secret, as Standard Webhooks writes it";
    }
    key = apr_pdecode_base64_binary(pool, text + strlen(PREFIX), APR_ENCODE_STRING, APR_ENCODE_NONE,
                                    &length);
    if (key == NULL || length < SECRET_LEAST || length > SECRET_MOST) {
        return "the secret must be the base64 of 24 to 64 bytes";
    }
    if (count_of(secrets, host) == TMF_SECRETS_MAX) {
        return "a host can have two secrets at a time";
    }
    secret.host = apr_pstrdup(pool, host);
    secret.length = (int)length;
    memcpy(secret.key, key, length);
    APR_ARRAY_PUSH(secrets->list, secret_t) = secret;
    return NULL;
}

const char *tmf_secrets_read(tmf_secrets_t **secrets, const char *path, apr_pool_t *result_pool)
{
    char line[LINE_BYTES];
    const char *problem = NULL;
    apr_status_t status = APR_SUCCESS;
    apr_file_t *file;
    int number = 0;

    *secrets = apr_palloc(result_pool, sizeof(**secrets));
    (*secrets)->list = apr_array_make(result_pool, 2, sizeof(secret_t));
    if (apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED, APR_FPROT_OS_DEFAULT,
                      result_pool) != APR_SUCCESS) {
        return apr_psprintf(result_pool, "%s cannot be read", path);
    }
    while (problem == NULL && (status = apr_file_gets(line, sizeof(line), file)) == APR_SUCCESS) {
        number++;
        problem = add_line(*secrets, line, result_pool);
    }
    apr_file_close(file);
    if (status != APR_SUCCESS && status != APR_EOF) {
        return apr_psprintf(result_pool, "%s cannot be read", path); /* such as a directory */
    }
    return problem == NULL ? NULL
                           : apr_psprintf(result_pool, "%s, line %d: %s", path, number, problem);
}

static void append_signature(tmf_text_t *text, const secret_t *secret, const tmf_text_t *content)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    HMAC(EVP_sha256(), secret->key, secret->length, (const unsigned char *)content->data,
         content->length, digest, &length);
    tmf_text_append_string(text, text->length > 0 ? " v1," : "v1,");
    tmf_text_append_string(
        text, apr_pencode_base64_binary(text->pool, digest, length, APR_ENCODE_NONE, NULL));
}

const char *tmf_signature_make(const tmf_secrets_t *secrets, const char *host, const char *id,
                               apr_int64_t timestamp, const char *body, apr_size_t length,
                               apr_pool_t *result_pool)
{
    const char *key = host;
    tmf_text_t content;
    tmf_text_t text;
    int i;

    if (secrets == NULL) {
        return NULL;
    }
    if (count_of(secrets, host) == 0) {
        key = "*";
    }
    tmf_text_init(&content, length + 80, result_pool);
    tmf_text_append_format(&content, "%s.%" APR_INT64_T_FMT ".", id, timestamp);
    tmf_text_append(&content, body, length);
    tmf_text_init(&text, 128, result_pool);
    for (i = 0; i < secrets->list->nelts; i++) {
        const secret_t *secret = &APR_ARRAY_IDX(secrets->list, i, secret_t);

        if (strcasecmp(secret->host, key) == 0) {
            append_signature(&text, secret, &content);
        }
    }
    return text.length > 0 ? tmf_text_string(&text) : NULL;
}
