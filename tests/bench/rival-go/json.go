// SPDX-License-Identifier: Apache-2.0
package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Documents stay text: a change copies what it does not touch. All texts here are known to be valid JSON.

type member struct {
	key   []byte // as it is written, with its quotation marks
	name  []byte
	value []byte
}

type object []member

func isBlank(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

func skipBlanks(text []byte, at int) int {
	for isBlank(text[at]) {
		at++
	}
	return at
}

// endOfString is the place behind the string that begins at a place.
func endOfString(text []byte, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// endOfValue is the place behind the value that begins at a place.
func endOfValue(text []byte, at int) int {
	for depth := 0; at < len(text); at++ {
		switch text[at] {
		case '"':
			at = endOfString(text, at) - 1
			if depth == 0 {
				return at + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return at
			}
		}
	}
	return at
}

func nameOf(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key[1 : len(key)-1]
	}
	var name string
	if json.Unmarshal(key, &name) != nil {
		return key
	}
	return []byte(name)
}

func isObject(text []byte) bool {
	return len(text) > 0 && text[0] == '{'
}

// membersOf reads an object; of members with the same name the last one counts.
func membersOf(text []byte) object {
	members := make(object, 0, 24)
	at := skipBlanks(text, 1)
	for text[at] != '}' {
		end := endOfString(text, at)
		key := text[at:end]
		at = skipBlanks(text, end)
		at = skipBlanks(text, at+1)
		end = endOfValue(text, at)
		members.set(key, nameOf(key), text[at:end])
		at = skipSeparator(text, end)
	}
	return members
}

func elementsOf(text []byte) [][]byte {
	elements := make([][]byte, 0, 8)
	at := skipBlanks(text, 1)
	for text[at] != ']' {
		end := endOfValue(text, at)
		elements = append(elements, text[at:end])
		at = skipSeparator(text, end)
	}
	return elements
}

// skipSeparator leads from behind a value to the next, or to the bracket that closes.
func skipSeparator(text []byte, at int) int {
	if at = skipBlanks(text, at); text[at] == ',' {
		at = skipBlanks(text, at+1)
	}
	return at
}

func (members object) find(name []byte) int {
	for i := range members {
		if bytes.Equal(members[i].name, name) {
			return i
		}
	}
	return -1
}

// get is nil when there is no such member.
func (members object) get(name string) []byte {
	if i := members.find([]byte(name)); i >= 0 {
		return members[i].value
	}
	return nil
}

func (members *object) set(key, name, value []byte) {
	if i := members.find(name); i >= 0 {
		(*members)[i].value = value
	} else {
		*members = append(*members, member{key, name, value})
	}
}

func (members *object) remove(i int) {
	*members = append((*members)[:i], (*members)[i+1:]...)
}

func (members object) text() []byte {
	size := 2
	for _, one := range members {
		size += len(one.key) + len(one.value) + 2
	}
	text := append(make([]byte, 0, size), '{')
	for i, one := range members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, one.key...), ':'), one.value...)
	}
	return append(text, '}')
}

// merged applies a merge patch, RFC 7386.
func merged(target, patch []byte) []byte {
	if !isObject(patch) {
		return patch
	}
	var members object
	if isObject(target) {
		members = membersOf(target)
	}
	for _, one := range membersOf(patch) {
		i := members.find(one.name)
		switch {
		case one.value[0] != 'n' && i >= 0:
			members[i].value = merged(members[i].value, one.value)
		case one.value[0] != 'n':
			members = append(members, member{one.key, one.name, merged(nil, one.value)})
		case i >= 0:
			members.remove(i)
		}
	}
	return members.text()
}

// operation is one of a JSON Patch, RFC 6902.
type operation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

func patched(document, patch []byte) ([]byte, error) {
	var operations []operation
	if json.Unmarshal(patch, &operations) != nil {
		return nil, refusal{400, "a JSON Patch is an array of operations"}
	}
	for _, one := range operations {
		if one.Op != "add" && one.Op != "replace" && one.Op != "remove" {
			return nil, refusal{400, "the operations are add, replace and remove"}
		}
		if one.Op != "remove" && one.Value == nil {
			return nil, refusal{400, one.Op + ": a value is needed"}
		}
		if !strings.HasPrefix(one.Path, "/") {
			return nil, refusal{400, one.Path + ": no path below the customer"}
		}
		after, found := one.applied(document, strings.Split(one.Path[1:], "/"))
		if !found {
			return nil, refusal{400, one.Path + ": there is no such place"}
		}
		document = after
	}
	return document, nil
}

// applied is the value with what is at the path changed.
func (change operation) applied(value []byte, path []string) (after []byte, found bool) {
	token := unescape.Replace(path[0])
	switch value[0] {
	case '{':
		members := membersOf(value)
		found = change.onMember(&members, token, path[1:])
		return members.text(), found
	case '[':
		elements := elementsOf(value)
		found = change.onElement(&elements, token, path[1:])
		return append(append([]byte{'['}, bytes.Join(elements, []byte{','})...), ']'), found
	}
	return nil, false
}

func (change operation) onMember(members *object, name string, path []string) (found bool) {
	i := members.find([]byte(name))
	switch {
	case len(path) == 0 && change.Op == "add" && i < 0:
		key, _ := json.Marshal(name)
		*members = append(*members, member{key, []byte(name), change.Value})
		return true
	case i < 0:
		return false
	case len(path) == 0 && change.Op == "remove":
		members.remove(i)
		return true
	case len(path) == 0:
		(*members)[i].value = change.Value
		return true
	}
	(*members)[i].value, found = change.applied((*members)[i].value, path)
	return found
}

func (change operation) onElement(elements *[][]byte, token string, path []string) (found bool) {
	count := len(*elements)
	i, err := strconv.Atoi(token)
	if token == "-" {
		i, err = count, nil
	}
	switch {
	case err != nil || i < 0 || i > count:
		return false
	case len(path) == 0 && change.Op == "add":
		*elements = append(*elements, nil)
		copy((*elements)[i+1:], (*elements)[i:])
		(*elements)[i] = change.Value
		return true
	case i == count:
		return false
	case len(path) == 0 && change.Op == "remove":
		*elements = append((*elements)[:i], (*elements)[i+1:]...)
		return true
	case len(path) == 0:
		(*elements)[i] = change.Value
		return true
	}
	(*elements)[i], found = change.applied((*elements)[i], path)
	return found
}
