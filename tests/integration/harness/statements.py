# SPDX-License-Identifier: Apache-2.0
"""The files of sql/statements/, as the build reads them (header.awk): `:name` becomes `$n::type`."""
import re

from . import PROJECT

FILES = PROJECT / "sql" / "statements"
SESSION = "-c jit=off -c max_parallel_workers_per_gather=0"  # as src/store/db.c sets it up
KEPT = 6  # so often it runs before PostgreSQL decides for a plan that is kept


class Statement:
    def __init__(self, name):
        head, text = [], []
        for line in (FILES / f"{name}.sql").read_text().splitlines():
            (head if line.startswith("--") else text).append(line)
        self.types = dict(re.findall(r"^--   :([a-z_]+) (\S+)", "\n".join(head), re.MULTILINE))
        columns = "\n".join(head).partition("-- Columns:\n")[2]
        self.columns = [column for line in re.findall(r"^--   (\S.*)", columns, re.MULTILINE)
                        for column in re.split(r"  ", line)[0].split(", ")]
        places = {parameter: place for place, parameter in enumerate(self.types, 1)}
        self.text = re.sub(r"'[^']*'|::|:([a-z_]+)", lambda match: match.group(0) if match.group(1) is None else
                           f"${places[match.group(1)]}::{self.types[match.group(1)]}", "\n".join(text))

    def execute(self, cursor, values, explain=""):
        parameters = f"({', '.join(['%s'] * len(self.types))})" if self.types else ""
        cursor.execute(f"{explain} EXECUTE this{parameters}", [values[name] for name in self.types])

    def prepare(self, cursor):
        cursor.execute(f"PREPARE this AS {self.text}")

    def plan(self, connection, make_values):
        """What PostgreSQL says of the kept plan, when it has run it; make_values() gives {parameter: value}."""
        with connection.cursor() as cursor:
            self.prepare(cursor)
            for _ in range(KEPT):
                self.execute(cursor, make_values())
            self.execute(cursor, make_values(), "EXPLAIN (ANALYZE, TIMING OFF)")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            cursor.execute("SELECT generic_plans FROM pg_prepared_statements WHERE name = 'this'")
            assert cursor.fetchone()[0] >= 2, f"there is a plan for each length:\n{plan}"
            return plan
