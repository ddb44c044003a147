#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gcc's analyzer and cppcheck find nothing.
source "$(dirname "$0")/lib.bash"

sources=$(find src mod_tmf_customer.c -name '*.c')
need "$sources" "C sources"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
mkdir "$made/store"
awk -f sql/statements/header.awk sql/statements/*.sql >"$made/store/statements.h"
read -ra flags < <(echo "-Isrc -I$made -DTMF_VERSION=\"\" -isystem $(apxs -q INCLUDEDIR) $(apr-1-config --includes --cppflags)" \
    "$(pkg-config --cflags libpq)")
# returnDanglingLifetime: cppcheck takes what a function pointer returns for its argument.
# The .c files are compiled one by one, so that the analyzer's memory stays small.
for source in $sources; do
    gcc "${flags[@]}" -Wall -Wextra -Werror -O1 -fanalyzer -c -o /dev/null "$source" || wrong "$source"
done
# shellcheck disable=SC2086
cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability,performance \
    -D'APR_STRINGIFY(n)=#n' --suppress=missingInclude \
    --suppress=returnDanglingLifetime --std=c11 -Isrc -I"$made" $sources || wrong "cppcheck, see above"
finish "the analyzers find nothing"
