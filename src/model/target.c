/* SPDX-License-Identifier: Apache-2.0 */
#include "model/target.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_lib.h>
#include <apr_strings.h>

typedef struct {
    tmf_address_t address;
    int bits;
} network_t;

/* A network or a name. */
typedef struct {
    const char *name; /* NULL = a network; ".example.com" = its suffix */
    network_t network;
} rule_t;

struct tmf_targets_t {
    apr_array_header_t *allowed; /* of rule_t */
    apr_array_header_t *denied;
    int only_allowed;
};

/* IANA's special-purpose registries. */
static const char *const special[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "::/96",         "64:ff9b:1::/48",  "100::/64",       "2001::/23",      "2001:db8::/32",
    "3fff::/20",     "5f00::/16",       "fc00::/7",       "fe80::/10",      "fec0::/10",
    "ff00::/8",
};

/* Where addresses of IPv6 carry one of IPv4. One that has several readings has several rows. */
static const struct {
    const char *network;
    int at[4];              /* the bytes of the IPv4 address */
    unsigned char inverted; /* what its bits are exchanged with */
} wrappers[] = {
    {"::/96", {12, 13, 14, 15}, 0},           /* IPv4-compatible */
    {"::ffff:0:0/96", {12, 13, 14, 15}, 0},   /* IPv4-mapped */
    {"::ffff:0:0:0/96", {12, 13, 14, 15}, 0}, /* SIIT */
    {"64:ff9b::/96", {12, 13, 14, 15}, 0},    /* NAT64 */
    {"64:ff9b:1::/48", {12, 13, 14, 15}, 0}, /* NAT64 of local use: RFC 6052 with a prefix of 96, */
    {"64:ff9b:1::/48", {9, 10, 11, 12}, 0},  /* … 64, */
    {"64:ff9b:1::/48", {7, 9, 10, 11}, 0},   /* … 56, */
    {"64:ff9b:1::/48", {6, 7, 9, 10}, 0},    /* … and 48 bits */
    {"2002::/16", {2, 3, 4, 5}, 0},          /* 6to4 */
    {"2001::/32", {4, 5, 6, 7}, 0},          /* Teredo: the server */
    {"2001::/32", {12, 13, 14, 15}, 0xFF},   /* Teredo: the client */
};

#define WRAPPERS (sizeof(wrappers) / sizeof(wrappers[0]))

/* The IPv4 addresses that an address of IPv6 stands for. */
typedef struct {
    tmf_address_t address[WRAPPERS + 1];
    int count;
} inside_t;

/* ---- networks ---- */

static int read_address(tmf_address_t *address, const char *text)
{
    address->length = inet_pton(AF_INET, text, address->bytes) == 1    ? 4
                      : inet_pton(AF_INET6, text, address->bytes) == 1 ? 16
                                                                       : 0;
    return address->length > 0;
}

/* `address` or `address/bits`; 0 when it is neither. */
static int read_network(network_t *network, const char *text)
{
    char address[INET6_ADDRSTRLEN];
    apr_size_t length = strcspn(text, "/");

    if (length >= sizeof(address)) {
        return 0;
    }
    apr_cpystrn(address, text, length + 1);
    if (!read_address(&network->address, address)) {
        return 0;
    }
    network->bits = network->address.length * 8;
    if (text[length] == '/') {
        const char *bits = text + length + 1;

        if (*bits == '\0' || strlen(bits) > 3 || strspn(bits, "0123456789") != strlen(bits) ||
            apr_atoi64(bits) > network->bits) {
            return 0;
        }
        network->bits = (int)apr_atoi64(bits);
    }
    return 1;
}

static int is_in(const tmf_address_t *address, const network_t *network)
{
    int whole = network->bits / 8;
    int rest = network->bits % 8;

    return address->length == network->address.length &&
           memcmp(address->bytes, network->address.bytes, (apr_size_t)whole) == 0 &&
           (rest == 0 ||
            ((address->bytes[whole] ^ network->address.bytes[whole]) >> (8 - rest)) == 0);
}

