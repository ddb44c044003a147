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

# $1: a room; the rest: the rooms, or headers, that its files may include.
arrows() {
    local room=$1 line allowed
    shift
    allowed=$(IFS='|' && echo "$*")
    [ -d "src/$room" ] || return 0
    while read -r line; do
        [ -z "$line" ] || wrong "no such arrow: $line"
    done < <(includes "src/$room" | grep '"' | grep -vE "\"(error\.h\"|($allowed))" || true)
}

need "$(ls src/model/*.c src/query/*.c 2>/dev/null)" "src/model and src/query"
if includes src/model src/query src/metrics src/api src/*.[ch] src/config/settings.h src/store/*.h src/notify/*.h |
    grep -E '<(httpd|http_|ap_|mod_|util_|mpm|scoreboard)'; then
    wrong "model, query, metrics, api and the headers of store and notify know nothing of httpd"
fi
owned '(apr_dbd|mod_dbd)' 'src/store/db\.c'
owned 'libpq-fe' 'src/store/connection\.h'
owned 'curl/' 'src/notify/deliver\.c'
arrows config config/ model/
arrows metrics metrics/ model/
arrows model model/
arrows query query/ model/
arrows store store/ model/ metrics/
arrows notify notify/ config/settings.h store/ model/ query/ metrics/
arrows api api/ service.h config/settings.h model/ query/ store/
arrows http http/ service.h config/ api/ model/ metrics/
arrows status status/ service.h http/ api/ config/ model/ query/ store/ notify/ metrics/

# The API asks for customers and hubs, and the store alone for connections.
if includes src/api | grep -E '"store/' | grep -vE '"store/(customer_store|hub_store)\.h"' || grep -n 'tmf_db_[a-z]*(' src/api/*.[ch]; then
    wrong "api knows no connection, and of the store customer_store.h and hub_store.h"
fi

# Compiled where there are no headers of httpd, but those of APR.
read -ra flags < <(echo "-Isrc -DTMF_VERSION=\"\" $(apr-1-config --includes --cppflags) $(pkg-config --cflags libpq)")
gcc "${flags[@]}" -fsyntax-only src/error.c src/api/*.c src/query/*.c src/model/*.c src/metrics/*.c \
    src/service.h src/*/settings.h src/store/*.h src/notify/*.h || wrong "the rooms above need no header of httpd, but for some .c files"
finish "rooms keep to their arrows"
