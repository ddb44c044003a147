#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing. Usage: conf/install-packages.sh build|run|test …
set -euo pipefail

packages_of() {
    case $1 in
    build) echo gcc libc6-dev make autoconf automake libtool pkg-config apache2-dev libapr1-dev \
        libaprutil1-dev libpq-dev libjson-c-dev libcurl4-openssl-dev check ;;
    run) echo apache2-bin libaprutil1-dbd-pgsql postgresql postgresql-client curl util-linux ;;
    test) echo apache2 openssl python3-pytest python3-pytest-timeout python3-pytest-xdist \
        python3-requests python3-psycopg2 python3-hypothesis python3-jsonschema libasan8 libubsan1 \
        pmccabe cppcheck clang-format shellcheck valgrind xz-utils media-types git ;;
    *) echo "install-packages.sh: sets are build, run, test; not '$1'" >&2 && exit 2 ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The packages' services are not wanted: a server that the machine did not have must not run afterwards.
# dpkg asks this file before it starts one; a file that is there already is somebody's decision.
without_services() {
    local policy=/usr/sbin/policy-rc.d ours=no status=0
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
        ours=yes
    fi
    "$@" || status=$?
    [ $ours = no ] || as_root rm -f $policy
    return $status
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

main() {
    local set package missing=()
    for set in "$@"; do
        for package in $(packages_of "$set"); do
            is_installed "$package" || missing+=("$package")
        done
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
        echo "Some packages are missing. As root, run:" >&2
        echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
        return 1
    fi
    echo "Installing ${missing[*]}"
    as_root apt-get -qq update
    without_services as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

main "$@"