static int is_in_text(const tmf_address_t *address, const char *text)
{
    network_t network;

    return read_network(&network, text) && is_in(address, &network);
}

static int is_special(const tmf_address_t *address)
{
    apr_size_t i;

    for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (is_in_text(address, special[i])) {
            return 1;
        }
    }
    return 0;
}

/* ---- IPv4 in IPv6 ---- */

/* RFC 5214: an interface identifier of ISATAP, in any network. */
static int is_isatap(const tmf_address_t *address)
{
    static const unsigned char identifier[] = {0x00, 0x5E, 0xFE};

    return address->length == 16 && (address->bytes[8] & ~0x03) == 0 &&
           memcmp(address->bytes + 9, identifier, sizeof(identifier)) == 0;
}

static void add_inside(inside_t *inside, const tmf_address_t *address, const int *at,
                       unsigned char inverted)
{
    tmf_address_t *plain = &inside->address[inside->count++];
    int i;

    memset(plain, 0, sizeof(*plain));
    plain->length = 4;
    for (i = 0; i < 4; i++) {
        plain->bytes[i] = address->bytes[at[i]] ^ inverted;
    }
}

/* Where several readings are possible, one that yields no address of a host (0.0.0.0/8) is left out
 * if another one yields one. */
static void drop_empty(inside_t *inside)
{
    int kept = 0;
    int i;

    for (i = 0; i < inside->count; i++) {
        if (inside->address[i].bytes[0] != 0) {
            inside->address[kept++] = inside->address[i];
        }
    }
    inside->count = kept > 0 ? kept : inside->count;
}

/* `::` and `::1` are addresses of IPv6 alone (RFC 4291 §2.5). */
static void look_inside(inside_t *inside, const tmf_address_t *address)
{
    static const int last[] = {12, 13, 14, 15};
    apr_size_t i;

    inside->count = 0;
    if (is_in_text(address, "::/127")) {
        return;
    }
    for (i = 0; i < WRAPPERS; i++) {
        if (is_in_text(address, wrappers[i].network)) {
            add_inside(inside, address, wrappers[i].at, wrappers[i].inverted);
        }
    }
    if (is_in_text(address, "64:ff9b:1::/48")) {
        drop_empty(inside);
    }
    if (is_isatap(address)) {
        add_inside(inside, address, last, 0);
    }
}

/* ---- rules ---- */

tmf_targets_t *tmf_targets_make(apr_pool_t *result_pool)
{
    tmf_targets_t *targets = apr_pcalloc(result_pool, sizeof(*targets));

    targets->allowed = apr_array_make(result_pool, 4, sizeof(rule_t));
    targets->denied = apr_array_make(result_pool, 4, sizeof(rule_t));
    return targets;
}

static int is_host_name(const char *text)
{
    return *text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-._") == strlen(text);
}

static char *lower_case(const char *text, apr_size_t length, apr_pool_t *pool)
{
    char *lower = apr_pstrmemdup(pool, text, length);
    char *at;

    for (at = lower; *at != '\0'; at++) {
        *at = (char)apr_tolower(*at);
    }
    return lower;
}

static const char *add_rule(apr_array_header_t *rules, const char *text, apr_pool_t *pool)
{
    const char *name = lower_case(text, strlen(text), pool);
    rule_t rule = {NULL, {{{0}, 0}, 0}};

    if (!read_network(&rule.network, text)) {
        name += strncmp(name, "*.", 2) == 0;
        if (!is_host_name(name) || strspn(name, "0123456789.") == strlen(name)) {
            return apr_psprintf(pool,
                                "takes addresses, networks such as 10.1.0.0/16, host names and "
                                "*.suffixes of them, not '%s'",
                                text);
        }
        rule.name = name;
    }
    APR_ARRAY_PUSH(rules, rule_t) = rule;
    return NULL;
}

