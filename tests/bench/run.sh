#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures; says nothing about right or wrong. See --help.
set -euo pipefail

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CUSTOMERS=1000000 SECONDS_EACH=1 ONLY=()

usage() {
    cat <<USAGE
tests/bench/run.sh: builds the module, sets up PostgreSQL and httpd of its own, measures, and prints
Markdown tables. Figures of one run are to be compared with each other, not with those of another day.

  --customers N   in the large table (1000000)
  --seconds S     for each measurement (1); each is taken seven times
  --only NAME     one row of the table; may be given again
USAGE
}

while [ $# -gt 0 ]; do
    case $1 in
    --customers) CUSTOMERS=$2 && shift ;;
    --seconds) SECONDS_EACH=$2 && shift ;;
    --only) ONLY+=(--only "$2") && shift ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

"$SOURCE/conf/install-packages.sh" build run bench
WORK=$(mktemp -d "${TMPDIR:-/tmp}/tmf-bench.XXXXXX")
chmod 755 "$WORK"
trap 'rm -rf "$WORK"' EXIT
mkdir "$WORK/source" "$WORK/build"
(cd "$SOURCE" && git -c safe.directory="$SOURCE" ls-files -z --cached --others --exclude-standard |
    xargs -0 cp --parents -t "$WORK/source")
if ! (cd "$WORK/source" && autoreconf -i && cd "$WORK/build" && ../source/configure &&
    make -j "$(nproc)") >"$WORK/build.log" 2>&1; then
    tail -n 40 "$WORK/build.log" >&2
    exit 1
fi
export TMF_MODULE=$WORK/build/.libs/mod_tmf_customer.so TMF_SQL_DIR=$SOURCE/sql TMF_TMP=$WORK
PYTHONPATH=$SOURCE/tests/integration /usr/bin/python3 -B "$SOURCE/tests/bench/query.py" \
    --customers "$CUSTOMERS" --seconds "$SECONDS_EACH" "${ONLY[@]}"
