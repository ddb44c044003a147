# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from . import PATIENCE, PROJECT, is_root

OWNER = "crm_owner"
RUNTIME = "tmf_customer"


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL's server programs are not installed"
    return found[-1].parent


class Postgres:
    """A cluster of its own, reachable by its Unix socket only."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="tmf-pg-", dir=os.environ.get("TMF_TMP")))
        self.root.chmod(0o755)
        self.data = self.root / "data"
        if is_root():
            account = pwd.getpwnam("postgres")
            os.chown(self.root, account.pw_uid, account.pw_gid)
        self.run("initdb", "-D", self.data, "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust",
                 "-U", "postgres")
        (self.data / "postgresql.auto.conf").write_text(
            f"listen_addresses = ''\nunix_socket_directories = '{self.root}'\nfsync = off\n"
            "max_connections = 200\nshared_buffers = 64MB\nlc_messages = 'C'\n")
        self.start()
        self.execute(f"CREATE ROLE {OWNER} LOGIN; CREATE ROLE {RUNTIME} LOGIN")

    def run(self, program, *arguments):
        command = [str(programs() / program), *map(str, arguments)]
        if is_root():
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=PATIENCE)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.root / "log", "start")

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def restart(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "-l", self.root / "log", "restart")

    def is_running(self):
        return (self.data / "postmaster.pid").exists()

    def remove(self):
        if self.is_running():
            self.stop("immediate")
        shutil.rmtree(self.root, ignore_errors=True)

    def connect(self, database="postgres", user="postgres", options=""):
        connection = psycopg2.connect(host=str(self.root), dbname=database, user=user, options=options)
        connection.autocommit = True
        return connection

    def execute(self, sql, database="postgres", parameters=None, user="postgres"):
        """Runs a statement and returns its rows, if it has any."""
        connection = self.connect(database, user)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def create_database(self, name, install=True):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        finally:
            connection.close()
        if install:
            self.install(name)
        return name

    def install(self, database, *arguments):
        """What an operator does: install.sql as the schema's owner. arguments: more of psql's."""
        return subprocess.run(
            ["psql", "-X", "-q", "-h", str(self.root), "-U", OWNER, "-d", database,
             "-v", f"runtime_role={RUNTIME}", *arguments, "-f", str(sql_directory() / "install.sql")],
            check=True, capture_output=True, text=True, timeout=PATIENCE)

    def backends(self, database):
        return self.execute("SELECT pid, state FROM pg_stat_activity WHERE datname = %s AND usename = %s",
                            parameters=(database, RUNTIME))

    def terminate_backends(self, database):
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE datname = %s AND usename = %s", parameters=(database, RUNTIME))

    def processes(self):
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [postmaster, *map(int, children)]

    def freeze(self):
        os.kill(self.processes()[0], signal.SIGSTOP)  # so that none is born meanwhile
        self.signal_all(self.processes()[1:], signal.SIGSTOP)

    def thaw(self):
        self.signal_all(reversed(self.processes()), signal.SIGCONT)

    @staticmethod
    def signal_all(processes, number):
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def sql_directory():
    return Path(os.environ.get("TMF_SQL_DIR", PROJECT / "sql"))
