#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
source "$(dirname "$0")/lib.bash"

files=$(find .ci/run conf tests -name '*.sh' -o -path .ci/run)
need "$files" "shell scripts"
# SC2016 takes the backquotes in patterns for Markdown for forgotten expansions.
# shellcheck disable=SC2086
shellcheck -x -P tests/checks -e SC2016 $files || wrong "see above"
finish "shell scripts are clean"
