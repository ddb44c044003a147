#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures; says nothing about right or wrong. See --help.
set -euo pipefail

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BENCH=$SOURCE/tests/bench
PYTHON=/usr/bin/python3 # Debian's, which has the packages; another may come first in PATH
CUSTOMERS=() SECONDS_EACH=20 ONLY=() MPM=event

usage() {
    cat <<USAGE
tests/bench/run.sh: builds the module, sets up PostgreSQL, httpd and the rivals, measures, and prints
Markdown tables. Figures of one run are to be compared with each other, not with those of another day.

  --customers N   in the table (100000 beside the rivals, 1000000 for the queries)
  --seconds S     for each row of a table, shared by those that it compares (20); from 10 on, five turns of each are taken even
                  if that takes longer
  --only NAME     only the rows with NAME in their name; may be given again
  --mpm MPM       event (default), worker or prefork, beside the rivals
USAGE
}

while [ $# -gt 0 ]; do
    case $1 in
    --customers) CUSTOMERS=(--customers "$2") && shift ;;
    --seconds) SECONDS_EACH=$2 && shift ;;
    --only) ONLY+=(--only "$2") && shift ;;
    --mpm) MPM=$2 && shift ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

build() {
    mkdir "$WORK/source" "$WORK/build" "$WORK/constant"
    (cd "$SOURCE" && git -c safe.directory="$SOURCE" ls-files -z --cached --others --exclude-standard |
        xargs -0 cp --parents -t "$WORK/source")
    (cd "$WORK/source" && autoreconf -i)
    (cd "$WORK/build" && ../source/configure && make -j "$(nproc)")
    cp "$BENCH/constant.c" "$WORK/constant"
    (cd "$WORK/constant" && apxs -c constant.c)
}

"$SOURCE/conf/install-packages.sh" build run bench
WORK=$(mktemp -d "${TMPDIR:-/tmp}/tmf-bench.XXXXXX")
chmod 755 "$WORK"
trap 'rm -rf "$WORK"' EXIT
build >"$WORK/build.log" 2>&1 || {
    tail -n 40 "$WORK/build.log" >&2
    exit 1
}
export TMF_MODULE=$WORK/build/mod_tmf_customer.so TMF_BENCH_MODULE=$WORK/constant/.libs/constant.so
export TMF_SQL_DIR=$SOURCE/sql TMF_TMP=$WORK PYTHONPATH=$SOURCE/tests/integration
failed=0
measure() {
    "$PYTHON" -B "$BENCH/$1" --seconds "$SECONDS_EACH" "${@:2}" || failed=1
}
measure side_by_side.py --mpm "$MPM" "${CUSTOMERS[@]}" "${ONLY[@]}"
measure query.py "${CUSTOMERS[@]}" "${ONLY[@]}"
if [ -e "$BENCH/notify.py" ] && [ ${#ONLY[@]} -eq 0 ]; then
    measure notify.py
fi
exit $failed
