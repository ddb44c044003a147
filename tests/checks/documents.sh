#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The README is short, links within the clone lead somewhere, and nothing cites a document that the clone does not have.
source "$(dirname "$0")/lib.bash"

documents=$(git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard -- '*.md')
need "$documents" "documents"
[ "$(wc -l <README.md)" -le 250 ] || wrong "README.md has more than 250 lines"

# The anchors of a document's headings, as GitHub makes them.
anchors() {
    sed -nE '/^ *```/,/^ *```/!s/^#+ +//p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^[:alnum:] _-]//g; s/ /-/g'
}

for document in $documents; do
    while read -r link; do
        path=${link%%#*}
        target=$(realpath -m --relative-to=. "$(dirname "$document")/$path")
        [ -n "$path" ] || target=$document
        if [ ! -e "$target" ]; then
            wrong "$document: $link leads to nothing"
        elif [[ $link == *'#'* ]] && ! anchors "$target" | grep -qxF -- "${link#*#}"; then
            wrong "$document: $link: there is no such heading"
        fi
    done < <(grep -oE '\]\([^)]+\)' "$document" | sed -E 's/^\]\((.*)\)$/\1/' | grep -vE '^[a-z]+:' || true)
    grep -qE "[[:blank:]]$document( |$)" Makefile.am || wrong "$document is not distributed: EXTRA_DIST in Makefile.am"
done
# "src/api/README.md §7": such a section must be there.
while read -r section; do
    [ -z "$section" ] || grep -q "^## $section\. " src/api/README.md || wrong "src/api/README.md has no §$section"
done < <(grep -rhoE 'src/api/README\.md §[0-9]+' src sql conf tests mod_tmf_customer.c | grep -oE '[0-9]+$' | sort -u)
while read -r line; do
    [ -z "$line" ] || wrong "cites what the clone does not have: $line"
done < <(git -c safe.directory="$PWD" grep --untracked -nIiE '[c]ontract §|/work/[s]hared|[^a-z]issue #?[0-9]' || true)
finish "documents are short and hang together"
