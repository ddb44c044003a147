# SPDX-License-Identifier: Apache-2.0
# Writes statements.h: for each file sql/statements/x.sql the statement TMF_SQL_X, and enums of its parameters
# (TMF_X_NAME, their number is TMF_X_PARAMETERS) and of its columns (TMF_X_COLUMN_NAME). In the text of a statement, `:name`
# becomes `$n::type`. What the head of a file says (src/store/README.md) and what its statement does must agree.
#
#     awk -f header.awk x.sql y.sql … > statements.h

function wrong(what) {
    print statement ".sql: " what > "/dev/stderr"
    failed = 1
}

# Sets `statement` and what is known of it when its file begins.
function begin(path) {
    statement = path
    sub(/.*\//, "", statement)
    sub(/\.sql$/, "", statement)
    section = text = item = ""
    depth = parameters = columns = found = listing = 0
    split("", place)
    split("", type)
    split("", used)
    split("", column)
    split("", result)
}

function read_parameter(line,    part) {
    if (split(line, part, " ") < 2 || part[1] !~ /^:[a-z_]+$/) {
        wrong("no parameter: " line)
    }
    if (substr(part[1], 2) in place) {
        wrong(part[1] " is declared twice")
    }
    place[substr(part[1], 2)] = ++parameters
    name_of[parameters] = substr(part[1], 2)
    type[parameters] = part[2]
}

function read_columns(line,    names, count, i) {
    sub(/  .*/, "", line)
    count = split(line, names, ", ")
    for (i = 1; i <= count; i++) {
        column[++columns] = names[i]
    }
}

function read_head(line) {
    if (line ~ /^(Parameters|Columns):/) {
        section = substr(line, 1, 1)
    } else if (line ~ /^  / && section == "P") {
        read_parameter(line)
    } else if (line ~ /^  / && section == "C") {
        read_columns(substr(line, 3))
    }
}

# The result is what follows the first SELECT or RETURNING that stands in no parentheses; the last word of an item is its name.
function look_at(token,    word) {
    word = toupper(token)
    if (token == "(") {
        depth++
    } else if (token == ")") {
        depth--
    } else if (depth == 0 && !found && (word == "SELECT" || word == "RETURNING")) {
        found = listing = 1
    } else if (depth == 0 && listing && (token == "," || word == "FROM")) {
        result[++result[0]] = item
        listing = token == ","
    } else if (depth == 0 && listing && word ~ /^[A-Z_]+$/) {
        item = token
    }
}

# The next token of `line`: a string, a quoted name, `::`, a parameter, a word, or one character.
function token_length(line) {
    if (match(line, /^'[^']*'/) || match(line, /^"[^"]*"/) || match(line, /^::/) || match(line, /^:[a-z_]+/) ||
        match(line, /^[A-Za-z_][A-Za-z_0-9]*/)) {
        return RLENGTH
    }
    return 1
}

function read_text(line,    token, name) {
    sub(/^ +/, "", line)
    text = text "\n    \""
    while (line != "") {
        token = substr(line, 1, token_length(line))
        line = substr(line, length(token) + 1)
        look_at(token)
        if (token ~ /^:[a-z]/) {
            name = substr(token, 2)
            if (!(name in place)) {
                wrong(token " is not declared")
            }
            used[name] = 1
            token = "$" place[name] "::" type[place[name]]
        } else if (token ~ /["\\]/) {
            gsub(/["\\]/, "\\\\&", token)
        }
        text = text token
    }
    text = text " \""
}

function end(    i, upper) {
    if (listing) {
        result[++result[0]] = item
    }
    for (i = 1; i <= parameters; i++) {
        if (!(name_of[i] in used)) {
            wrong(":" name_of[i] " is not used")
        }
    }
    for (i = 1; i <= columns || i <= result[0]; i++) {
        if (column[i] != result[i]) {
            wrong("column " i " is \"" result[i] "\" in the statement, \"" column[i] "\" in the head")
        }
    }
    upper = toupper(statement)
    printf "\nenum {"
    for (i = 1; i <= parameters; i++) {
        printf " TMF_%s_%s,", upper, toupper(name_of[i])
    }
    printf " TMF_%s_PARAMETERS };\n", upper
    if (columns > 0) {
        printf "enum {"
        for (i = 1; i <= columns; i++) {
            printf " TMF_%s_COLUMN_%s,", upper, toupper(column[i])
        }
        print " };"
    }
    printf "static const tmf_statement_t TMF_SQL_%s = {\n    \"%s\",%s,\n    %d};\n", upper, statement, text, parameters
}

BEGIN {
    print "/* SPDX-License-Identifier: Apache-2.0 */"
    print "/* Made of sql/statements/ by header.awk. */"
    print "#ifndef TMF_STORE_STATEMENTS_H\n#define TMF_STORE_STATEMENTS_H\n\n#include \"store/db.h\""
}

FNR == 1 {
    if (statement != "") {
        end()
    }
    begin(FILENAME)
}

/^--/ {
    read_head(substr($0, 4))
    next
}

/--|;/ { wrong("comments stand above the statement, and nothing ends it: " $0) }

{ read_text($0) }

END {
    end()
    print "\n#endif"
    exit failed
}
