#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The long version of the tests of faults beside notifications; tests/run.sh runs the short one. See --help.
set -euo pipefail

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MPM=event KILLS=100 RESTARTS=10 MINUTES=30

usage() {
    cat <<USAGE
tests/soak.sh: kills httpd, restarts PostgreSQL and holds bad listeners beside good ones, again and again, under a
load of 200 changes a second, and prints what came of it. Takes about an hour.

  --mpm MPM     event (default), worker or prefork
  --kills N     of the dispatching child, and as many of all of httpd (100)
  --restarts N  of PostgreSQL (10)
  --minutes N   beside good and bad listeners (30)
USAGE
}

while [ $# -gt 0 ]; do
    case $1 in
    --mpm) MPM=$2 && shift ;;
    --kills) KILLS=$2 && shift ;;
    --restarts) RESTARTS=$2 && shift ;;
    --minutes) MINUTES=$2 && shift ;;
    --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

TMF_FIGURES=$(mktemp)
trap 'rm -f "$TMF_FIGURES"' EXIT
export TMF_FIGURES TMF_NOTIFY_KILLS=$KILLS TMF_NOTIFY_RESTARTS=$RESTARTS TMF_NOTIFY_SOAK_SECONDS=$((MINUTES * 60))
result=0
"$SOURCE/tests/run.sh" --soak --mpm "$MPM" || result=$?
cat "$TMF_FIGURES"
exit "$result"