const char *tmf_targets_allow(tmf_targets_t *targets, const char *text, apr_pool_t *pool)
{
    if (strcasecmp(text, "all") == 0) {
        return "takes addresses, networks and host names; 0.0.0.0/0 and ::/0 are all of them";
    }
    return add_rule(targets->allowed, text, pool);
}

/* `::ffff:10.0.0.0/104` is how sockets of IPv6 write 10.0.0.0/8: who denies it means both. */
static void deny_mapped(tmf_targets_t *targets)
{
    rule_t rule = APR_ARRAY_IDX(targets->denied, targets->denied->nelts - 1, rule_t);

    if (rule.name == NULL && rule.network.bits >= 96 &&
        is_in_text(&rule.network.address, "::ffff:0:0/96")) {
        rule.network.bits -= 96;
        rule.network.address.length = 4;
        memcpy(rule.network.address.bytes, rule.network.address.bytes + 12, 4);
        APR_ARRAY_PUSH(targets->denied, rule_t) = rule;
    }
}

const char *tmf_targets_deny(tmf_targets_t *targets, const char *text, apr_pool_t *pool)
{
    const char *problem;

    if (strcasecmp(text, "all") == 0) {
        targets->only_allowed = 1;
        return NULL;
    }
    problem = add_rule(targets->denied, text, pool);
    if (problem == NULL) {
        deny_mapped(targets);
    }
    return problem;
}

static int has_name(const char *host, const char *name)
{
    apr_size_t length = strlen(host);
    apr_size_t suffix = strlen(name);

    return *name != '.' ? strcmp(host, name) == 0
                        : length > suffix && strcmp(host + length - suffix, name) == 0;
}

static int fits(const apr_array_header_t *rules, const char *host, const tmf_address_t *address)
{
    int i;

    for (i = 0; i < rules->nelts; i++) {
        const rule_t *rule = &APR_ARRAY_IDX(rules, i, rule_t);

        if (rule->name != NULL ? has_name(host, rule->name) : is_in(address, &rule->network)) {
            return 1;
        }
    }
    return 0;
}

static int is_denied(const tmf_targets_t *targets, const char *host, const tmf_address_t *address,
                     const inside_t *inside)
{
    int i;

    for (i = 0; i < inside->count; i++) {
        if (fits(targets->denied, host, &inside->address[i])) {
            return 1;
        }
    }
    return fits(targets->denied, host, address);
}

int tmf_target_permits(const tmf_targets_t *targets, const char *host, const tmf_address_t *address)
{
    int is_open = !targets->only_allowed;
    int allowed = 0;
    inside_t inside;
    int i;

    look_inside(&inside, address);
    if (is_denied(targets, host, address, &inside)) {
        return 0;
    }
    for (i = 0; i < inside.count; i++) {
        if (fits(targets->allowed, host, &inside.address[i])) {
            allowed++;
        } else if (is_special(&inside.address[i])) {
            return 0;
        }
    }
    is_open |= inside.count > 0 && allowed == inside.count;
    return fits(targets->allowed, host, address) || (is_open && !is_special(address));
}

/* ---- callbacks ---- */

/* The parts of a URL that matter here; pointers into its text. */
typedef struct {
    const char *authority;
    apr_size_t authority_length;
    const char *host; /* without brackets */
    apr_size_t host_length;
} url_t;

/* Printable ASCII that RFC 3986 has a place for. */
static int is_url_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (!apr_isgraph(*text) || strchr("\"<>\\^`{|}", *text) != NULL) {
            return 0;
        }
    }
    return 1;
}

static const char *after_scheme(const char *text)
{
    static const char *const schemes[] = {"http://", "https://"};
    apr_size_t i;

    for (i = 0; i < 2; i++) {
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0) {
            return text + strlen(schemes[i]);
        }
    }
    return NULL;
}

