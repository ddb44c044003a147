/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With TMFCustomerCreditProfile current clients see the first credit profile of a customer only. So
 * that they cannot change what they do not see, a change is made of what is shown, and what is
 * hidden stays behind it, but for what the change has itself: made twice, it changes nothing more.
 */
#ifndef TMF_API_CREDIT_PROFILE_H
#define TMF_API_CREDIT_PROFILE_H

#include "api/api.h"
#include "model/json.h"

/* The stored document with the credit profiles that clients see: it shares its members, or is
 * `stored` itself when nothing is hidden. */
const tmf_json_t *tmf_credit_profile_shown(const tmf_json_t *stored, const tmf_request_t *request,
                                           apr_pool_t *result_pool);

/* The changed document, whose credit profiles are valid, with those behind them that `stored`
 * hides: it shares its members, or is `changed` itself when nothing is hidden. */
tmf_json_t *tmf_credit_profile_keep(tmf_json_t *changed, const tmf_json_t *stored,
                                    const tmf_request_t *request, apr_pool_t *result_pool);

#endif
