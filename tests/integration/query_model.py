# SPDX-License-Identifier: Apache-2.0
"""A small model of the query language (src/api/README.md §4, §5), on customers as replies show them.

A filter is a list of groups (AND) of alternatives (OR), each (path, operator, values)."""
import functools
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from urllib.parse import quote, unquote, unquote_plus

OPERATORS = ["eq", "ne", "gt", "gte", "lt", "lte", "regex"]
SYMBOLS = {"eq": ["=", "=="], "ne": ["!="], "gt": [">"], "gte": [">="], "lt": ["<"], "lte": ["<="],
           "regex": ["*=", "=~"]}
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?\Z")
DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt](\d\d:\d\d)(:\d\d)?(\.\d+)?([Zz]|[+-]\d\d:\d\d))?\Z", re.ASCII)
MISSING = object()


def number(text):
    return Decimal(text) if NUMBER.match(text) else None


def instant(text):
    """Seconds since 1970, exact; None for what is no date-time."""
    parts = DATE_TIME.match(text)
    if not parts:
        return None
    day, minute, second, fraction, offset = parts.groups()
    if fraction and not second:
        return None
    try:
        start = datetime.strptime(f"{day} {minute or '00:00'}", "%Y-%m-%d %H:%M")
    except ValueError:
        return None
    shift = timedelta(0)
    if offset and offset not in "Zz":
        hours, minutes = int(offset[1:3]), int(offset[4:])
        if hours > 23 or minutes > 59:
            return None
        shift = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
    since = start.replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc) - shift
    if second and int(second[1:]) > 59 and not (second == ":60" and is_last_minute_of_month(since)):
        return None
    return since.days * 86400 + since.seconds + Decimal((second or ":00")[1:] + (fraction or ""))


def is_last_minute_of_month(since):
    """23:59 UTC before the first of a month. The end of year 9999 and the begin of year 1 are such, too."""
    if since.seconds != 86340:
        return False
    day = since.days + 1  # of 1970-01-01
    first, last = date(1, 1, 1).toordinal(), date(9999, 12, 31).toordinal() + 1
    ordinal = day + date(1970, 1, 1).toordinal()
    return ordinal in (first, last) or first < ordinal < last and date.fromordinal(ordinal).day == 1


def values(document, path):
    """Every value of a path; MISSING for each dead end."""
    if isinstance(document, list):
        return [found for element in document for found in values(element, path)] or [MISSING]
    if not path:
        return [document]
    if not isinstance(document, dict) or path[0] not in document:
        return [MISSING]
    return values(document[path[0]], path[1:])


