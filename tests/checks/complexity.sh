#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No function passes complexity 15 or 80 lines, no file 600 lines, and the module's own file 350.
source "$(dirname "$0")/lib.bash"

sources=$(find src mod_tmf_customer.c -name '*.c')
need "$sources" "C sources"
# shellcheck disable=SC2086
measured=$(pmccabe $sources)
need "$measured" "pmccabe's measurements"
while read -r line; do
    [ -z "$line" ] || wrong "complexity or length: $line"
done < <(awk '$1 > 15 || $5 > 80 { print $6, $7, "complexity", $1, "lines", $5 }' <<<"$measured")
while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || wrong "$file has $lines lines"
done < <(find src tests conf sql mod_tmf_customer.c -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o -name '*.sql')
[ "$(wc -l <mod_tmf_customer.c)" -le 350 ] || wrong "mod_tmf_customer.c has more than 350 lines"
finish "functions and files are short"
