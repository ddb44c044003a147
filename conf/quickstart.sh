#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian machine to a running API: installs what is missing, builds, makes a private
# PostgreSQL cluster and a private httpd in a folder of their own, and serves on 127.0.0.1.
set -euo pipefail
umask 022

root=$(realpath -- "$(dirname -- "${BASH_SOURCE[0]}")/..")
# shellcheck source=conf/quickstart-processes.sh
source "$root/conf/quickstart-processes.sh"
readonly root base_path=/tmf-api/customerManagement/v4
readonly status_path=/tmf-customer-status console_path=/tmf-customer-console
readonly httpd=/usr/sbin/apache2
readonly httpd_modules=/usr/lib/apache2/modules
readonly made_by='# Made by quickstart.sh at each start.'

# ---- options ----
port=8629
dir=$root/run
mode=foreground
customers=0
mpm=event
console=no

# ---- set by set_places and choose_postgres ----
place=   # as dir, but every service may enter it, and no program stumbles over its name
source=  # root, likewise
conf=    # httpd's configuration
pg_home= # log, socket and data of PostgreSQL
pg_data=
pg_bin=

# ---- what this process has started, and has to stop ----
httpd_pid=
postgres_pid=
tail_pid=

usage() {
    cat <<END
usage: conf/quickstart.sh [OPTION]…

Builds the module and serves it on 127.0.0.1, with a PostgreSQL of its own, until Ctrl-C.
Started again, it goes on with the data of the same folder.

  --port N        the port of the API (8629)
  --dir DIR       the folder for everything it makes (run, in the source tree)
  --detach        return as soon as the API answers, and leave it running
  --stop          stop what runs in the folder
  --customers N   add N synthetic customers
  --mpm NAME      event (default), worker or prefork
  --console       serve Swagger UI, too: npm fetches it
  --help          this text
END
}

in_phase=no # a line of ours is not complete yet

say() {
    [[ $in_phase == no ]] || echo >&2
    in_phase=no
    echo "quickstart: $*" >&2
}

# phase WHAT COMMAND…: one line that says what is done, and how many seconds it took.
phase() {
    local what=$1 begun=$SECONDS
    shift
    printf 'quickstart: %s ... ' "$what" >&2
    in_phase=yes
    "$@"
    [[ $in_phase == no ]] || echo "$((SECONDS - begun)) s" >&2
    in_phase=no
}

die() {
    say "$*"
    exit 1
}

# fail_with LOG WORDS…: ends with the last lines of the log that says why.
fail_with() {
    local log=$1
    shift
    say "$*; the end of $log:"
    tail -n 30 -- "$log" >&2 || true
    exit 1
}

