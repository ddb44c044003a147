/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the directives at the end, and what is done by it: to read arguments, to merge what
 * sections say, to give defaults. tests/checks/directives.sh keeps conf/tmf_customer.conf and
 * conf/README.md equal to the table. */
#include "config/config.h"
#include "config/parse.h"

#include <string.h>

#include <apr_strings.h>

/* What a setting can be. */
typedef struct {
    tmf_parse_fn *parse;
    apr_size_t size; /* of its place: 8 bytes at most */
    int unset;       /* what each of its bytes is when nothing was given */
} type_t;

/* What becomes of one argument of a directive. */
typedef struct {
    const type_t *type; /* NULL ends the settings of a directive */
    apr_size_t offset;  /* of its place in the configuration */
    const char *range;
    const char *by_default; /* as it would be written; NULL = it stays unset */
} setting_t;

static const char *parse_path(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    (void)range;
    *(const char **)place = ap_server_root_relative(pool, text);
    return *(const char **)place != NULL ? NULL : "takes the path of a file";
}

/* Those that `place` has, or gets: more are added to them. */
static tmf_targets_t *targets_at(tmf_targets_t **place, apr_pool_t *pool)
{
    if (*place == NULL) {
        *place = tmf_targets_make(pool);
    }
    return *place;
}

static const char *add_allowed(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    (void)range;
    return tmf_targets_allow(targets_at(place, pool), text, pool);
}

static const char *add_denied(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    (void)range;
    return tmf_targets_deny(targets_at(place, pool), text, pool);
}

static const char *add_pause(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    apr_array_header_t **schedule = place;

    if (*schedule == NULL) {
        *schedule = apr_array_make(pool, 8, sizeof(apr_interval_time_t));
    }
    return tmf_parse_duration(apr_array_push(*schedule), text, range, pool);
}

#define UNSET_BYTE 0xff /* of TMF_UNSET */

static const type_t number = {tmf_parse_number, sizeof(int), UNSET_BYTE};
static const type_t duration = {tmf_parse_duration, sizeof(apr_interval_time_t), UNSET_BYTE};
static const type_t flag = {tmf_parse_flag, sizeof(int), UNSET_BYTE};
static const type_t credit_profile = {tmf_parse_credit_profile, sizeof(int), UNSET_BYTE};
static const type_t base_url = {tmf_parse_base_url, sizeof(tmf_base_url_t *), 0};
static const type_t path = {parse_path, sizeof(char *), 0};
static const type_t allowed = {add_allowed, sizeof(tmf_targets_t *), 0};
static const type_t denied = {add_denied, sizeof(tmf_targets_t *), 0};
static const type_t schedule = {add_pause, sizeof(apr_array_header_t *), 0};

/* ---- how httpd hands over arguments ---- */

/* Where directives may stand; IN_SPACE also says that they are those of a URL space. */
#define IN_SPACE  (RSRC_CONF | ACCESS_CONF)
#define IN_SERVER RSRC_CONF

static void *place_of(const setting_t *setting, void *config)
{
    return (char *)config + setting->offset;
}

static const char *parse(const setting_t *setting, void *config, const char *text, apr_pool_t *pool)
{
    return setting->type->parse(place_of(setting, config), text, setting->range, pool);
}

/* Names the directive in the message; httpd adds file and line. */
static const char *named(const cmd_parms *cmd, const char *problem)
{
    return problem == NULL ? NULL : apr_pstrcat(cmd->pool, cmd->cmd->name, " ", problem, NULL);
}

static const char *set(cmd_parms *cmd, void *space, int argument, const char *text)
{
    const setting_t *setting = (const setting_t *)cmd->cmd->cmd_data + argument;
    void *config = cmd->cmd->req_override == IN_SPACE ? space
                                                      : tmf_config_in_the_making(cmd->server);

    return named(cmd, parse(setting, config, text, cmd->pool));
}

static const char *set_one(cmd_parms *cmd, void *space, const char *text)
{
    return set(cmd, space, 0, text);
}

static const char *set_two(cmd_parms *cmd, void *space, const char *first, const char *second)
{
    const char *problem = set(cmd, space, 0, first);

    return problem == NULL && second != NULL ? set(cmd, space, 1, second) : problem;
}

static const char *set_two_in_main(cmd_parms *cmd, void *space, const char *first,
                                   const char *second)
{
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return problem != NULL ? problem : set_two(cmd, space, first, second);
}

static const char *set_schedule(cmd_parms *cmd, void *space, int argc, char *const argv[])
{
    const char *problem = argc > 0 ? NULL : named(cmd, "takes one or more durations");
    int i;

    tmf_config_in_the_making(cmd->server)->notify.schedule = NULL; /* of a line before */
    for (i = 0; i < argc && problem == NULL; i++) {
        problem = set(cmd, space, 0, argv[i]);
    }
    return problem;
}

/* ---- the table: a name, where it may stand, the help, and for each argument the type, the place,
 * the range and the default ---- */

#define SPACE(member)  APR_OFFSETOF(tmf_space_config_t, member)
#define SERVER(member) APR_OFFSETOF(tmf_server_config_t, member)

