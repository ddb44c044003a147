#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# conf/tmf_customer.conf and conf/README.md have every directive of the table in the code, with its defaults and ranges.
source "$(dirname "$0")/lib.bash"

# The table: of each argument a line with the name of its directive, its range and its default, "" for none.
table=$(awk -F'"' '
    /^    [A-Z_]+\("TMFCustomer/ { name = $2 }
    name != "" && /^        \{&/ {
        split($0, fields, /, ("|NULL)/)
        sub(/".*|\}.*/, "", fields[2])
        sub(/".*|\}.*/, "", fields[3])
        print name "|" fields[2] "|" fields[3]
    }' src/config/commands.c)
code=$(cut -d'|' -f1 <<<"$table" | uniq)
reference=$(sed -nE 's/^ *#(TMFCustomer[A-Za-z]+) .+/\1/p' conf/tmf_customer.conf)
readme=$(sed -nE 's/^\| `(TMFCustomer[A-Za-z]+)` \|.*/\1/p' conf/README.md)
compare "names in commands.c (<) and rows that are understood (>)" "$(grep -oE '"TMFCustomer[A-Za-z]+"' src/config/commands.c | tr -d '"')" "$code"
compare "directives in commands.c (<) and conf/tmf_customer.conf (>)" "$code" "$reference"
compare "directives in commands.c (<) and conf/README.md (>)" "$code" "$readme"

defaults() {
    grep -vE 'TMFCustomer(BaseURL|NotifyAllow|NotifyDeny|NotifySecrets)' # they have none to be written down
}
written=$(sed -nE 's/^ *#(TMFCustomer[A-Za-z]+) (.+)/\1 \2/p' conf/tmf_customer.conf | defaults)
compare "defaults in conf/tmf_customer.conf (<) and conf/README.md (>)" \
    "$written" "$(sed -nE 's/^\| `(TMFCustomer[A-Za-z]+)` \| ([^|]+) \|.*/\1 \2/p' conf/README.md | defaults)"
own() {
    grep -v TMFCustomerMaxDocument # whose default follows from another directive
}
compare "defaults in commands.c (<) and conf/tmf_customer.conf (>)" \
    "$(awk -F'|' '{ row[$1] = row[$1] " " $3 } END { for (name in row) print name row[name] }' <<<"$table" | defaults | own)" \
    "$(own <<<"$written")"

# Each paragraph of the reference as one line, with the names of the directives that it is about.
paragraphs=$(awk -v RS= '{ gsub(/\n *#?/, " "); print }' conf/tmf_customer.conf)
while IFS='|' read -r name range _; do
    grep -E " $name " <<<"$paragraphs" | grep -qwF "${range%, or *}" || wrong "conf/tmf_customer.conf: $name: $range"
done <<<"$table"
finish "directives are documented"
