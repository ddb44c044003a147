/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <http_config.h>

tmf_request_state_t *tmf_request_state(request_rec *r)
{
    tmf_request_state_t *state = ap_get_module_config(r->request_config, &tmf_customer_module);

    if (state == NULL) {
        state = apr_pcalloc(r->pool, sizeof(*state));
        ap_set_module_config(r->request_config, &tmf_customer_module, state);
    }
    return state;
}
