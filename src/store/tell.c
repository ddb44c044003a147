/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tell.h"

#include "model/event.h"
#include "store/array.h"

const char *tmf_tell_types(unsigned types, apr_pool_t *result_pool)
{
    tmf_text_t names;
    int type;

    tmf_array_init(&names, result_pool);
    for (type = 0; type < TMF_EVENT_TYPES; type++) {
        if ((types & (1u << type)) != 0) {
            tmf_array_add(&names, tmf_event_type_name((tmf_event_type_t)type));
        }
    }
    return tmf_array_text(&names);
}

void tmf_tell_set(const char **parameters, const tmf_tell_t *tell, apr_pool_t *pool)
{
    parameters[0] = tmf_tell_types(tell->types, pool);
    parameters[1] = tell->changed;
    parameters[2] = tell->correlation_id;
    parameters[3] = tell->href;
    parameters[4] = tell->trace.parent;
    parameters[5] = tell->trace.state;
}

void tmf_tell_count(tmf_db_t *db, const tmf_tell_t *tell)
{
    int type;

    for (type = 0; type < TMF_EVENT_TYPES; type++) {
        if ((tell->types & (1u << type)) != 0) {
            tmf_db_count_change(db, (tmf_event_type_t)type);
        }
    }
}

void tmf_tell_done(tmf_db_t *db, const tmf_db_rows_t *rows, int column)
{
    if (tmf_db_row_count(rows) > 0 && tmf_db_number(rows, 0, column) > 0) {
        tmf_db_wake_notifier(db);
    }
}
