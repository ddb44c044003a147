#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian machine to a running Customer Management API: see --help.
set -euo pipefail

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BASE=/tmf-api/customerManagement/v4
APACHE=/usr/sbin/apache2
MODULES=/usr/lib/apache2/modules
PORT=8629 DIR=./run MPM=event CUSTOMERS=0 ACTION=serve

usage() {
    cat <<USAGE
conf/quickstart.sh: builds mod_tmf_customer and serves it from a PostgreSQL and an httpd of its own.

  --port N        listen on 127.0.0.1:N (8629)
  --dir DIR       keep everything in DIR (./run); what is there is used again
  --customers N   add N synthetic customers
  --mpm MPM       event, worker or prefork (event)
  --detach        return once the API answers; without it, serve until Ctrl-C
  --stop          stop what runs in DIR
USAGE
}

fail() {
    echo "quickstart.sh: $1" >&2
    if [ -n "${2:-}" ] && [ -s "$2" ]; then
        echo "--- the end of $2" >&2
        tail -n 20 "$2" >&2
    fi
    exit 1
}

is_number() {
    [[ $1 =~ ^[0-9]{1,9}$ ]]
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --port | --dir | --customers | --mpm)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
            --port) PORT=$2 ;;
            --dir) DIR=$2 ;;
            --customers) CUSTOMERS=$2 ;;
            --mpm) MPM=$2 ;;
            esac
            shift ;;
        --detach) ACTION=detach ;;
        --stop) ACTION=stop ;;
        --help) usage && exit 0 ;;
        *) usage >&2 && fail "unknown option $1" ;;
        esac
        shift
    done
    if ! is_number "$PORT" || [ "$PORT" -lt 1 ] || [ "$PORT" -gt 65535 ]; then
        fail "--port takes 1 to 65535"
    fi
    is_number "$CUSTOMERS" || fail "--customers takes a number"
    [[ $MPM =~ ^(event|worker|prefork)$ ]] || fail "--mpm takes event, worker or prefork"
}

is_root() {
    [ "$(id -u)" -eq 0 ]
}

