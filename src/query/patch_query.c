/* SPDX-License-Identifier: Apache-2.0 */
#include "query/patch_query.h"

#include <string.h>

#include <apr_strings.h>

#include "query/conditions.h"
#include "query/jsonpath.h"

#define TOKENS_MAX (2 * TMF_POINTER_MAX) /* of a place: names, and the indexes between them */

/* Where a path leads, as it was written: one of the two. */
typedef struct {
    tmf_pointer_t pointer;
    tmf_filter_t *conditions;  /* an AND, NULL = none: plain RFC 6901 */
    apr_array_header_t *steps; /* of tmf_step_t; NULL = it is a pointer */
} selection_t;

typedef struct {
    tmf_patch_operation_t *operation;
    selection_t path;
    selection_t from;
} entry_t;

struct tmf_patch_query_t {
    apr_array_header_t *entries; /* of entry_t */
};

/* ---- reading ---- */

static tmf_error_t *read_conditions(selection_t *selection, const char *text,
                                    tmf_reading_t *reading)
{
    tmf_raw_t rest = {text, strlen(text)};

    selection->conditions = tmf_filter_make(TMF_FILTER_AND, reading->pool);
    while (rest.length > 0) {
        TMF_TRY(tmf_conditions_add(selection->conditions, tmf_raw_cut(&rest, '&'), reading));
    }
    return selection->conditions->children->nelts > 0
               ? NULL
               : tmf_reading_refuse(reading, "a condition must follow the \"?\"");
}

static tmf_error_t *read_pointer(selection_t *selection, const char *text, tmf_reading_t *reading)
{
    const char *question = strchr(text, '?');
    apr_size_t length = question != NULL ? (apr_size_t)(question - text) : strlen(text);

    if (!tmf_pointer_parse(&selection->pointer, apr_pstrmemdup(reading->pool, text, length),
                           reading->pool)) {
        return tmf_reading_refuse(reading,
                                  "a path must be a JSON Pointer such as /contactMedium/0, with "
                                  "?conditions or without, or JSONPath");
    }
    return question != NULL ? read_conditions(selection, question + 1, reading) : NULL;
}

static tmf_error_t *read_selection(selection_t *selection, const char *text, tmf_reading_t *reading)
{
    return *text == '\0' || *text == '/' || *text == '?'
               ? read_pointer(selection, text, reading)
               : tmf_jsonpath_read_steps(&selection->steps, text, reading);
}

static tmf_error_t *read_entry(entry_t *entry, tmf_reading_t *reading)
{
    const tmf_patch_operation_t *operation = entry->operation;

    TMF_TRY(read_selection(&entry->path, operation->path_text, reading));
    return operation->from_text != NULL
               ? read_selection(&entry->from, operation->from_text, reading)
               : NULL;
}

tmf_error_t *tmf_patch_query_read(tmf_patch_query_t **query, apr_array_header_t *operations,
                                  apr_pool_t *result_pool)
{
    tmf_reading_t reading = {TMF_ERROR_INVALID_BODY, NULL, 0, 0, result_pool};
    tmf_patch_query_t *read = apr_palloc(result_pool, sizeof(*read));
    int i;

    read->entries = apr_array_make(result_pool, operations->nelts + 1, sizeof(entry_t));
    for (i = 0; i < operations->nelts; i++) {
        tmf_patch_operation_t *operation = &APR_ARRAY_IDX(operations, i, tmf_patch_operation_t);
        entry_t *entry = apr_array_push(read->entries);

        entry->operation = operation;
        TMF_TRY(tmf_patch_about(read_entry(entry, &reading), operation, result_pool));
    }
    *query = read;
    return NULL;
}

/* ---- finding the places ---- */

/* How the last step of a way was made: decides what `add` means there. */
typedef enum { BY_NAME, BY_INDEX, BY_ELEMENT } manner_t;

/* An element that the way goes through. */
typedef struct {
    const tmf_json_t *element;
    int names; /* how many names led to its array */
} passed_t;

