/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter against a document in memory: the same answer that PostgreSQL gives on the compiled
 * filter.
 *
 * The language of patterns is PostgreSQL's, so only PostgreSQL can say whether a text matches one.
 * It is asked about many texts at once: filters are tried first, which notes the texts whose
 * pattern has to decide; then all of them are asked about, and the filters are tried again. A
 * document can have any number of values, and a filter any number of conditions: whoever matches
 * sets a deadline for all of it.
 */
#ifndef TMF_QUERY_FILTER_MATCH_H
#define TMF_QUERY_FILTER_MATCH_H

#include <apr_time.h>

#include "model/json.h"
#include "query/filter.h"

/* Texts that one evaluation may ask about, and texts and their bytes of one question. */
#define TMF_MATCH_TEXTS_MAX      250000
#define TMF_MATCH_QUESTION_TEXTS 10000
#define TMF_MATCH_QUESTION_BYTES (1024 * 1024)

/* Which of `count` texts match the regular expression? Sets each of `matches` to 1 or 0.
 * TMF_ERROR_INVALID_PATTERN: it is none. */
typedef tmf_error_t *tmf_regex_fn(void *context, const char *pattern, const char *const *texts,
                                  int count, char *matches);

/* Who matches: how patterns are asked about, and for how long. */
typedef struct {
    tmf_regex_fn *regex;
    void *context;
    apr_time_t deadline; /* of everything that this matcher evaluates, by tmf_clock_now; 0 = none */
    apr_pool_t *pool;    /* of errors; evaluations have their own pools below it */
    tmf_error_code_t fault; /* of patterns that are none, as in tmf_reading_t */
} tmf_matcher_t;

typedef enum {
    TMF_MATCH_NO,
    TMF_MATCH_YES,
    TMF_MATCH_UNKNOWN /* a pattern decides, and tmf_evaluation_ask has not been called since */
} tmf_match_t;

/* What was noted and answered while filters are tried on documents. These must stay unchanged until
 * it ends. */
typedef struct tmf_evaluation_t tmf_evaluation_t;

tmf_evaluation_t *tmf_evaluation_begin(const tmf_matcher_t *matcher);

/* Frees all that it has noted. */
void tmf_evaluation_end(tmf_evaluation_t *evaluation);

/* Does the filter hold for `document`? TMF_ERROR_STATEMENT_TIMEOUT: past the matcher's deadline.
 * The matcher's fault: more than TMF_MATCH_TEXTS_MAX texts to ask about. */
tmf_error_t *tmf_filter_try(tmf_match_t *match, const tmf_filter_t *filter,
                            const tmf_json_t *document, tmf_evaluation_t *evaluation);

/* Asks about all texts that were noted: what was unknown is known when it is tried again. Errors
 * are the matcher's, and TMF_ERROR_STATEMENT_TIMEOUT. */
tmf_error_t *tmf_evaluation_ask(tmf_evaluation_t *evaluation);

/* Does the filter hold for `document`? An evaluation of its own: errors as above. */
tmf_error_t *tmf_filter_match(int *matches, const tmf_filter_t *filter, const tmf_json_t *document,
                              const tmf_matcher_t *matcher);

/* Tries every pattern of the filter once: one that is none is an error also where no value would
 * meet it, with the path as its subject. Errors are the matcher's. */
tmf_error_t *tmf_filter_check_patterns(const tmf_filter_t *filter, const tmf_matcher_t *matcher);

#endif