is_number() { # VALUE LEAST MOST
    [[ $1 =~ ^[0-9]{1,9}$ ]] && ((10#$1 >= $2 && 10#$1 <= $3))
}

parse_options() {
    while (($# > 0)); do
        case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --detach) mode=detach ;;
        --stop) mode=stop ;;
        --console) console=yes ;;
        --port=* | --dir=* | --customers=* | --mpm=*)
            set -- "${1%%=*}" "${1#*=}" "${@:2}"
            continue
            ;;
        --port | --dir | --customers | --mpm)
            [[ -n ${2-} ]] || die "$1 needs a value; see --help"
            printf -v "${1#--}" %s "$2"
            shift
            ;;
        *) die "unknown option $1; see --help" ;;
        esac
        shift
    done
    is_number "$port" 1 65535 || die "--port $port: a number from 1 to 65535 is needed"
    is_number "$customers" 0 100000000 || die "--customers $customers: a number is needed"
    [[ $mpm =~ ^(event|worker|prefork)$ ]] || die "--mpm $mpm: event, worker or prefork is needed"
    port=$((10#$port)) customers=$((10#$customers))
    dir=$(realpath -m -- "$dir")
}

# ---- build ----

run_logged() { # LOG WHAT COMMAND…
    local log=$1 what=$2
    shift 2
    "$@" >>"$log" 2>&1 </dev/null 9>&- || fail_with "$log" "$what failed"
}

make_configure() {
    [[ ! -x $root/configure || $root/configure.ac -nt $root/configure ||
        ! -e $root/Makefile.in || $root/Makefile.am -nt $root/Makefile.in ]] || return 0
    cd -- "$source"
    run_logged "$dir/build.log" autoreconf autoreconf -i
}

# A folder that was copied or moved still builds for the place where it was.
drop_foreign_build() {
    local makefile=$place/build/Makefile
    [[ -e $makefile ]] || return 0
    if ! grep -qxF "abs_top_builddir = $place/build" "$makefile" ||
        ! grep -qxF "abs_top_srcdir = $source" "$makefile"; then
        find "$place/build" -mindepth 1 -delete
    fi
}

build() {
    local log=$dir/build.log
    [[ ! -e $root/config.status ]] ||
        die "$root was configured in place, so it cannot be built elsewhere; run make distclean there"
    : >"$log"
    drop_foreign_build
    # Sources are shared by all copies: one of them at a time generates configure.
    exec 7<"$root"
    flock 7
    make_configure
    exec 7<&-
    cd -- "$place/build"
    if [[ ! -e Makefile ]]; then
        run_logged "$log" configure "$source/configure"
    fi
    run_logged "$log" make make -j"$(nproc)"
    cd /
}

# ---- console ----

# Fetched again only when its version has changed.
install_console() {
    local log=$dir/console.log files=$place/console
    : >"$log"
    mkdir -p -- "$files"
    cmp -s -- "$root/conf/console/package-lock.json" "$files/node_modules/of-this-lock.json" || {
        cp -- "$root"/conf/console/package*.json "$files"
        cd -- "$files"
        run_logged "$log" npm npm ci --ignore-scripts --no-audit --no-fund
        cp -- "$root/conf/console/package-lock.json" node_modules/of-this-lock.json
        cd /
    }
    cp -- "$root"/conf/console/* "$files"
}

console_conf() {
    cat <<END
LoadModule dir_module $httpd_modules/mod_dir.so
LoadModule mime_module $httpd_modules/mod_mime.so
TypesConfig /dev/null
AddType text/html .html
AddType text/css .css
AddType text/javascript .js
AddType image/png .png
Alias $console_path $(quoted "$place/console")
<Directory $(quoted "$place/console")>
    Require all granted
</Directory>
END
}

# ---- PostgreSQL ----

# PostgreSQL refuses to run as root.
as_postgres() {
    if as_root; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

choose_postgres() {
    local version
    if as_postgres test -s "$pg_data/PG_VERSION"; then
        version=$(as_postgres cat "$pg_data/PG_VERSION")
    else
        version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -n 1)
    fi
    pg_bin=/usr/lib/postgresql/$version/bin
    [[ -x $pg_bin/postgres ]] || die "PostgreSQL $version is not installed, but $pg_data needs it"
}

new_password() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

make_cluster() {
    local log=$dir/initdb.log
    mkdir -p -- "$pg_home"
    ! as_root || chown postgres:postgres -- "$pg_home"
    as_postgres test ! -s "$pg_data/PG_VERSION" || return 0
    : >"$log"
    # Under its name only when it is complete.
    as_postgres rm -rf -- "$pg_data.new" "$pg_data"
    run_logged "$log" initdb as_postgres "$pg_bin/initdb" -D "$pg_data.new" -U postgres --encoding=UTF8 \
        --locale=C.UTF-8 --auth=peer
    as_postgres mv -T -- "$pg_data.new" "$pg_data"
}

put_file() { # NAME, in the cluster; from standard input
    as_postgres tee -- "$pg_data/$1" >/dev/null
}

configure_cluster() {
    put_file postgresql.auto.conf <<END
listen_addresses = ''
unix_socket_directories = '$pg_home'
max_connections = 300
shared_buffers = 128MB
lc_messages = 'C.UTF-8'
log_line_prefix = '%m [%p] %q%u@%d '
END
    put_file pg_hba.conf <<'END'
local all tmf_customer scram-sha-256
local all all peer map=quickstart
END
    put_file pg_ident.conf <<END
quickstart "$(as_postgres id -un)" postgres
quickstart "$(id -un)" postgres
quickstart "$(id -un)" tmf_customer_owner
END
}

sql() { # ROLE DATABASE OPTION…
    "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$pg_home" -p 5432 -U "$1" -d "$2" "${@:3}" 9>&-
}

make_database() {
    sql postgres postgres <<END
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tmf_customer_owner') AS no_owner,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tmf_customer') AS no_runtime,
       NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tmf_customer') AS no_database \gset
\if :no_owner
  CREATE ROLE tmf_customer_owner LOGIN;
\endif
\if :no_runtime
  CREATE ROLE tmf_customer LOGIN;
\endif
ALTER ROLE tmf_customer PASSWORD '$(cat -- "$dir/password")';
\if :no_database
  CREATE DATABASE tmf_customer OWNER tmf_customer_owner;
\endif
END
}

install_schema() {
    sql tmf_customer_owner tmf_customer -v runtime_role=tmf_customer -v govern=yes -f "$root/sql/install.sql"
}

add_customers() {
    sql tmf_customer_owner tmf_customer -v n="$customers" -f "$root/conf/synthetic-customers.sql" 2>&1 |
        tee -a "$dir/schema.log" >/dev/null
}

start_postgres() {
    local log=$dir/schema.log
    unset "${!PG@}"
    choose_postgres
    make_cluster
    configure_cluster
    clear_after_postgres
    [[ -s $dir/password ]] || (umask 077 && new_password >"$dir/password")
    as_postgres "$pg_bin/pg_ctl" start -s -w -t 120 -D "$pg_data" -l "$pg_home/postgres.log" \
        >/dev/null 2>&1 </dev/null 9>&- || fail_with "$pg_home/postgres.log" 'PostgreSQL does not start'
    postgres_pid=$(running_postgres)
    make_database >"$log" 2>&1 || fail_with "$log" 'the database could not be made'
    install_schema >>"$log" 2>&1 || fail_with "$log" 'the schema could not be installed'
    ((customers == 0)) || add_customers || fail_with "$log" 'no customers could be added'
}

# ---- httpd ----

# As one word of httpd's configuration.
quoted() {
    local word=${1//\\/\\\\}
    printf '"%s"' "${word//\"/\\\"}"
}

mpm_directives() {
    if [[ $mpm == prefork ]]; then
        cat <<'END'
StartServers 8
MinSpareServers 4
MaxSpareServers 16
ServerLimit 64
MaxRequestWorkers 64
END
    else
        cat <<'END'
StartServers 2
ServerLimit 4
ThreadsPerChild 32
ThreadLimit 32
MinSpareThreads 32
MaxSpareThreads 128
MaxRequestWorkers 128
END
    fi
}

httpd_conf() {
    local module
    echo "$made_by"
    for module in "mpm_$mpm" authz_core authz_host dbd alias; do
        echo "LoadModule ${module}_module $httpd_modules/mod_$module.so"
    done
    ! as_root || printf 'User www-data\nGroup www-data\n'
    cat <<END
LoadModule tmf_customer_module $place/build/mod_tmf_customer.so
ServerRoot $(quoted "$dir")
DefaultRuntimeDir $(quoted "$dir")
PidFile $(quoted "$place/httpd.pid")
ErrorLog $(quoted "$dir/error.log")
ServerName 127.0.0.1:$port
Listen 127.0.0.1:$port
$(mpm_directives)

DBDriver pgsql
DBDParams "host=$pg_home dbname=tmf_customer user=tmf_customer password=$(cat -- "$dir/password") connect_timeout=3 application_name=mod_tmf_customer"
DBDMin 1
DBDKeep 16
DBDMax 32
DBDExptime 300
TMFCustomerNotifyAllow 127.0.0.0/8 ::1
TMFCustomerHistory On

RedirectMatch "^/\$" "$base_path"
<Location "$base_path">
    SetHandler tmf-customer
    Require all granted
</Location>
<Location "$status_path">
    SetHandler tmf-customer-status
    Require local
</Location>
END
    [[ $console == no ]] || console_conf
}

check_port() {
    local turn
    # A process that has just been killed may hold it for a moment.
    for ((turn = 0; turn < 10; turn++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.1
    done
    die "port $port is taken by another program; choose one with --port"
}

answers() {
    local status
    status=$(curl -s -o /dev/null -m 5 --noproxy '*' -w '%{http_code}' \
        "http://127.0.0.1:$port$base_path/customer?limit=1") || return 1
    # 206: there is more than this one customer.
    [[ $status == 200 || $status == 206 ]]
}

wait_for_answer() {
    local turn
    for ((turn = 0; turn < 300; turn++)); do
        ! answers || return 0
        is_ours "$httpd_pid" apache2 "$conf" || break
        sleep 0.1
    done
    fail_with "$dir/error.log" 'the API does not answer'
}

start_httpd() {
    local turn
    rm -f -- "$place/httpd.pid"
    (umask 077 && rm -f -- "$conf" && httpd_conf >"$conf")
    : >"$dir/error.log"
    run_logged "$dir/error.log" 'starting httpd' "$httpd" -f "$conf" -k start
    for ((turn = 0; turn < 100; turn++)); do
        httpd_pid=$(running_httpd)
        [[ -z $httpd_pid ]] || break
        sleep 0.05
    done
    [[ -n $httpd_pid ]] || fail_with "$dir/error.log" 'httpd does not start'
    wait_for_answer
}

# ---- the whole ----

greet() {
    local base=http://127.0.0.1:$port$base_path
    cat <<END

$base

  curl -s $base/customer -H 'Content-Type: application/json' -d '{"name": "Moon Football Club", "engagedParty": {"id": "500", "@referredType": "Organization", "name": "Happy Travellers"}}'
  curl -s '$base/customer?limit=5&fields=name,status'
  curl -s -i $base/customer

Status: http://127.0.0.1:$port$status_path
END
    [[ $console == no ]] || echo "Console: http://127.0.0.1:$port$console_path/"
    echo "Logs: $dir/error.log, $pg_home/postgres.log"
}

serve_in_foreground() {
    echo 'Ctrl-C ends it.'
    # tail ends with httpd; as a job, so that a signal is acted upon at once.
    tail -q -n 0 -F --pid="$httpd_pid" -- "$dir/error.log" >&2 2>/dev/null &
    tail_pid=$!
    wait "$tail_pid" || true
    tail_pid=
    # httpd removes its pid file when it is told to stop.
    if is_ours "$httpd_pid" apache2 "$conf"; then
        die 'cannot follow the log'
    elif [[ -e $place/httpd.pid && $(cat -- "$place/httpd.pid") == "$httpd_pid" ]]; then
        kill_httpd_orphans || true
        fail_with "$dir/error.log" 'httpd has died'
    fi
    say 'httpd was stopped'
}

at_exit() {
    local status=$?
    trap '' INT TERM HUP
    [[ -z $tail_pid ]] || kill "$tail_pid" 2>/dev/null || true
    stop_started
    exit "$status"
}

stop() {
    [[ ! -d $dir ]] || lock
    if stop_what_runs; then
        say "stopped what ran in $dir"
    else
        say "nothing runs in $dir"
    fi
    other_folders | while read -r other; do
        say "there is another one: $(printf '%q --stop --dir %q' "$root/conf/quickstart.sh" "$other")"
    done
}

install_packages() {
    local log=$dir/packages.log sets=(build run)
    [[ $console == no ]] || sets+=(console)
    : >"$log"
    run_logged "$log" 'installing packages' "$root/conf/install-packages.sh" "${sets[@]}"
}

start() {
    mkdir -p -- "$dir" || die "cannot make $dir"
    phase "Debian's packages" install_packages
    set_places
    lock
    make_places
    ! stop_what_runs || say "stopped what ran in $dir, to start it anew"
    check_port
    phase 'the module' build
    [[ $console == no ]] || phase 'the console' install_console
    trap at_exit EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    phase PostgreSQL start_postgres
    check_port
    phase Apache start_httpd
    unlock
    greet
}

main() {
    parse_options "$@"
    # Not every user may enter the folder that we were called in.
    cd /
    case $mode in
    stop)
        set_places
        stop
        ;;
    detach)
        start
        trap - EXIT
        printf 'Stop it with: %q --stop --dir %q\n' "$root/conf/quickstart.sh" "$dir"
        ;;
    foreground)
        start
        serve_in_foreground
        ;;
    esac
}

main "$@"