/* What the paths of one patch share. */
typedef struct {
    const tmf_matcher_t *matcher;
    tmf_evaluation_t *evaluation; /* of the path that is followed at the moment */
    int unknown;                  /* patterns have to decide where it leads to */
    int places;                   /* so far */
    int elements;                 /* so far */
} account_t;

/* The way that is followed at the moment, and the places that were found. */
typedef struct {
    const tmf_patch_operation_t *operation;
    const selection_t *selection;
    int is_target; /* of an add or copy or move: the last member need not be there */
    const tmf_json_t *document;
    const char *tokens[TOKENS_MAX];
    int token_count;
    passed_t passed[TOKENS_MAX];
    int passed_count;
    apr_array_header_t *places; /* of tmf_pointer_t */
    account_t *account;
    apr_pool_t *pool;
} way_t;

static tmf_error_t *follow(way_t *way, const tmf_json_t *value, int step, manner_t manner);

static tmf_error_t *refuse(const way_t *way, tmf_error_code_t code, const char *what)
{
    return tmf_patch_error(way->operation, code, what, way->pool);
}

static int has_prefix(tmf_path_t path, const tmf_pointer_t *pointer, int names)
{
    int i = 0;

    while (i < names && i < path.count && strcmp(path.names[i], pointer->tokens[i]) == 0) {
        i++;
    }
    return i == names && path.count > names;
}

/* Where a pattern has to decide, the way does not go on for now. */
static tmf_error_t *match(int *matches, const way_t *way, const tmf_filter_t *filter,
                          const tmf_json_t *value)
{
    tmf_match_t match;

    TMF_TRY(tmf_filter_try(&match, filter, value, way->account->evaluation));
    way->account->unknown |= match == TMF_MATCH_UNKNOWN;
    *matches = match == TMF_MATCH_YES;
    return NULL;
}

/* Does a condition hold for the element that it is about? */
static tmf_error_t *holds(int *result, const way_t *way, const tmf_filter_t *condition)
{
    tmf_filter_t inner = *condition;
    const tmf_json_t *subject = way->document;
    int i = way->passed_count - 1;

    while (i >= 0 && !has_prefix(condition->path, &way->selection->pointer, way->passed[i].names)) {
        i--;
    }
    if (i >= 0) {
        subject = way->passed[i].element;
        inner.path = tmf_path_rest(condition->path, way->passed[i].names);
    } else if (way->passed_count > 0) {
        subject = way->passed[way->passed_count - 1].element;
    }
    return match(result, way, &inner, subject);
}

/* The same for AND and OR of conditions. */
static tmf_error_t *all_hold(int *result, const way_t *way, const tmf_filter_t *conditions)
{
    int wanted = conditions->kind == TMF_FILTER_OR;
    int i;

    if (conditions->kind == TMF_FILTER_COMPARE) {
        return holds(result, way, conditions);
    }
    for (i = 0; i < conditions->children->nelts; i++) {
        TMF_TRY(all_hold(result, way, APR_ARRAY_IDX(conditions->children, i, tmf_filter_t *)));
        if (*result == wanted) {
            return NULL;
        }
    }
    *result = !wanted;
    return NULL;
}

static tmf_error_t *push_place(way_t *way)
{
    tmf_pointer_t *place;

    if (++way->account->places > TMF_PATCH_OPERATIONS_MAX) {
        return refuse(way, TMF_ERROR_INVALID_BODY,
                      apr_psprintf(way->pool, "the patch leads to more than %d places",
                                   TMF_PATCH_OPERATIONS_MAX));
    }
    place = apr_array_push(way->places);
    place->count = way->token_count;
    place->tokens = apr_pmemdup(way->pool, way->tokens,
                                sizeof(*way->tokens) * (apr_size_t)way->token_count);
    return NULL;
}

