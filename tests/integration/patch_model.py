# SPDX-License-Identifier: Apache-2.0
"""Small models of the three formats of patches (src/api/README.md §6), on JSON as Python has it."""
import copy
import json
import re
from urllib.parse import quote


class Conflict(Exception):
    """409"""


class Malformed(Exception):
    """400"""


def same(a, b):
    """As JSON: True is not 1."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def merge(target, patch):
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merge(target.get(name), value)
    return target


def pointer(tokens):
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def child(value, token):
    """What a token leads to; Conflict when nothing is there."""
    if isinstance(value, dict) and token in value:
        return value[token]
    if isinstance(value, list) and re.fullmatch("0|[1-9][0-9]*", token) and int(token) < len(value):
        return value[int(token)]
    raise Conflict


def find(document, tokens):
    for token in tokens:
        document = child(document, token)
    return document


def add(document, tokens, value):
    parent = find(document, tokens[:-1])
    if isinstance(parent, dict):
        parent[tokens[-1]] = value
    elif isinstance(parent, list) and tokens[-1] == "-":
        parent.append(value)
    elif isinstance(parent, list) and re.fullmatch("0|[1-9][0-9]*", tokens[-1]) and int(tokens[-1]) <= len(parent):
        parent.insert(int(tokens[-1]), value)
    else:
        raise Conflict


def remove(document, tokens):
    find(document, tokens)
    parent = find(document, tokens[:-1])
    del parent[int(tokens[-1]) if isinstance(parent, list) else tokens[-1]]


def carry_out(document, op, tokens, value):
    """add, remove, replace or test at one place."""
    if op == "add":
        add(document, tokens, copy.deepcopy(value))
    elif op == "remove":
        remove(document, tokens)
    elif op == "replace":
        remove(document, tokens)
        add(document, tokens, copy.deepcopy(value))
    elif not same(find(document, tokens), value):
        raise Conflict


def json_patch(document, operations):
    """RFC 6902; an operation is (op, path, from, value), its paths are lists of tokens."""
    document = copy.deepcopy(document)
    for op, path, source, value in operations:
        if op == "move" and len(path) > len(source) and path[:len(source)] == source:
            raise Malformed
    for op, path, source, value in operations:
        if source is not None:
            value = copy.deepcopy(find(document, source))
        if op == "move":
            remove(document, source)
        carry_out(document, "add" if source is not None else op, path, value)
    return document


# ---- JSON Patch Query ----
#
# A path is one of
#   ("pointer", tokens)
#   ("where", names, conditions)   conditions: (names, operand), all equalities
#   ("steps", steps)               a step: a name, an int, None for [*], or (name, operand) for [?(@.name==operand)]

def text_of(path):
    """The path as it is sent."""
    if path[0] == "pointer":
        return pointer(path[1])
    if path[0] == "where":
        return pointer(path[1]) + "?" + "&".join(
            ".".join(names) + "=" + quote(operand) for names, operand in path[2])
    text = "$"
    for step in path[1]:
        if step is None:
            text += "[*]"
        elif isinstance(step, tuple):
            text += f"[?(@.{step[0]}=='{step[1]}')]"
        else:
            text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text


def reaches(value, names, operand):
    """Has one of the values that the names lead to this text? The names lead through arrays, whatever their nesting."""
    if isinstance(value, list):
        return any(reaches(element, names, operand) for element in value)
    if names:
        return isinstance(value, dict) and names[0] in value and reaches(value[names[0]], names[1:], operand)
    if isinstance(value, (dict, list)) or value is None:
        return False
    return (value if isinstance(value, str) else json.dumps(value)) == operand


def meets(document, conditions, passed):
    """passed: (names that led to the array, the element) for each array on the way. As in a URL, several values
    for one attribute are alternatives."""
    for names, _ in conditions:
        subject, rest = (passed[-1][1] if passed else document), names
        for prefix, element in passed:
            if len(names) > len(prefix) and names[:len(prefix)] == prefix:
                subject, rest = element, names[len(prefix):]
        if not any(reaches(subject, rest, operand) for other, operand in conditions if other == names):
            return False
    return True


def ways(value, path, index, tokens, passed):
    """Every way on: (tokens, by what the last step was made, value, passed). What an add may make is there
    with the value `...`."""
    names = path[1]
    step = names[index] if index < len(names) else ...
    is_index = isinstance(step, int) if path[0] == "steps" else isinstance(step, str) and re.fullmatch("[0-9]+|-", step)
    if path[0] == "where" and isinstance(value, list) and not is_index:
        for i, element in enumerate(value):
            yield from (way for way in [(tokens + [str(i)], "element", element, passed + [(names[:index], element)])]
                        if step is ... and not isinstance(element, list))
            if step is not ... or isinstance(element, list):
                yield from ways(element, path, index, tokens + [str(i)], passed + [(names[:index], element)])
        return
    if path[0] == "steps" and (step is None or isinstance(step, tuple)):
        for i, element in enumerate(value if isinstance(value, list) else []):
            if step is not None and isinstance(element, list):
                yield from ways(element, path, index, tokens + [str(i)], passed)
            elif step is None or reaches(element, [step[0]], step[1]):
                yield from onward(element, path, index, tokens + [str(i)], passed, "element")
        return
    try:
        found = child(value, str(step))
    except Conflict:
        at_end = isinstance(value, list) and (str(step) == "-" or str(step) == str(len(value)))
        if index == len(names) - 1 and (at_end if isinstance(value, list) else isinstance(value, dict) and not isinstance(step, int)):
            yield tokens + [str(step)], "index" if at_end else "name", ..., passed
        return
    if is_index and isinstance(value, dict) and path[0] == "steps":
        return
    yield from onward(found, path, index, tokens + [str(step)], passed, "index" if isinstance(value, list) else "name")


def onward(value, path, index, tokens, passed, manner):
    is_end = index + 1 == len(path[1])
    if is_end and not (path[0] == "where" and isinstance(value, list)):
        yield tokens, manner, value, passed
    else:
        yield from ways(value, path, index + 1, tokens, passed)


def places(document, path, is_target):
    """Lists of tokens, in the document's order."""
    found = []
    for tokens, manner, value, passed in ways(document, path, 0, [], []):
        if path[0] == "where" and not meets(document, path[2], passed):
            continue
        if not is_target:
            if value is not ...:
                found.append(tokens)
        elif manner != "index" and isinstance(value, list):
            found.append(tokens + ["-"])
        elif manner == "element":
            raise Malformed
        else:
            found.append(tokens)
    if not found:
        raise Conflict
    return found


def json_patch_query(document, operations):
    """As json_patch, with paths as above."""
    document = copy.deepcopy(document)
    for op, path, source, value in operations:
        if source is not None:
            sources = places(document, source, False)
            if len(sources) > 1:
                raise Conflict
            value = copy.deepcopy(find(document, sources[0]))
            if op == "move":
                remove(document, sources[0])
        targets = places(document, path, op in ("add", "copy", "move"))
        if op == "move" and len(targets) > 1:
            raise Conflict
        for tokens in reversed(targets):
            carry_out(document, "add" if source is not None else op, tokens, value)
    return document