/* clang-format off */
#define SETTINGS(...) ((setting_t[]){__VA_ARGS__, {NULL, 0, NULL, NULL}})
#define ONE(name, where, help, ...) AP_INIT_TAKE1(name, set_one, SETTINGS(__VA_ARGS__), where, help)
#define TWO(name, where, help, ...) AP_INIT_TAKE12(name, set_two, SETTINGS(__VA_ARGS__), where, help)
#define TWO_IN_MAIN(name, help, ...) \
    AP_INIT_TAKE12(name, set_two_in_main, SETTINGS(__VA_ARGS__), IN_SERVER, help)
#define SCHEDULE(name, where, help, ...) \
    AP_INIT_TAKE_ARGV(name, set_schedule, SETTINGS(__VA_ARGS__), where, help)
#define EACH(name, where, help, ...) AP_INIT_ITERATE(name, set_one, SETTINGS(__VA_ARGS__), where, help)

const command_rec tmf_config_commands[] = {
    ONE("TMFCustomerBaseURL", IN_SPACE, "URL that clients see: an origin, to which the Location's path is appended, or all of it",
        {&base_url, SPACE(base_url), NULL, NULL}),
    ONE("TMFCustomerPageSize", IN_SPACE, "customers in a list when the request sets no limit",
        {&number, SPACE(page_size), "1 to 100000", "100"}),
    ONE("TMFCustomerMaxPageSize", IN_SPACE, "customers in a list at most, whatever limit the request sets",
        {&number, SPACE(page_size_max), "1 to 100000", "1000"}),
    ONE("TMFCustomerPartialContent", IN_SPACE, "On: a page that is not the whole result has status 206; Off: 200",
        {&flag, SPACE(partial_content), NULL, "On"}),
    ONE("TMFCustomerClientId", IN_SPACE, "On: POST honours the id in the body; Off: the server chooses it",
        {&flag, SPACE(client_id), NULL, "Off"}),
    ONE("TMFCustomerCreditProfile", IN_SPACE, "all: replies have every credit profile; current: the first one only",
        {&credit_profile, SPACE(credit_profile), NULL, "all"}),
    ONE("TMFCustomerMaxBody", IN_SPACE, "bytes of a request body at most",
        {&number, SPACE(body_max), "1 to 268435456", "1048576"}),
    ONE("TMFCustomerMaxDepth", IN_SPACE, "levels of nesting in a request body at most",
        {&number, SPACE(body_depth_max), "4 to 1000", "64"}),
    ONE("TMFCustomerMaxDocument", IN_SPACE, "bytes of a customer at most, whatever made it as large",
        {&number, SPACE(document_max), "1 to 268435456", NULL}),
    ONE("TMFCustomerIdempotencyTTL", IN_SPACE, "how long the reply to a POST with an Idempotency-Key is kept, to be given again",
        {&duration, SPACE(idempotency_ttl), "1s to 365d", "24h"}),
    ONE("TMFCustomerStatementTimeout", IN_SERVER, "how long the database may work on one statement",
        {&duration, SERVER(statement_timeout), "100ms to 1h", "5s"}),
    ONE("TMFCustomerPoolTimeout", IN_SERVER, "how long a request waits for a usable database connection",
        {&duration, SERVER(pool_timeout), "100ms to 1h", "2s"}),
    TWO_IN_MAIN("TMFCustomerCache", "MiB in each child for customers that are read by id, or Off; how old they may be",
        {&number, SERVER(cache_size), "1 to 65536, or Off", "Off"},
        {&duration, SERVER(cache_age), "100ms to 1h", "2s"}),
    ONE("TMFCustomerHistory", IN_SERVER, "On: each change is kept with its time, its user and the customer before",
        {&flag, SERVER(history.enabled), NULL, "Off"}),
    ONE("TMFCustomerHistoryRetention", IN_SERVER, "how long changes are kept, or forever",
        {&duration, SERVER(history.kept_for), "1s to 36500d, or forever", "90d"}),
    ONE("TMFCustomerNotify", IN_SERVER, "On: this server delivers notifications; Off: it leaves them to others on the database",
        {&flag, SERVER(notify.wanted), NULL, "On"}),
    ONE("TMFCustomerNotifyMaxHubs", IN_SERVER, "hubs that are accepted at most",
        {&number, SERVER(hubs_max), "0 to 100000", "1000"}),
    EACH("TMFCustomerNotifyAllow", IN_SERVER, "networks and hosts that listeners may have although they are special ones",
        {&allowed, SERVER(targets), NULL, NULL}),
    EACH("TMFCustomerNotifyDeny", IN_SERVER, "networks and hosts that listeners may not have; all: whatever is not allowed",
        {&denied, SERVER(targets), NULL, NULL}),
    ONE("TMFCustomerNotifySecrets", IN_SERVER, "file of the secrets that notifications are signed with",
        {&path, SERVER(notify.secrets_file), NULL, NULL}),
    ONE("TMFCustomerNotifyConnectTimeout", IN_SERVER, "how long a connection to a listener may take to be made",
        {&duration, SERVER(notify.connect_timeout), "100ms to 1h", "3s"}),
    ONE("TMFCustomerNotifyTimeout", IN_SERVER, "how long a notification may take in all",
        {&duration, SERVER(notify.timeout), "100ms to 1h", "10s"}),
    TWO("TMFCustomerNotifyConcurrency", IN_SERVER, "notifications at a time to one listener, and to all of them",
        {&number, SERVER(notify.concurrency), "1 to 1000", "8"},
        {&number, SERVER(notify.concurrency_all), "1 to 10000", "256"}),
    SCHEDULE("TMFCustomerNotifySchedule", IN_SERVER, "how long a listener that fails is left alone, after each failure in a row",
        {&schedule, SERVER(notify.schedule), "100ms to 1d", "1s 5s 30s 2min 10min 30min 1h"}),
    ONE("TMFCustomerNotifyRefusedTries", IN_SERVER, "how often an event is sent to a listener that refuses it",
        {&number, SERVER(notify.refused_tries), "1 to 1000", "3"}),
    ONE("TMFCustomerNotifyDisableAfter", IN_SERVER, "how long a listener may fail before it is disabled",
        {&duration, SERVER(notify.disable_after), "1s to 365d", "3d"}),
    ONE("TMFCustomerNotifyRetention", IN_SERVER, "how long dead letters are kept",
        {&duration, SERVER(notify.retention), "1s to 365d", "30d"}),
    ONE("TMFCustomerNotifyPoll", IN_SERVER, "how often the database is asked for what other hosts have committed",
        {&duration, SERVER(notify.poll), "10ms to 2s", "500ms"}),
    {NULL}
};
/* clang-format on */

