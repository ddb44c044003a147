/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom notifications may reach. A callback is an address that a client of the API chose: without
 * these rules, the server could be made to talk to what only it can see.
 *
 * An address is permitted when no deny rule fits it, and an allow rule does or it is no special
 * one: loopback, private, link-local (with the metadata services of clouds), shared, multicast,
 * reserved, documentation (RFC 6890, RFC 4193 and their kin).
 *
 * An address of IPv6 may stand for one of IPv4: mapped, compatible (RFC 4291), SIIT (RFC 7915),
 * NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380: server and client), ISATAP (RFC
 * 5214). A deny rule then fits when it fits any of these forms, and a special IPv4 address inside
 * is only opened by a rule about it or about the host's name, never by one about what is around it.
 * Where an allowed IPv4 address is inside, an outside that is not special is allowed, too.
 */
#ifndef TMF_MODEL_TARGET_H
#define TMF_MODEL_TARGET_H

#include <apr_tables.h>

#include "error.h"

/* Bytes of a callback URL at most. */
#define TMF_CALLBACK_MAX 2048

/* An address of 4 or 16 bytes in network order. */
typedef struct {
    unsigned char bytes[16];
    int length;
} tmf_address_t;

/* Rules; read-only after start-up. */
typedef struct tmf_targets_t tmf_targets_t;

/* No rules yet. */
tmf_targets_t *tmf_targets_make(apr_pool_t *result_pool);

/* Adds one rule. `text`: an address or a network (`10.1.0.0/16`, `fd00::/8`), a host name, a suffix
 * of names (`*.example.com`), or, to deny, `all`: whatever no allow rule fits. A network of IPv6 is
 * about addresses of IPv6 alone; to deny an IPv4-mapped one denies the IPv4 addresses themselves,
 * too. NULL, or what is wrong. */
const char *tmf_targets_allow(tmf_targets_t *targets, const char *text, apr_pool_t *pool);
const char *tmf_targets_deny(tmf_targets_t *targets, const char *text, apr_pool_t *pool);

/* May a connection for a callback with this host be opened to this address? */
int tmf_target_permits(const tmf_targets_t *targets, const char *host,
                       const tmf_address_t *address);

/* Is `callback` a URL that may be registered? An absolute http or https URL (RFC 3986) of at most
 * TMF_CALLBACK_MAX bytes without user information and fragment; a host that is an address in any
 * spelling that a resolver understands, or localhost, must be permitted; other names are only
 * looked up when a connection is opened. `*host` is its host, in lower case, brackets removed.
 * TMF_ERROR_INVALID_BODY names `callback`. */
tmf_error_t *tmf_callback_check(const char **host, const char *callback,
                                const tmf_targets_t *targets, apr_pool_t *result_pool);

#endif
