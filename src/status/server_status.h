/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TMF_STATUS_SERVER_STATUS_H
#define TMF_STATUS_SERVER_STATUS_H

/* register_hooks: adds our section to mod_status, if that is loaded. */
void tmf_server_status_register(void);

#endif
