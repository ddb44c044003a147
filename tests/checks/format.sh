#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
source "$(dirname "$0")/lib.bash"

files=$(find src tests/unit tests/bench mod_tmf_customer.c -name '*.[ch]')
need "$files" "C sources"
# shellcheck disable=SC2086
clang-format --dry-run -Werror $files || wrong "run clang-format -i"
finish "C is formatted"
