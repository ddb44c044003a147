#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The maps for those who change the code name only files and functions that there are, and a function, or a member of a
# struct, beside the file that it is in: "`one`, `another` (room/file.c)", or "`one` (`src/room/file.h`)". Walks are short.
source "$(dirname "$0")/lib.bash"

shopt -s nullglob
maps=(src/README.md src/*/README.md)
names=$(grep -ohE '\b(tmf_[a-z0-9_]+|[a-z_]+/[a-z_]+\.([ch]|\[ch\]|json|sql))\b' "${maps[@]}" | sort -u)
need "$names" "names in src/README.md"
code=$(cat mod_tmf_customer.c src/*.[ch] src/*/*.[ch] sql/*.sql sql/functions/*.sql)
while read -r name; do
    case $name in
    */*) compgen -G "src/$name" >/dev/null || [ -e "$name" ] || [ -e "sql/$name" ] || wrong "no such file: $name" ;;
    *) grep -qw -- "$name" <<<"$code" || wrong "no such function: $name" ;;
    esac
done <<<"$names"
while IFS=: read -r map pair; do
    read -ra files <<<"$(grep -oE '[a-z_]+/[a-z_]+\.[ch]' <<<"${pair#*(}" | sed 's:^:src/:' | paste -sd' ')"
    for name in $(grep -oE '`[a-z0-9_]+`' <<<"${pair%%(*}" | tr -d '`'); do
        grep -qE "^[a-z].*[ *]$name\(|(->|\.)$name\>" "${files[@]}" || wrong "$map: $name is not in ${files[*]}"
    done
done < <(grep -oHE '(`[a-z0-9_]+`, )*`[a-z0-9_]+` \(`?(src/)?[a-z_]+/[a-z_]+\.[ch][^)]*\)' "${maps[@]}")

# The first two walks of src/README.md, from their heading to the next; PATCH goes through the files of GET, but for its endpoint.
walk() {
    awk -v heading="$1" '/^\*\*/ { inside = index($0, heading) } inside' src/README.md | grep -oE '[a-z]+/[a-z_]+\.c\b'
}
short_walk() {
    local count
    count=$(sort -u | grep -c .)
    if [ "$count" -eq 0 ] || [ "$count" -gt "$2" ]; then
        wrong "src/README.md: the walk of $1 passes $count files, and may pass $2"
    fi
}
short_walk GET 10 < <(walk "GET B/customer/{id}")
short_walk PATCH 15 < <(walk "GET B/customer/{id}" | grep -v customer_get; walk "PATCH B/customer/{id}")
finish "the maps name what there is"
