#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is there is built, run, installed and licensed.
source "$(dirname "$0")/lib.bash"

listed() {
    grep -oE "$1" Makefile.am | sort -u
}
compare "sources on disk (<) and in Makefile.am (>)" "$(find src -name '*.[ch]')" "$(listed 'src/[a-z0-9_/]+\.[ch]')"
compare "unit tests on disk (<) and in Makefile.am (>)" "$(ls tests/unit/*.[ch])" "$(listed 'tests/unit/[a-z_]+\.[ch]')"
compare "unit tests on disk (<) and among check_PROGRAMS (>)" "$(basename -s .c -a tests/unit/test_*.c)" \
    "$(sed -n '/^check_PROGRAMS/,/^endif/p' Makefile.am | grep -oE 'test_[a-z_]+')"
compare "sql on disk (<) and installed (>)" "$(ls sql/*.sql sql/functions/*.sql)" \
    "$(grep -E '^dist_(sql|functions)_DATA' Makefile.am | grep -oE 'sql/[a-z0-9_/]+\.sql')"
compare "sql on disk (<) and run by install.sql (>)" "$(cd sql && ls [0-9]*.sql functions/*.sql grants.sql)" \
    "$(grep -oP '^ *\\ir \K.*' sql/install.sql)"
compare "statements on disk (<) and in Makefile.am (>)" "$(ls sql/statements/*.sql)" "$(listed 'sql/statements/[a-z_]+\.sql')"
for file in sql/statements/*.sql; do
    name=$(basename -s .sql "$file")
    runner=$(sed -nE 's/^-- Run by: .*\((src\/.*\.c)\)$/\1/p' "$file")
    grep -qw "TMF_SQL_${name^^}" "${runner:-/dev/null}" || wrong "$file is not run by ${runner:-anybody}"
done
compare "console on disk (<) and installed (>)" "$(ls conf/console/*.*)" "$(listed 'conf/console/[a-z-]+\.[a-z]+')"
while read -r file; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || wrong "$file has no licence line"
done < <(find src tests conf sql mod_tmf_customer.c configure.ac Makefile.am -name '*.[ch]' -o -name '*.py' -o -name '*.sh' \
    -o -name '*.sql' -o -name '*.a[cm]')
while read -r file; do
    [ -x "$file" ] || [ "$file" = tests/checks/lib.bash ] || wrong "$file is not executable"
done < <(find tests conf .ci -name '*.sh' -o -path '.ci/run')
finish "everything is registered"