/* The way is at its end: a place, if the conditions hold. Nothing is there yet: `value` is NULL. */
static tmf_error_t *arrive(way_t *way, const tmf_json_t *value, manner_t manner)
{
    int is_array = value != NULL && tmf_json_type(value) == TMF_JSON_ARRAY;
    int chosen = 1;
    tmf_error_t *error;

    if (way->selection->conditions != NULL) {
        TMF_TRY(all_hold(&chosen, way, way->selection->conditions));
    }
    if (!chosen) {
        return NULL;
    }
    if (!way->is_target || manner == BY_INDEX || !(is_array || manner == BY_ELEMENT)) {
        return push_place(way);
    }
    if (!is_array) {
        return refuse(way, TMF_ERROR_INVALID_BODY,
                      "nothing can be added at an element itself: name a member of it, or the "
                      "array without a condition to append, or use replace");
    }
    way->tokens[way->token_count++] = "-";
    error = push_place(way);
    way->token_count--;
    return error;
}

/* One step on: `token` leads to `value`. */
static tmf_error_t *go(way_t *way, const char *token, const tmf_json_t *value, int next_step,
                       manner_t manner)
{
    tmf_error_t *error;

    if (way->token_count >= TOKENS_MAX - 1) { /* one is left for "-" */
        return NULL;
    }
    way->tokens[way->token_count++] = token;
    error = follow(way, value, next_step, manner);
    way->token_count--;
    return error;
}

static tmf_error_t *go_through(way_t *way, const tmf_json_t *array, const tmf_filter_t *filter,
                               int names, int next_step);

/* An array among the elements that a filter chooses from is gone into, as on the way of a path. */
static tmf_error_t *go_into(way_t *way, const char *token, const tmf_json_t *array,
                            const tmf_filter_t *filter, int names, int next_step)
{
    tmf_error_t *error;

    if (way->token_count >= TOKENS_MAX - 1) {
        return NULL;
    }
    way->tokens[way->token_count++] = token;
    error = go_through(way, array, filter, names, next_step);
    way->token_count--;
    return error;
}

/* To an element of an array, if it meets `filter`. */
static tmf_error_t *go_to_element(way_t *way, const char *token, const tmf_json_t *element,
                                  const tmf_filter_t *filter, int names, int next_step)
{
    tmf_error_t *error;
    int chosen = 1;

    if (++way->account->elements > TMF_PATCH_ELEMENTS_MAX) {
        return refuse(way, TMF_ERROR_INVALID_BODY,
                      "the patch looks at too many elements of arrays");
    }
    if (filter != NULL && tmf_json_type(element) == TMF_JSON_ARRAY) {
        return go_into(way, token, element, filter, names, next_step);
    }
    if (filter != NULL) {
        TMF_TRY(match(&chosen, way, filter, element));
    }
    if (!chosen) {
        return NULL;
    }
    way->passed[way->passed_count].element = element;
    way->passed[way->passed_count++].names = names;
    error = go(way, token, element, next_step, BY_ELEMENT);
    way->passed_count--;
    return error;
}

/* Goes through each element of an array that meets `filter` (NULL = each). */
static tmf_error_t *go_through(way_t *way, const tmf_json_t *array, const tmf_filter_t *filter,
                               int names, int next_step)
{
    int i;

    for (i = 0; i < tmf_json_count(array) && way->passed_count < TOKENS_MAX; i++) {
        TMF_TRY(go_to_element(way, apr_itoa(way->pool, i), tmf_json_at(array, i), filter, names,
                              next_step));
    }
    return NULL;
}

/* To a member; an add need not find the last one. */
static tmf_error_t *go_to_member(way_t *way, const tmf_json_t *value, const char *name, int step,
                                 int is_last)
{
    const tmf_json_t *member = tmf_json_get(value, name);

    if (member != NULL) {
        return go(way, name, member, step + 1, BY_NAME);
    }
    return is_last && way->is_target && tmf_json_type(value) == TMF_JSON_OBJECT
               ? go(way, name, NULL, step + 1, BY_NAME)
               : NULL;
}

