/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of notifications, as Standard Webhooks 1.0 defines them (symmetric, version 1): a
 * listener that shares a secret with us can tell our notifications from anybody else's.
 *
 * HMAC is OpenSSL's libcrypto, which libpq and libcurl bring along; neither APR nor they offer it.
 */
#ifndef TMF_NOTIFY_SIGNATURE_H
#define TMF_NOTIFY_SIGNATURE_H

#include "model/text.h"

/* Secrets that sign for one host at a time: an old one and its successor. */
#define TMF_SECRETS_MAX 2

typedef struct tmf_secrets_t tmf_secrets_t;

/* Reads a file of lines `HOST whsec_BASE64`: HOST is a callback's host, or `*` for all that have no
 * line of their own; at most TMF_SECRETS_MAX lines for one. 24 to 64 bytes each. Blank lines and
 * those that begin with # do not count. NULL, or what is wrong, with the line's number and without
 * the secret. */
const char *tmf_secrets_read(tmf_secrets_t **secrets, const char *path, apr_pool_t *result_pool);

/* The value of webhook-signature for a message: `v1,…` for each secret of the host, separated by
 * blanks; NULL when it has none. `timestamp`: seconds since 1970, as webhook-timestamp says. */
const char *tmf_signature_make(const tmf_secrets_t *secrets, const char *host, const char *id,
                               apr_int64_t timestamp, const char *body, apr_size_t length,
                               apr_pool_t *result_pool);

#endif
