#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Part of quickstart.sh, which sources it: where its files are, which processes are its own, and how they end.
# shellcheck disable=SC2154 # dir, root, conf … are quickstart.sh's

# ---- places ----

as_root() {
    ((EUID == 0))
}

# Is this name safe in configuration files and makefiles?
is_plain() {
    [[ $1 =~ ^[A-Za-z0-9_.+@/-]+$ ]]
}

# May the services use this folder? Those of root run as users of their own.
is_open() {
    local user
    as_root || return 0
    for user in postgres www-data; do
        ! id "$user" >/dev/null 2>&1 || runuser -u "$user" -- test -x "$1" || return 1
    done
}

set_places() {
    place=$dir
    # A Unix socket's path has less than 108 bytes.
    if ! is_plain "$dir" || ((${#dir} > 70)) || ! is_open "$dir"; then
        place=${TMF_TMP:-/var/tmp}/tmf-customer-$EUID-$(printf %s "$dir" | sha256sum | head -c 16)
    fi
    source=$root
    is_plain "$root" || source=$place/source
    conf=$dir/httpd.conf
    pg_home=$place/postgres
    pg_data=$pg_home/data
}

make_places() {
    if [[ $place != "$dir" ]]; then
        # Anyone may write in /var/tmp: take nothing that somebody else has put there.
        mkdir -- "$place" 2>/dev/null || [[ -d $place && ! -L $place && -O $place ]] ||
            die "$place is not ours: remove it"
        [[ -L $dir/build ]] || rm -rf -- "$dir/build"
        ln -sfn -- "$place/build" "$dir/build"
    fi
    [[ $source == "$root" ]] || ln -sfn -- "$root" "$source"
    mkdir -p -- "$place/build"
}

# ---- processes ----

# is_ours PID NAME ARGUMENT: is it this program, started with this argument? A number in a file left
# behind may belong to anybody by now.
is_ours() {
    local pid=$1 name=$2 argument=$3 command='' arguments=() each
    [[ $pid =~ ^[0-9]+$ && /proc/$pid/root -ef / ]] || return 1
    { read -r command <"/proc/$pid/comm" && mapfile -d '' -t arguments <"/proc/$pid/cmdline"; } 2>/dev/null ||
        return 1
    [[ $command == "$name" ]] || return 1
    for each in "${arguments[@]}"; do
        [[ $each != "$argument" ]] || return 0
    done
    return 1
}

# The process of a pid file, when it runs.
running() { # PIDFILE NAME ARGUMENT
    local pid=
    [[ -f $1 ]] || return 0
    read -r pid <"$1" || true
    ! is_ours "$pid" "$2" "$3" || echo "$pid"
}

running_httpd() {
    running "$place/httpd.pid" apache2 "$conf"
}

running_postgres() {
    running "$pg_data/postmaster.pid" postgres "$pg_data"
}

stop_process() { # SIGNAL PID NAME ARGUMENT
    local turn
    [[ -n $2 ]] && is_ours "$2" "$3" "$4" || return 0
    kill -s "$1" "$2" || die "cannot stop $3 (process $2)"
    for ((turn = 0; turn < 600; turn++)); do
        is_ours "$2" "$3" "$4" || return 0
        sleep 0.05
    done
    die "$3 (process $2) does not end"
}

# Children of a killed httpd still listen at its port, and heed no signal but this.
kill_httpd_orphans() {
    local entry found=1
    for entry in /proc/[0-9]*; do
        if is_ours "${entry#/proc/}" apache2 "$conf"; then
            stop_process KILL "${entry#/proc/}" apache2 "$conf"
            found=0
        fi
    done
    return $found
}

stop_what_runs() {
    local web database orphans=no
    web=$(running_httpd)
    database=$(running_postgres)
    stop_process TERM "$web" apache2 "$conf"
    ! kill_httpd_orphans || orphans=yes
    stop_process INT "$database" postgres "$pg_data"
    [[ -n $web$database || $orphans == yes ]]
}

# At our end: exactly what we started, for somebody else may have taken the folder over since.
stop_started() {
    local web=$httpd_pid database=$postgres_pid
    httpd_pid='' postgres_pid=''
    stop_process TERM "$web" apache2 "$conf"
    stop_process INT "$database" postgres "$pg_data"
}

# What a killed PostgreSQL leaves behind: its other processes end by themselves, its files stop a start
# as soon as any process has its number.
clear_after_postgres() {
    local turn entry
    for ((turn = 0; turn < 200; turn++)); do
        for entry in /proc/[0-9]*; do
            [[ ! $entry/cwd -ef $pg_data ]] || {
                sleep 0.05
                continue 2
            }
        done
        as_postgres rm -f -- "$pg_data/postmaster.pid" "$pg_home/.s.PGSQL.5432" "$pg_home/.s.PGSQL.5432.lock"
        return
    done
    die "process ${entry#/proc/} still works in $pg_data"
}

# One script at a time works in the folder.
lock() {
    exec 9>>"$dir/lock"
    flock -n 9 || {
        say "waiting for another quickstart in $dir"
        flock 9
    }
}

unlock() {
    exec 9>&-
}

# ---- other folders ----

# The folders of this script's servers that run on this machine, but for ours.
other_folders() {
    local entry arguments other
    for entry in /proc/[0-9]*; do
        mapfile -d '' -t arguments 2>/dev/null <"$entry/cmdline" || continue
        [[ ${arguments[0]-} == "$httpd" && ${arguments[1]-} == -f ]] || continue
        other=${arguments[2]%/httpd.conf}
        [[ $other == "$dir" ]] || ! grep -qxF "$made_by" "$other/httpd.conf" 2>/dev/null || echo "$other"
    done | sort -u
}
