# SPDX-License-Identifier: Apache-2.0
# Shared by the checks; sourced with the working directory at the root of the project afterwards.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
WRONG=0

wrong() {
    echo "wrong: $*"
    WRONG=1
}

# Ends a check: $1 says what holds.
finish() {
    [ "$WRONG" -eq 0 ] && echo "ok: $1"
    exit "$WRONG"
}

# A check that finds nothing to look at must fail.
need() {
    [ -n "$1" ] || { echo "wrong: $2 was not found" && exit 1; }
}

# The rows of two lists that are not in both.
compare() {
    local what=$1 left=$2 right=$3 row
    need "$left" "$what, first list"
    need "$right" "$what, second list"
    while read -r row; do
        [ -z "$row" ] || wrong "$what: $row"
    done < <(diff <(sort <<<"$left") <(sort <<<"$right") | grep '^[<>]' || true)
}
