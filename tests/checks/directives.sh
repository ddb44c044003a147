#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# conf/tmf_customer.conf and conf/README.md have every directive, and with the same defaults.
source "$(dirname "$0")/lib.bash"

code=$(grep -oE '"TMFCustomer[A-Za-z]+"' src/config/commands.c | tr -d '"')
reference=$(sed -nE 's/^ *#(TMFCustomer[A-Za-z]+) .+/\1/p' conf/tmf_customer.conf)
readme=$(sed -nE 's/^\| `(TMFCustomer[A-Za-z]+)` \|.*/\1/p' conf/README.md)
compare "directives in commands.c (<) and conf/tmf_customer.conf (>)" "$code" "$reference"
compare "directives in commands.c (<) and conf/README.md (>)" "$code" "$readme"
defaults() {
    grep -vE 'TMFCustomer(BaseURL|NotifyAllow|NotifyDeny|NotifySecrets)' # they have none to be written down
}
compare "defaults in conf/tmf_customer.conf (<) and conf/README.md (>)" \
    "$(sed -nE 's/^ *#(TMFCustomer[A-Za-z]+) (.+)/\1 \2/p' conf/tmf_customer.conf | defaults)" \
    "$(sed -nE 's/^\| `(TMFCustomer[A-Za-z]+)` \| ([^|]+) \|.*/\1 \2/p' conf/README.md | defaults)"
finish "directives are documented"
