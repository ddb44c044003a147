/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON document that leaves some things open. A string may hold `{{name}}`, where the text of a
 * setting is put; one that is nothing but the name of a number becomes that number. An object with
 * the member `x-when` stands only where the setting that this names is `On`, and without it.
 */
#ifndef TMF_MODEL_JSON_TEMPLATE_H
#define TMF_MODEL_JSON_TEMPLATE_H

#include <apr_tables.h>

#include "model/json.h"

typedef struct {
    const char *name;
    const char *text; /* of a number: as JSON spells it; of a switch: `On` or `Off` */
    int is_number;
} tmf_setting_t;

/* A document made of `template` and `settings`, an array of tmf_setting_t, which shares nothing
 * with them. A name that no setting has stays as it stands; an object that depends on such a name
 * does not. Names of members are not looked into. */
tmf_json_t *tmf_json_template_fill(const tmf_json_t *template, const apr_array_header_t *settings,
                                   apr_pool_t *result_pool);

#endif