/* ---- what is done with all settings of a space or of a server ---- */

typedef void visit_fn(const setting_t *setting, void *config, void *add, apr_pool_t *pool);

static void *visit_all(visit_fn *visit, int scope, void *config, void *add, apr_pool_t *pool)
{
    const command_rec *command;
    const setting_t *setting;

    for (command = tmf_config_commands; command->name != NULL; command++) {
        for (setting = command->cmd_data; setting->type != NULL; setting++) {
            if (command->req_override == scope) {
                visit(setting, config, add, pool);
            }
        }
    }
    return config;
}

static void unset(const setting_t *setting, void *config, void *add, apr_pool_t *pool)
{
    (void)add;
    (void)pool;
    memset(place_of(setting, config), setting->type->unset, setting->type->size);
}

static int is_given(const setting_t *setting, void *config)
{
    unsigned char unset_bytes[sizeof(apr_int64_t)];

    memset(unset_bytes, setting->type->unset, sizeof(unset_bytes));
    return memcmp(place_of(setting, config), unset_bytes, setting->type->size) != 0;
}

static void merge(const setting_t *setting, void *config, void *add, apr_pool_t *pool)
{
    (void)pool;
    if (is_given(setting, add)) {
        memcpy(place_of(setting, config), place_of(setting, add), setting->type->size);
    }
}

static void complete(const setting_t *setting, void *config, void *add, apr_pool_t *pool)
{
    const char *words = is_given(setting, config) ? NULL : setting->by_default;

    (void)add;
    while (words != NULL && *words != '\0') {
        const char *problem = parse(setting, config, ap_getword_white(pool, &words), pool);

        ap_assert(problem == NULL);
    }
}

/* tmf_config_check finds the paths: a Location may have no directive of ours. */
void *tmf_config_create_space(apr_pool_t *pool, char *directory)
{
    (void)directory;
    return visit_all(unset, IN_SPACE, apr_pcalloc(pool, sizeof(tmf_space_config_t)), NULL, pool);
}

void *tmf_config_merge_space(apr_pool_t *pool, void *base, void *add)
{
    return visit_all(merge, IN_SPACE, apr_pmemdup(pool, base, sizeof(tmf_space_config_t)), add,
                     pool);
}

tmf_space_config_t *tmf_config_complete_space(const tmf_space_config_t *given, apr_pool_t *pool)
{
    return visit_all(complete, IN_SPACE, apr_pmemdup(pool, given, sizeof(*given)), NULL, pool);
}

void *tmf_config_create_server(apr_pool_t *pool, server_rec *server)
{
    (void)server;
    return visit_all(unset, IN_SERVER, apr_pcalloc(pool, sizeof(tmf_server_config_t)), NULL, pool);
}

void *tmf_config_merge_server(apr_pool_t *pool, void *base, void *add)
{
    return visit_all(merge, IN_SERVER, apr_pmemdup(pool, base, sizeof(tmf_server_config_t)), add,
                     pool);
}

tmf_server_config_t *tmf_config_complete_server(const tmf_server_config_t *given, apr_pool_t *pool)
{
    tmf_server_config_t *config = apr_pmemdup(pool, given, sizeof(*config));
    int is_all_given = config->notify.concurrency_all != TMF_UNSET;

    visit_all(complete, IN_SERVER, config, NULL, pool);
    if (!is_all_given && config->notify.concurrency > config->notify.concurrency_all) {
        config->notify.concurrency_all = config->notify.concurrency;
    }
    if (config->targets == NULL) {
        config->targets = tmf_targets_make(pool);
    }
    return config;
}