def order(value, operand):
    """<0, 0, >0, or None when the two do not compare."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float, Decimal)):
        other = number(operand)
        return None if other is None else (Decimal(str(value)) > other) - (Decimal(str(value)) < other)
    if not isinstance(value, str):
        return None
    mine, other = instant(value), instant(operand)
    if mine is None or other is None:
        mine, other = value, operand  # Python compares by code points
    return (mine > other) - (mine < other)


def equals(value, operand):
    if isinstance(value, bool):
        return operand == ("true" if value else "false")
    return order(value, operand) == 0


def holds_for(value, operator, operands):
    if operator == "ne":
        return value is MISSING or not any(equals(value, operand) for operand in operands)
    if value is MISSING:
        return False
    if operator == "eq":
        return any(equals(value, operand) for operand in operands)
    if operator == "regex":
        return isinstance(value, str) and any(re.search(operand, value) for operand in operands)
    tests = {"gt": lambda n: n > 0, "gte": lambda n: n >= 0, "lt": lambda n: n < 0, "lte": lambda n: n <= 0}
    orders = [order(value, operand) for operand in operands]
    return any(found is not None and tests[operator](found) for found in orders)


def condition_holds(document, condition):
    path, operator, operands = condition
    return any(holds_for(value, operator, operands) for value in values(document, path))


def selects(document, groups):
    """Groups of equality of one attribute unite; the others are ANDed."""
    united, rest = {}, []
    for group in groups:
        paths = {tuple(path) for path, _, _ in group}
        if len(paths) == 1 and all(operator == "eq" for _, operator, _ in group):
            united.setdefault(paths.pop(), []).extend(v for _, _, vs in group for v in vs)
        else:
            rest.append(group)
    return all(condition_holds(document, (path, "eq", vs)) for path, vs in united.items()) and \
        all(any(condition_holds(document, condition) for condition in group) for group in rest)


def query_of(groups, symbol=lambda operator: f".{operator}="):
    """The raw query string; `symbol` chooses the spelling of an operator."""
    def one(condition):
        path, operator, operands = condition
        return quote(".".join(path), safe="") + symbol(operator) + \
            ",".join(quote(operand, safe="") for operand in operands)
    return "&".join(";".join(map(one, group)) for group in groups)


# The first symbol ends the name, the longest one counts; an encoded one is none behind a raw "=".
SYMBOL = re.compile("|".join(f"(?P<{name}>{spelled})" for name, spelled in [
    ("regex", "=~|(?:[*]|%2A)(?:=|%3D)|%3D(?:~|%7E)"), ("eq", "==|%3D(?:=|%3D)"), ("ne", "(?:!|%21)(?:=|%3D)"),
    ("gte", "(?:>|%3E)(?:=|%3D)"), ("lte", "(?:<|%3C)(?:=|%3D)"), ("gt", ">|%3E"), ("lt", "<|%3C"), ("plain", "=")]))


def groups_of(query):
    """The groups of a raw query string that has conditions alone."""
    groups = []
    for piece in filter(None, query.split("&")):
        group = []
        for part in filter(None, piece.split(";")):
            symbol = SYMBOL.search(part)
            if symbol is None:  # further values of the condition before
                path, operator, values_at = group[-1][0], "eq", 0
            else:
                name, operator, values_at = unquote(part[:symbol.start()]), symbol.lastgroup, symbol.end()
                if operator == "plain":
                    found = re.fullmatch("(.+)[.](" + "|".join(OPERATORS) + ")", name, re.DOTALL)
                    name, operator = found.groups() if found else (name, "eq")
                path = name.split(".")
            group.append((path, operator, [unquote_plus(value) for value in part[values_at:].split(",")]))
        groups.append(group)
    return groups


def first_value(document, path):
    for name in path:
        while isinstance(document, list):
            document = document[0] if document else MISSING
        if not isinstance(document, dict) or name not in document:
            return MISSING
        document = document[name]
    while isinstance(document, list):
        document = document[0] if document else MISSING
    return document


def sort_key(value):
    """Numbers, date-times, other strings, booleans, the rest; None when it is missing."""
    if value is MISSING or value is None:
        return None
    if isinstance(value, bool):
        return (4, int(value), "")
    if isinstance(value, (int, float, Decimal)):
        return (1, Decimal(str(value)), "")
    if isinstance(value, str):
        when = instant(value)
        return (3, 0, value) if when is None else (2, when, "")
    return (5, 0, "")


def compare_keys(a, b, descending):
    if a is None or b is None:
        return (a is None) - (b is None)  # missing last, in both directions
    found = (a > b) - (a < b)
    return -found if descending else found


def key_of(document, path):
    """name and status are strings whatever they look like."""
    value = first_value(document, path)
    if path in (["name"], ["status"]):
        return None if value is MISSING else (3, 0, value)
    return sort_key(value)


def sorted_by(documents, keys):
    """keys: (path, descending); ties by id."""
    def compare(a, b):
        for path, descending in keys:
            found = compare_keys(key_of(a, path), key_of(b, path), descending)
            if found:
                return found
        return (a["id"] > b["id"]) - (a["id"] < b["id"])
    return sorted(documents, key=functools.cmp_to_key(compare))


__all__ = ["InvalidOperation", "OPERATORS", "SYMBOLS", "groups_of", "instant", "query_of", "selects", "sorted_by"]
