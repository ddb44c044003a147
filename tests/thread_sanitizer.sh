#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the units whose threads share memory with ThreadSanitizer, and runs their tests. Needs a tree that has configure and
# is not built itself, as tests/run.sh makes one.
#
# The other sanitizers' run puts all of the module under load, but sees no races. ThreadSanitizer needs all code that shares
# something to be compiled for it, and httpd and PostgreSQL's library are not: so it is for units. It knows the locks of
# pthreads, in APR too, and C11's atomics; in APR's atomics, which Debian has compiled, it sees no order.
set -euo pipefail

readonly units=(combiner customer_cache metrics)
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

cd "$build"
"$source/configure" -q --enable-option-checking=fatal --enable-werror --enable-thread-sanitizer CFLAGS='-g -O1'
make -j "$(nproc)" libtmf.a "${units[@]/#/tests/unit/test_}" >make.log 2>&1 || { tail -n 60 make.log; exit 1; }
for unit in "${units[@]}"; do
    # Without randomised addresses: some kernels spread them more widely than ThreadSanitizer expects. Its exit code is that
    # of the process, so check may not fork.
    CK_DEFAULT_TIMEOUT=600 CK_FORK=no TSAN_OPTIONS=halt_on_error=0:exitcode=66 setarch -R "tests/unit/test_$unit"
done
