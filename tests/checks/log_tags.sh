#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each tag TMFnnnn marks one place in the code.
source "$(dirname "$0")/lib.bash"

tags=$(grep -rhoE 'TMF[0-9]{4}' src mod_tmf_customer.c --include='*.c')
need "$tags" "log tags"
while read -r tag; do
    [ -z "$tag" ] || wrong "$tag stands in several places"
done < <(sort <<<"$tags" | uniq -d)
finish "log tags are unique"
