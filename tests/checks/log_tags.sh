#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each tag TMFnnnn marks one place in the code, and conf/README.md says of each what it means, at which level.
source "$(dirname "$0")/lib.bash"

tags=$(grep -rhoE 'TMF[0-9]{4}' src mod_tmf_customer.c --include='*.c')
need "$tags" "log tags"
while read -r tag; do
    [ -z "$tag" ] || wrong "$tag stands in several places"
done < <(sort <<<"$tags" | uniq -d)

rows=$(sed -nE 's/^\| `(TMF[0-9]{4})` \| ([a-z, ]+) \| [^|]+ \| [^|]+ \|$/\1 \2/p' conf/README.md)
compare "log tags in the code (<) and in the table of conf/README.md (>)" "$tags" "$(cut -d ' ' -f 1 <<<"$rows")"
diff <(sort <<<"$rows") - <<<"$rows" >/dev/null || wrong "the table of log tags in conf/README.md is not sorted"

# The levels that stand between APLOG_MARK and the tag; the cause of an error that is sent to a client is logged as an error.
levels=$(find src mod_tmf_customer.c -name '*.c' -exec cat {} + | tr '\n' ' ' | grep -oE 'APLOG_MARK,[^;"]*"TMF[0-9]{4}' |
    sed -E 's/APLOG_MARK//; s/APLOG_ERR\b/error/g; s/APLOG_CRIT\b/critical/g; s/APLOG_([A-Z]+)/\L\1/g' |
    while read -r call; do
        echo "${call: -7} $(grep -oE '\b(critical|error|warning|notice|info|debug)\b' <<<"${call%\"*}" | sort | paste -sd ' ')"
    done)
need "$levels" "levels of log lines"
while read -r tag documented; do
    logged=$(sed -n "s/^$tag //p" <<<"$levels")
    documented=$(tr -d ',' <<<"$documented" | tr ' ' '\n' | sort | paste -sd ' ')
    [ "$documented" = "${logged:-error}" ] || wrong "$tag is logged as ${logged:-error}, conf/README.md says $documented"
done <<<"$rows"
finish "log tags are unique and documented"
