# SPDX-License-Identifier: Apache-2.0
"""The statements that the module sends for a request, taken from PostgreSQL's log, as scripts for pgbench."""
import csv
import os
import re
import subprocess
from pathlib import Path

from harness import await_condition
from harness.postgres import RUNTIME, programs
from measure import Load, percentile, temporary_directory

LOGGING = "logging_collector = on\nlog_destination = 'stderr,csvlog'\nlog_filename = 'log'\n"
SESSION = "-c jit=off -c max_parallel_workers_per_gather=0"  # as src/store/db.c sets it up
USER, MESSAGE, DETAIL = 1, 13, 14  # columns of csvlog
PREPARED = re.compile(r"execute tmf_customer_\d+: (.*)", re.DOTALL)
PARAMETER = re.compile(r"\$(\d+) = (?:NULL|'((?:[^']|'')*)')")


class Recorder:
    """Records what a server sends; it has to be started after this."""

    def __init__(self, postgres):
        self.postgres = postgres
        self.marks = 0
        postgres.execute(f"ALTER ROLE {RUNTIME} SET log_statement = 'all'")

    def rows(self):
        with open(self.postgres.data / "log" / "log.csv", newline="") as log:
            return [row for row in csv.reader(log) if row[USER] == RUNTIME]

    def mark(self):
        """The number of rows up to now: the log is written by a process of its own."""
        self.marks += 1
        text = f"SELECT 'mark {self.marks}'"
        self.postgres.execute(text, user=RUNTIME)
        await_condition(lambda: any(text in row[MESSAGE] for row in self.rows()), "the log is written")
        return len(self.rows())

    def record(self, send):
        """[(SQL, {number: value})] of what send() makes the server do."""
        start = self.mark()
        send()
        end = self.mark()
        found = [(PREPARED.fullmatch(row[MESSAGE]), row[DETAIL]) for row in self.rows()[start:end]]
        statements = [(match.group(1), parameters(detail)) for match, detail in found if match]
        assert statements, "the log shows no prepared statement"
        return statements

    def stop(self):
        self.postgres.execute(f"ALTER ROLE {RUNTIME} RESET log_statement")


def parameters(detail):
    found = {int(match.group(1)): match.group(2) for match in PARAMETER.finditer(detail)}
    return {number: value and value.replace("''", "'") for number, value in found.items()}


def script(statements, settings, expressions):
    """(text, {variable: value}) for pgbench. expressions: {value: SQL}, what stands in the place of a value of the one statement;
    all others stay as they are."""
    (sql, given), = statements
    values = {}

    def text(match):
        number = int(match.group(1))
        if given[number] is None:
            return "NULL"
        if given[number] in expressions:
            return expressions[given[number]]
        values[f"given_{number}"] = given[number]
        return f":given_{number}"
    sql = re.sub(r"\s+", " ", re.sub(r"\$(\d+)", text, sql))
    return "\n".join([*settings, sql + ";"]) + "\n", values


def pgbench(postgres, database, prepared, seconds, connections):
    text, values = prepared
    with temporary_directory() as directory:
        file = Path(directory) / "script"
        file.write_text(text)
        definitions = [part for name, value in values.items() for part in ("-D", f"{name}={value}")]
        run = subprocess.run([programs() / "pgbench", "-n", "-M", "prepared", "-h", str(postgres.root), "-U", RUNTIME, "-T", str(seconds),
                              "-c", str(connections), "-j", "1", "-l", "--log-prefix", f"{directory}/log", *definitions, "-f", file,
                              database], capture_output=True, text=True, env={**os.environ, "PGOPTIONS": SESSION})
        assert run.returncode == 0, run.stderr
        taken = [int(line.split()[2]) for log in Path(directory).glob("log*") for line in log.read_text().splitlines()]
    failed = int(re.search(r"failed transactions: (\d+)", run.stdout).group(1))
    if not taken:
        return Load(0, 0, 0, 0, ["not one transaction ended"])
    return Load(len(taken), len(taken) // seconds, percentile(taken, 50), percentile(taken, 99), [f"{failed} failed"] if failed else [])
