#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs every test; ends with the line "N passed, N failed". See --help.
set -euo pipefail

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=/usr/bin/python3 # Debian's, which has the packages; another may come first in PATH
MODE=plain MPM=event OTHERS='event worker prefork' FULL=no SELECT=()
PASSED=0 FAILED=0 SKIPPED=0

usage() {
    cat <<USAGE
tests/run.sh: sets up what the tests need, builds the module and runs every test.

  --asan        the module under AddressSanitizer and UndefinedBehaviorSanitizer, in the stock apache2
  --valgrind    the short list of tests, with httpd under valgrind
  --mpm MPM     the whole suite on event (default), worker or prefork, and on the others the faults
  --others MPMS the faults on these alone: "prefork", say, or ""
  --full        the whole suite on every MPM
  --soak        the faults beside notifications, on one MPM; tests/soak.sh makes them long
  -k EXPRESSION pytest's selection
USAGE
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --asan) MODE=asan ;;
        --valgrind) MODE=valgrind ;;
        --soak) MODE=soak ;;
        --mpm) MPM=$2 && shift ;;
        --others) OTHERS=$2 && shift ;;
        --full) FULL=yes ;;
        -k) SELECT=(-k "$2") && shift ;;
        --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
        esac
        shift
    done
}

count() {
    PASSED=$((PASSED + $1)) FAILED=$((FAILED + $2)) SKIPPED=$((SKIPPED + ${3:-0}))
}

# One test: a command that succeeds or not, whose output shows only when it does not.
try() {
    local name=$1 log=$WORK/$1.log
    shift
    if "$@" >"$log" 2>&1; then
        count 1 0
        echo "ok: $name"
    else
        count 0 1
        echo "FAILED: $name"
        tail -n 60 "$log"
    fi
}

build() {
    local options=(--enable-werror)
    # The tree of a clone has no configure; a copy of it is built, so that several runs get along.
    # The clone may belong to another user than the one who tests.
    (cd "$SOURCE" && git -c safe.directory="$SOURCE" ls-files -z --cached --others --exclude-standard |
        xargs -0 cp --parents -t "$WORK/source")
    (cd "$WORK/source" && autoreconf -i)
    if [ $MODE = asan ]; then options+=(--enable-sanitizers); fi
    (cd "$WORK/build" && ../source/configure "${options[@]}" && make -j "$(nproc)")
}

run_unit_tests() {
    local log
    if ! CK_DEFAULT_TIMEOUT=600 make -C "$WORK/build" -j "$(nproc)" check >"$WORK/check.log" 2>&1; then
        tail -n 80 "$WORK/check.log" "$WORK"/build/tests/unit/*.log || true
    fi
    # check's own closing lines: "97%: Checks: 68, Failures: 1, Errors: 0"
    for log in "$WORK"/build/tests/unit/test_*.log; do
        read -r checks failures errors < <(sed -nE \
            's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' "$log") ||
            { checks=1 failures=1 errors=0; }
        count $((checks - failures - errors)) $((failures + errors))
    done
    echo "unit tests done: $PASSED passed, $FAILED failed so far"
}

# $1: an MPM; the rest: what pytest is to select.
run_integration_tests() {
    local mpm=$1 result=$WORK/junit-$1.xml
    shift
    echo "integration tests on $mpm"
    (cd "$SOURCE/tests/integration" && TMF_MPM=$mpm "$PYTHON" -B -m pytest -q --junit-xml "$result" \
        --durations 8 --durations-min 5 --basetemp "$WORK/pytest-$mpm" "${WORKERS[@]}" "$@" "${SELECT[@]}") || true
    count_junit "$result"
}

count_junit() {
    local numbers
    numbers=$("$PYTHON" - "$1" <<'PY'
import sys
import xml.etree.ElementTree as tree
try:
    suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
    wrong = int(suite.get("failures")) + int(suite.get("errors"))
    skipped = int(suite.get("skipped"))
    print(max(0, int(suite.get("tests")) - wrong - skipped), wrong, skipped)
except (FileNotFoundError, tree.ParseError):
    print(0, 1, 0)
PY
    )
    # shellcheck disable=SC2086
    count $numbers
}

run_checks() {
    local check
    for check in "$SOURCE"/tests/checks/*.sh; do
        try "$(basename "$check" .sh)" "$check"
    done
}

main() {
    read_arguments "$@"
    if [ -z "${TMF_WORK-}" ]; then
        "$SOURCE/conf/install-packages.sh" build run test
        exec "$PYTHON" -B "$SOURCE/tests/contained.py" "${BASH_SOURCE[0]}" "$@"
    fi
    WORK=$TMF_WORK
    unset TMF_WORK # a run within this one has a directory of its own
    export TMF_TMP=$WORK
    mkdir "$WORK/source" "$WORK/build"
    # Two cores, but most of them wait for something. What is expensive to set up stays with one of them.
    WORKERS=(-n 3 --dist loadgroup)
    try build build
    [ $FAILED -eq 0 ] || { echo "$PASSED passed, $FAILED failed" && exit 1; }
    export TMF_MODULE=$WORK/build/mod_tmf_customer.so TMF_SQL_DIR=$SOURCE/sql
    case $MODE in
    plain)
        run_checks
        run_unit_tests
        try thread_sanitizer "$WORK/source/tests/thread_sanitizer.sh"
        run_integration_tests "$MPM"
        for other in $OTHERS; do
            [ "$other" != "$MPM" ] || continue
            if [ $FULL = yes ]; then run_integration_tests "$other"
            else run_integration_tests "$other" -m mpm; fi
        done ;;
    asan)
        export TMF_ASAN=1
        run_unit_tests
        run_integration_tests "$MPM" ;;
    soak)
        WORKERS=()
        run_integration_tests "$MPM" test_notify_faults.py ;;
    valgrind)
        export TMF_VALGRIND=1
        WORKERS=()
        run_integration_tests "$MPM" -m smoke ;;
    esac
    echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ $FAILED -eq 0 ] && [ $PASSED -gt 0 ]
}

main "$@"
