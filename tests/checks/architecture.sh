#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rooms of src/ and their one-way arrows; one owner file for each foreign library.
source "$(dirname "$0")/lib.bash"

includes() {
    grep -rnE "^#include" "$@"
}

# $1 is the pattern of a header, $2 that of the only files that may include it.
owned() {
    local line
    while read -r line; do
        [ -z "$line" ] || wrong "only $2 may: $line"
    done < <(includes src mod_tmf_customer.c | grep -E "<$1" | grep -vE "^$2:" || true)
}

# $1: a room; the rest: the rooms that its files may include.
arrows() {
    local room=$1 line allowed
    shift
    allowed=$(IFS='|' && echo "$*")
    [ -d "src/$room" ] || return 0
    while read -r line; do
        [ -z "$line" ] || wrong "no such arrow: $line"
    done < <(includes "src/$room" | grep '"' | grep -vE "\"(error\.h|($allowed)/)" || true)
}

need "$(ls src/model/*.c src/query/*.c 2>/dev/null)" "src/model and src/query"
if includes src/model src/query src/metrics src/error.c src/error.h |
    grep -E '<(httpd|http_|ap_|mod_|util_|mpm|scoreboard)'; then
    wrong "model, query, metrics and error.c know nothing of httpd"
fi
owned 'json-c/' 'src/model/json\.c'
owned '(apr_dbd|mod_dbd)' 'src/store/db\.c'
owned 'libpq-fe' 'src/store/connection\.h'
owned 'curl/' 'src/notify/deliver\.c'
arrows config config model
arrows metrics metrics model
arrows model model
arrows query query model
arrows store store model metrics
arrows notify notify store model query metrics
arrows api api config query model store
arrows http http api config model metrics
arrows status status http api config model query store notify metrics
finish "rooms keep to their arrows"