/* To an element by its index; an add may go behind the last one. */
static tmf_error_t *go_to_index(way_t *way, const tmf_json_t *value, const char *token, int step,
                                int is_last)
{
    int index = tmf_pointer_index(token);
    int count = tmf_json_type(value) == TMF_JSON_ARRAY ? tmf_json_count(value) : -1;

    if (index >= 0 && index < count) {
        return go(way, token, tmf_json_at(value, index), step + 1, BY_INDEX);
    }
    return is_last && way->is_target && (index == count || index == TMF_INDEX_END) && count >= 0
               ? go(way, token, NULL, step + 1, BY_INDEX)
               : NULL;
}

static tmf_error_t *follow_pointer(way_t *way, const tmf_json_t *value, int step, manner_t manner)
{
    const tmf_pointer_t *pointer = &way->selection->pointer;
    const char *token = step < pointer->count ? pointer->tokens[step] : NULL;
    int is_array = value != NULL && tmf_json_type(value) == TMF_JSON_ARRAY;

    if (is_array && token != NULL && tmf_pointer_index(token) != TMF_INDEX_NONE) {
        return go_to_index(way, value, token, step, step + 1 == pointer->count);
    }
    if (is_array && way->selection->conditions != NULL) {
        return go_through(way, value, NULL, step, step);
    }
    return token == NULL ? arrive(way, value, manner)
                         : go_to_member(way, value, token, step, step + 1 == pointer->count);
}

static tmf_error_t *follow_steps(way_t *way, const tmf_json_t *value, int index, manner_t manner)
{
    const apr_array_header_t *steps = way->selection->steps;
    const tmf_step_t *step;
    int chosen = 1;

    if (index == steps->nelts) {
        return arrive(way, value, manner);
    }
    step = &APR_ARRAY_IDX(steps, index, tmf_step_t);
    if (step->kind == TMF_STEP_MEMBER) {
        return go_to_member(way, value, step->name, index, index + 1 == steps->nelts);
    }
    if (step->kind == TMF_STEP_INDEX) {
        return go_to_index(way, value, step->name, index, index + 1 == steps->nelts);
    }
    if (tmf_json_type(value) == TMF_JSON_ARRAY) {
        return go_through(way, value, step->filter, 0, index + 1);
    }
    if (index > 0) {
        return NULL;
    }
    if (step->filter != NULL) {
        TMF_TRY(match(&chosen, way, step->filter, value));
    }
    return chosen ? follow_steps(way, value, index + 1, manner) : NULL;
}

static tmf_error_t *follow(way_t *way, const tmf_json_t *value, int step, manner_t manner)
{
    return way->selection->steps != NULL ? follow_steps(way, value, step, manner)
                                         : follow_pointer(way, value, step, manner);
}

static tmf_error_t *check_patterns(const way_t *way)
{
    const apr_array_header_t *steps = way->selection->steps;
    const tmf_matcher_t *matcher = way->account->matcher;
    int i;

    if (way->selection->conditions != NULL) {
        TMF_TRY(tmf_filter_check_patterns(way->selection->conditions, matcher));
    }
    for (i = 0; steps != NULL && i < steps->nelts; i++) {
        const tmf_filter_t *filter = APR_ARRAY_IDX(steps, i, tmf_step_t).filter;

        if (filter != NULL) {
            TMF_TRY(tmf_filter_check_patterns(filter, matcher));
        }
    }
    return NULL;
}

/* Follows the path until no pattern is undecided: with each answer it may lead further, and to
 * others. */
static tmf_error_t *follow_and_ask(way_t *way)
{
    account_t *account = way->account;
    const account_t before = *account;

    for (;;) {
        account->unknown = 0;
        TMF_TRY(follow(way, way->document, 0, BY_NAME));
        if (!account->unknown) {
            return NULL;
        }
        TMF_TRY(tmf_evaluation_ask(account->evaluation));
        account->places = before.places;
        account->elements = before.elements;
        way->places->nelts = 0;
    }
}

static tmf_error_t *follow_decided(way_t *way)
{
    account_t *account = way->account;
    tmf_error_t *error;

    TMF_TRY(tmf_patch_about(check_patterns(way), way->operation, way->pool));
    account->evaluation = tmf_evaluation_begin(account->matcher);
    error = follow_and_ask(way);
    tmf_evaluation_end(account->evaluation);
    return error;
}

