/* SPDX-License-Identifier: Apache-2.0 */
/* A filter against a document in memory: the same answer that PostgreSQL gives on the compiled
 * filter. */
#ifndef TMF_QUERY_FILTER_MATCH_H
#define TMF_QUERY_FILTER_MATCH_H

#include "model/json.h"
#include "query/filter.h"

/* Does `text` match the regular expression? The language of patterns is PostgreSQL's, so only
 * PostgreSQL can say: whoever matches brings the way to ask it. */
typedef tmf_error_t *tmf_regex_fn(void *context, const char *pattern, const char *text,
                                  int *matches);

typedef struct {
    tmf_regex_fn *regex;
    void *context;
} tmf_matcher_t;

/* Tries every pattern of the filter once: one that is none is an error also where no value would
 * meet it. Errors are the matcher's. */
tmf_error_t *tmf_filter_check_patterns(const tmf_filter_t *filter, const tmf_matcher_t *matcher);

/* Does the filter hold for `document`? Errors are the matcher's. */
tmf_error_t *tmf_filter_match(int *matches, const tmf_filter_t *filter, const tmf_json_t *document,
                              const tmf_matcher_t *matcher);

#endif