/* `:digits`, 1…65535, or nothing, from `at` to `end`. */
static int is_port(const char *at, const char *end)
{
    apr_size_t length = (apr_size_t)(end - at);
    apr_int64_t port;

    if (length == 0) {
        return 1;
    }
    port = *at == ':' && strspn(at + 1, "0123456789") >= length - 1 ? apr_atoi64(at + 1) : 0;
    return length <= 6 && port >= 1 && port <= 65535;
}

/* What is wrong with the URL; NULL = nothing. */
static const char *split(url_t *url, const char *text)
{
    const char *end;
    const char *after_host;

    if (strlen(text) > TMF_CALLBACK_MAX) {
        return "it is longer than 2048 bytes";
    }
    url->authority = after_scheme(text);
    if (url->authority == NULL || !is_url_text(text)) {
        return "it must be an absolute http or https URL, without blanks and in ASCII";
    }
    url->authority_length = strcspn(url->authority, "/?#");
    end = url->authority + url->authority_length;
    if (memchr(url->authority, '@', url->authority_length) != NULL) {
        return "it must not have a user name or password";
    }
    if (strchr(text, '#') != NULL) {
        return "it must not have a fragment (#)";
    }
    if (*url->authority == '[') {
        url->host = url->authority + 1;
        url->host_length = strcspn(url->host, "]");
        after_host = url->host + url->host_length + 1;
    } else {
        url->host = url->authority;
        url->host_length = strcspn(url->host, ":/?#");
        after_host = url->host + url->host_length;
    }
    if (url->host_length == 0 || after_host > end || !is_port(after_host, end)) {
        return "its host or port is none";
    }
    return NULL;
}

static int permits_literal(const tmf_targets_t *targets, const char *host, const char *text)
{
    tmf_address_t address;

    return read_address(&address, text) && tmf_target_permits(targets, host, &address);
}

/* The address that a resolver takes the host for without asking anybody: decimal, octal and
 * hexadecimal spellings included. 0 = it is a name. */
static int read_numeric_host(tmf_address_t *address, const char *host)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;

    if (getaddrinfo(host, NULL, &hints, &found) != 0) {
        return 0;
    }
    if (found->ai_family == AF_INET) {
        address->length = 4;
        memcpy(address->bytes, &((struct sockaddr_in *)found->ai_addr)->sin_addr, 4);
    } else {
        address->length = 16;
        memcpy(address->bytes, &((struct sockaddr_in6 *)found->ai_addr)->sin6_addr, 16);
    }
    freeaddrinfo(found);
    return 1;
}

static int permits_host(const tmf_targets_t *targets, const char *host)
{
    tmf_address_t address;

    if (read_numeric_host(&address, host)) {
        return tmf_target_permits(targets, host, &address);
    }
    if (has_name(host, "localhost") || has_name(host, ".localhost")) {
        return permits_literal(targets, host, "127.0.0.1") || permits_literal(targets, host, "::1");
    }
    return 1;
}

static const char *check_host(const char **host, const url_t *url, const tmf_targets_t *targets,
                              apr_pool_t *pool)
{
    char *name = lower_case(url->host, url->host_length, pool);
    apr_size_t length = url->host_length;
    tmf_address_t address;

    if (*url->authority == '[') {
        if (inet_pton(AF_INET6, name, address.bytes) != 1) {
            return "its host is no IPv6 address";
        }
    } else {
        if (name[length - 1] == '.') {
            name[length - 1] = '\0';
        }
        if (!is_host_name(name)) {
            return "its host is no name and no address";
        }
    }
    *host = name;
    return permits_host(targets, name) ? NULL
                                       : "this server does not notify listeners at that address";
}

tmf_error_t *tmf_callback_check(const char **host, const char *callback,
                                const tmf_targets_t *targets, apr_pool_t *result_pool)
{
    url_t url;
    const char *problem = split(&url, callback);

    if (problem == NULL) {
        problem = check_host(host, &url, targets, result_pool);
    }
    return problem == NULL
               ? NULL
               : tmf_error_make(result_pool, TMF_ERROR_INVALID_BODY, "callback: %s", problem);
}
