#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
source "$(dirname "$0")/lib.bash"

files=$(find src tests/unit tests/bench mod_tmf_customer.c -name '*.[ch]')
need "$files" "C sources"
# shellcheck disable=SC2086
clang-format --dry-run -Werror $files || wrong "run clang-format -i"
# The bench's rival; where Go is not installed, nobody has changed it.
if command -v gofmt >/dev/null; then
    [ -z "$(gofmt -l tests/bench)" ] || wrong "run gofmt -w tests/bench"
fi
finish "C and Go are formatted"
