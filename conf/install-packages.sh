#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing; asks for nothing when none is.
#
#   conf/install-packages.sh SET…       with SET one or more of: build run console test bench
#   conf/install-packages.sh --missing SET…       only prints which
#
# Needs root, or a sudo that asks no password; otherwise it prints the line to run, and exits with 1.
# Nothing is started by it, now or at the next boot: not Debian's Apache, nginx, HAProxy or Prometheus, no PostgreSQL on port 5432.
# No module is enabled in Debian's Apache.
set -euo pipefail

declare -rA packages=(
    [build]='gcc make autoconf automake pkg-config apache2-dev libapr1-dev libaprutil1-dev libpq-dev
        libcurl4-openssl-dev check'
    [run]='apache2-bin libaprutil1-dbd-pgsql postgresql postgresql-client curl ca-certificates'
    [console]='nodejs npm'
    [test]='python3-pytest python3-pytest-xdist python3-pytest-timeout python3-requests python3-psycopg2
        python3-hypothesis python3-jsonschema apache2 apache2-utils libaprutil1-dbd-sqlite3 nginx openssl pmccabe cppcheck clang-format
        shellcheck valgrind libasan8 libubsan1 xz-utils media-types git nodejs npm
        chromium chromium-driver python3-selenium fonts-dejavu-core
        debootstrap iproute2 prometheus python3-prometheus-client
        libapache2-mod-auth-openidc libapache2-mod-security2 modsecurity-crs libapache2-mod-qos
        haproxy logrotate systemd python3-cryptography'
    [bench]='wrk nghttp2-client nodejs npm python3 python3-requests python3-psycopg2
        golang-go golang-github-jackc-pgconn-dev golang-github-valyala-fasthttp-dev'
)
# What these packages enable in Debian's Apache, where nobody has asked for it.
declare -rA enabled_module=([libapache2-mod-auth-openidc]=auth_openidc [libapache2-mod-security2]=security2
    [libapache2-mod-qos]=qos)
readonly policy=/usr/sbin/policy-rc.d
readonly no_cluster=/etc/postgresql-common/createcluster.d/tmf-customer.conf

# What we put in the machine's way while packages are installed, and take back at the end.
put=()

usage() {
    echo "usage: ${BASH_SOURCE[0]} [--missing] build|run|console|test|bench …" >&2
    exit 2
}

is_installed() {
    case $1 in
    # Any release of the server will do, not only the one of Debian's metapackage.
    postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return ;;
    postgresql-client) compgen -G '/usr/lib/postgresql/*/bin/psql' >/dev/null && return ;;
    # Some machines have a newer Node.js than Debian's, which brings an npm of its own.
    nodejs) command -v node >/dev/null && return ;;
    npm) command -v npm >/dev/null && return ;;
    esac
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing_of() {
    local set package
    for set in "$@"; do
        for package in ${packages[$set]}; do
            is_installed "$package" || echo "$package"
        done
    done | sort -u
}

become_root() {
    local self
    self=$(realpath -- "${BASH_SOURCE[0]}")
    if sudo -n true 2>/dev/null; then
        exec sudo -n -- "$self" "$@"
    fi
    printf 'These Debian packages are missing: %s\nInstall them with this line, as root:\n\n    %q %s\n\n' \
        "$(missing_of "$@" | paste -sd ' ')" "$self" "$*" >&2
    exit 1
}

take_back() {
    ((${#put[@]} == 0)) || rm -f -- "${put[@]}"
    put=()
    rmdir --ignore-fail-on-non-empty -- "${no_cluster%/*}" 2>/dev/null || true
}

# New packages start no service; a machine that has its own policy knows what it wants.
hold_services() {
    if [[ ! -e $policy && ! -L $policy ]]; then
        put+=("$policy")
        printf '#!/bin/sh\n# mod_tmf_customer: while packages are being installed\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    if [[ ! -e $no_cluster ]]; then
        put+=("$no_cluster")
        mkdir -p -- "${no_cluster%/*}"
        echo 'create_main_cluster = false' >"$no_cluster"
    fi
}

install_packages() {
    local fetched=yes service package
    echo "installing Debian packages: $*" >&2
    hold_services
    export DEBIAN_FRONTEND=noninteractive
    # A foreign repository that does not answer is no reason to give up.
    apt-get -q -o APT::Update::Error-Mode=any update || {
        echo 'apt-get update failed; trying with the lists that are there' >&2
        fetched=no
    }
    if ! apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@"; then
        echo 'apt-get could not install the packages' >&2
        [[ $fetched == yes ]] ||
            echo 'There is no network, or no way to the mirrors that /etc/apt names: try again when there is one.' >&2
        exit 1
    fi
    for service in apache2 nginx haproxy prometheus; do
        [[ " $* " != *" $service "* ]] || update-rc.d "$service" disable >/dev/null 2>&1 || true
    done
    for package in "${!enabled_module[@]}"; do
        [[ " $* " != *" $package "* ]] || a2dismod --quiet --force "${enabled_module[$package]}" >/dev/null
    done
}

main() {
    local set missing only_print=no
    if [[ ${1-} == --missing ]]; then
        only_print=yes
        shift
    fi
    (($# > 0)) || usage
    for set in "$@"; do
        [[ -n ${packages[$set]-} ]] || usage
    done
    command -v dpkg-query >/dev/null || {
        echo "this is no Debian; install what these packages of Debian 12 contain:" >&2
        for set in "$@"; do
            echo "${packages[$set]}" >&2
        done
        exit 1
    }
    if [[ $only_print == yes ]]; then
        missing_of "$@"
        return
    fi
    [[ -n $(missing_of "$@") ]] || return 0
    ((EUID == 0)) || become_root "$@"

    # One installer at a time, or one would take back what another still needs.
    exec 8</var/lib/dpkg
    flock 8
    mapfile -t missing < <(missing_of "$@")
    ((${#missing[@]} > 0)) || return 0
    trap take_back EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    install_packages "${missing[@]}" 8<&-
}

main "$@"