/* All places of one path, in the document's order: at least one. */
static tmf_error_t *find_places(apr_array_header_t **places, const tmf_json_t *document,
                                const entry_t *entry, const selection_t *selection,
                                account_t *account, apr_pool_t *pool)
{
    way_t *way = apr_pcalloc(pool, sizeof(*way));
    tmf_patch_kind_t kind = entry->operation->kind;

    way->operation = entry->operation;
    way->selection = selection;
    way->is_target = selection == &entry->path &&
                     (kind == TMF_PATCH_ADD || kind == TMF_PATCH_COPY || kind == TMF_PATCH_MOVE);
    way->document = document;
    way->places = apr_array_make(pool, 4, sizeof(tmf_pointer_t));
    way->account = account;
    way->pool = pool;
    *places = way->places;
    TMF_TRY(follow_decided(way));
    if (way->places->nelts > 0) {
        return NULL;
    }
    return refuse(way, TMF_ERROR_PATCH_CONFLICT,
                  selection == &entry->path ? "the path leads to nothing"
                                            : "from leads to nothing");
}

/* ---- applying ---- */

/* What one patch works with. */
typedef struct {
    tmf_json_t **document;
    tmf_patch_room_t *room;
    account_t account;
    apr_pool_t *pool;
} work_t;

/* Makes of a move or copy an add: its value is that of `from`, which a move takes away. */
static tmf_error_t *take_from(tmf_patch_operation_t *operation, work_t *work, const entry_t *entry)
{
    apr_array_header_t *places;
    tmf_patch_operation_t removal;
    tmf_json_t *value = *work->document;
    int i;

    TMF_TRY(find_places(&places, *work->document, entry, &entry->from, &work->account, work->pool));
    if (places->nelts > 1) {
        return tmf_patch_error(operation, TMF_ERROR_PATCH_CONFLICT, "from leads to several values",
                               work->pool);
    }
    removal = *operation;
    removal.kind = TMF_PATCH_REMOVE;
    removal.path = APR_ARRAY_IDX(places, 0, tmf_pointer_t);
    for (i = 0; i < removal.path.count; i++) {
        value = tmf_pointer_step(value, removal.path.tokens[i]);
    }
    operation->value = tmf_json_copy(value, work->pool);
    return operation->kind == TMF_PATCH_MOVE
               ? tmf_patch_apply(work->document, &removal, work->room, work->pool)
               : NULL;
}

static tmf_error_t *apply_entry(work_t *work, const entry_t *entry)
{
    tmf_patch_operation_t operation = *entry->operation;
    apr_array_header_t *places;
    int i;

    if (operation.from_text != NULL) {
        TMF_TRY(take_from(&operation, work, entry));
    }
    TMF_TRY(find_places(&places, *work->document, entry, &entry->path, &work->account, work->pool));
    if (operation.kind == TMF_PATCH_MOVE && places->nelts > 1) {
        return tmf_patch_error(&operation, TMF_ERROR_PATCH_CONFLICT,
                               "the path leads to several places", work->pool);
    }
    if (operation.from_text != NULL) {
        operation.kind = TMF_PATCH_ADD;
    }
    for (i = places->nelts - 1; i >= 0; i--) {
        operation.path = APR_ARRAY_IDX(places, i, tmf_pointer_t);
        TMF_TRY(tmf_patch_apply(work->document, &operation, work->room, work->pool));
    }
    return NULL;
}

tmf_error_t *tmf_patch_query_apply(tmf_json_t **document, const tmf_patch_query_t *query,
                                   const tmf_matcher_t *matcher, tmf_patch_room_t *room,
                                   apr_pool_t *result_pool)
{
    work_t work = {document, room, {matcher, NULL, 0, 0, 0}, result_pool};
    int i;

    for (i = 0; i < query->entries->nelts; i++) {
        TMF_TRY(apply_entry(&work, &APR_ARRAY_IDX(query->entries, i, entry_t)));
    }
    return NULL;
}
