#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# src/api/README.md lists the error codes that the code has, with their statuses.
source "$(dirname "$0")/lib.bash"

# {400, "code"} of the table; the two codes for any other status stand as 4xx and 5xx in the table.
code=$(tr -d '\n' <src/error.c | grep -oE '= \{[0-9]+, *"[A-Za-z]+"' | sed -E 's/= \{([0-9]+), *"(.*)"/\2 \1/' |
    LC_ALL=C sort -u | sed -e 's/^clientError 400/clientError 4xx/' -e 's/^serverError 500/serverError 5xx/')
readme=$(sed -nE '/^### Errors/,/^### [^E]/s/^\| `([A-Za-z]+)` \| ([0-9x]+) \|.*/\1 \2/p' src/api/README.md)
compare "error codes in src/error.c (<) and src/api/README.md (>)" "$code" "$readme"
finish "error codes are documented"