# PostgreSQL's programs refuse to run as root.
as_postgres() {
    if is_root; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

can_reach() {
    runuser -u "$1" -- test -x "$DIR"
}

# The cluster, its socket and the module go to a place that postgres and www-data can reach: a clone in
# /root is none. A socket's path may have 107 bytes at most.
choose_places() {
    mkdir -p "$DIR"
    DIR=$(cd "$DIR" && pwd)
    STATE=$DIR
    if [ ${#DIR} -gt 70 ] || { is_root && ! { can_reach postgres && can_reach www-data; }; }; then
        STATE=/var/tmp/tmf-customer-$(id -u)-$(printf %s "$DIR" | cksum | cut -d ' ' -f 1)
        install -d -m 755 "$STATE"
        [ "$(stat -c %u "$STATE")" = "$(id -u)" ] || fail "$STATE belongs to somebody else"
    fi
    CLUSTER=$STATE/postgresql
    DATA=$CLUSTER/data
    PIDFILE=$STATE/httpd.pid
    HTTPD_CONF=$STATE/httpd.conf
    POSTGRESQL_BIN=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
}

is_alive() {
    [ -s "$PIDFILE" ] && [ "$(readlink "/proc/$(cat "$PIDFILE")/exe")" = "$(readlink -f $APACHE)" ] &&
        tr '\0' '\n' <"/proc/$(cat "$PIDFILE")/cmdline" | grep -qxF "$HTTPD_CONF"
}

stop() {
    if is_alive; then
        local pid
        pid=$(cat "$PIDFILE")
        kill -TERM "$pid"
        while [ -d "/proc/$pid" ]; do sleep 0.1; done
    fi
    rm -f "$PIDFILE"
    if [ -e "$DATA/postmaster.pid" ]; then
        as_postgres "$POSTGRESQL_BIN/pg_ctl" -D "$DATA" -m fast -w stop >/dev/null || true
    fi
}

build() {
    case $SOURCE in
    *[[:space:]]*) fail "configure cannot build from a path with blanks: move $SOURCE" ;;
    esac
    local log=$DIR/build.log
    (
        cd "$SOURCE"
        if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
            autoreconf -i
        fi
        mkdir -p "$DIR/build"
        cd "$DIR/build"
        [ -e Makefile ] || "$SOURCE/configure"
        make -j "$(nproc)"
    ) >"$log" 2>&1 || fail "the build failed" "$log"
    install -m 644 "$DIR/build/.libs/mod_tmf_customer.so" "$STATE/mod_tmf_customer.so"
}

make_cluster() {
    [ ! -e "$DATA/PG_VERSION" ] || return 0
    if is_root; then install -d -o postgres -m 711 "$CLUSTER"; else install -d -m 700 "$CLUSTER"; fi
    as_postgres "$POSTGRESQL_BIN/initdb" -D "$DATA" -E UTF8 --locale=C.UTF-8 -U postgres \
        --auth-local=peer >"$DIR/initdb.log" 2>&1 || fail "initdb failed" "$DIR/initdb.log"
    # peer: the account that runs the cluster may be any role; others need a password.
    printf 'quickstart %s postgres\nquickstart %s tmf_customer_owner\n' \
        "$(cluster_account)" "$(cluster_account)" | as_postgres tee "$DATA/pg_ident.conf" >/dev/null
    printf '%s\n' 'local all postgres,tmf_customer_owner peer map=quickstart' \
        'local all all scram-sha-256' | as_postgres tee "$DATA/pg_hba.conf" >/dev/null
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$CLUSTER'" \
        "shared_buffers = 256MB" "max_connections = 200" "lc_messages = 'C'" |
        as_postgres tee "$DATA/postgresql.auto.conf" >/dev/null
}

cluster_account() {
    if is_root; then echo postgres; else id -un; fi
}

start_cluster() {
    local log=$CLUSTER/log
    if ! as_postgres "$POSTGRESQL_BIN/pg_ctl" -D "$DATA" status >/dev/null; then
        as_postgres "$POSTGRESQL_BIN/pg_ctl" -D "$DATA" -w -l "$log" start >/dev/null ||
            fail "PostgreSQL does not start" "$log"
    fi
}

query() {
    as_postgres psql -X -q -v ON_ERROR_STOP=1 -h "$CLUSTER" "$@"
}

# The password lives in the httpd's configuration alone; each start makes a new one.
prepare_database() {
    PASSWORD=$(od -An -N 16 -t x1 /dev/urandom | tr -d ' \n')
    query -U postgres -d postgres -v "password=$PASSWORD" <<'SQL' || fail "the roles cannot be made"
SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['tmf_customer_owner', 'tmf_customer'])
    AS name WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE tmf_customer PASSWORD :'password';
SELECT 'CREATE DATABASE tmf_customer OWNER tmf_customer_owner'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tmf_customer') \gexec
SQL
    # psql reads from a place that the cluster's account can reach, too.
    local sql
    sql=$(mktemp -d "$STATE/sql.XXXXXX")
    chmod 755 "$sql"
    cp "$SOURCE"/sql/*.sql "$SOURCE/conf/synthetic-customers.sql" "$sql"
    chmod 644 "$sql"/*
    query -U tmf_customer_owner -d tmf_customer -v runtime_role=tmf_customer -f "$sql/install.sql" ||
        fail "the schema cannot be installed"
    if [ "$CUSTOMERS" -gt 0 ]; then
        query -U tmf_customer_owner -d tmf_customer -v "n=$CUSTOMERS" -f "$sql/synthetic-customers.sql"
    fi
    rm -r "$sql"
}

mpm_settings() {
    if [ "$MPM" = prefork ]; then
        printf '%s\n' 'StartServers 8' 'MinSpareServers 4' 'MaxSpareServers 32' 'MaxRequestWorkers 64'
    else
        printf '%s\n' 'StartServers 2' 'ThreadsPerChild 32' 'MinSpareThreads 32' 'MaxSpareThreads 128' \
            'ServerLimit 4' 'MaxRequestWorkers 128'
    fi
}

load_modules() {
    local name
    for name in "mpm_$MPM" authz_core dbd; do
        echo "LoadModule ${name}_module $MODULES/mod_$name.so"
    done
}

write_httpd_conf() {
    (
        umask 077 # it has the password
        {
            echo "ServerRoot \"$STATE\""
            echo "PidFile \"$PIDFILE\""
            echo "ErrorLog \"$STATE/error.log\""
            echo "ServerName localhost"
            echo "Listen 127.0.0.1:$PORT"
            if is_root; then printf 'User www-data\nGroup www-data\n'; fi
            load_modules
            mpm_settings
            cat <<CONF
LoadModule tmf_customer_module "$STATE/mod_tmf_customer.so"
DBDriver pgsql
DBDParams "host='$CLUSTER' dbname=tmf_customer user=tmf_customer password=$PASSWORD connect_timeout=3 application_name=mod_tmf_customer"
DBDMin 1
DBDKeep 16
DBDMax 32
<Location "$BASE">
    SetHandler tmf-customer
    Require all granted
</Location>
CONF
        } >"$HTTPD_CONF"
    )
}

check_port() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
        fail "port $PORT is in use: choose another with --port"
    fi
}

start_httpd() {
    : >"$STATE/error.log"
    "$APACHE" -f "$HTTPD_CONF" -k start >"$DIR/start.log" 2>&1 ||
        fail "httpd does not start" "$DIR/start.log"
    for _ in $(seq 100); do
        if curl -sf -o /dev/null "$URL/customer?limit=1"; then return; fi
        sleep 0.1
    done
    fail "the API does not answer" "$STATE/error.log"
}

announce() {
    cat <<TEXT
The Customer Management API is at $URL
Try:
  curl -s $URL/customer -H 'Content-Type: application/json' -d '{"name": "Moon Football Club", "engagedParty": {"id": "500", "@referredType": "Organization"}}'
  curl -s '$URL/customer?limit=5&fields=name,status'
  curl -si -X OPTIONS $URL/customer
TEXT
}

main() {
    read_arguments "$@"
    if [ $ACTION = stop ]; then
        [ -d "$DIR" ] || fail "there is no $DIR"
        choose_places
        stop
        return
    fi
    "$SOURCE/conf/install-packages.sh" build run
    choose_places
    stop
    check_port
    URL=http://127.0.0.1:$PORT$BASE
    echo "Building and starting in $DIR …"
    build
    make_cluster
    start_cluster
    prepare_database
    write_httpd_conf
    start_httpd
    announce
    if [ $ACTION = serve ]; then
        echo "Ctrl-C stops it."
        trap 'stop; exit 0' INT TERM
        tail -n 0 -f "$STATE/error.log" &
        wait $! || true
        stop
    fi
}

main "$@"
