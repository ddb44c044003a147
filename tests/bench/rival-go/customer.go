// SPDX-License-Identifier: Apache-2.0
package main

import (
	"bytes"
	"encoding/json"
)

// A rule says what an attribute has to look like; the first byte of a value tells its type.
type rule struct {
	first    byte
	required []string // members of the object, or of each object of the array
	texts    []string // members that are strings, if they are there
}

var mandatory = []string{"name", "engagedParty"}

var rules = map[string]rule{
	"name":           {first: '"'},
	"status":         {first: '"'},
	"statusReason":   {first: '"'},
	"engagedParty":   {first: '{', texts: []string{"id", "name"}},
	"validFor":       {first: '{'},
	"account":        {first: '[', required: []string{"name"}},
	"agreement":      {first: '[', required: []string{"id"}},
	"characteristic": {first: '[', required: []string{"name", "value"}},
	"contactMedium":  {first: '[', required: []string{"mediumType", "characteristic"}},
	"creditProfile":  {first: '[', required: []string{"creditProfileDate", "validFor"}},
	"paymentMethod":  {first: '[', required: []string{"id"}},
	"relatedParty":   {first: '[', required: []string{"id", "@referredType"}},
}

var types = map[byte]string{'"': "a string", '{': "an object", '[': "an array"}

func (r rule) check(name string, value []byte) error {
	if value[0] != r.first {
		return refusal{400, name + ": " + types[r.first] + " is needed"}
	}
	if name == "name" && len(value) == 2 {
		return refusal{400, "name: it is empty"}
	}
	if r.first == '{' {
		return r.checkObject(name, value)
	}
	if r.first == '[' {
		for _, element := range elementsOf(value) {
			if err := r.checkObject(name, element); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r rule) checkObject(name string, value []byte) error {
	if !isObject(value) {
		return refusal{400, name + ": an object is needed"}
	}
	if len(r.required) == 0 && len(r.texts) == 0 {
		return nil
	}
	members := membersOf(value)
	for _, required := range r.required {
		if members.get(required) == nil {
			return refusal{400, name + "." + required + " is missing"}
		}
	}
	for _, text := range r.texts {
		if found := members.get(text); found != nil && found[0] != '"' {
			return refusal{400, name + "." + text + ": a string is needed"}
		}
	}
	return nil
}

// check looks at what differs from the customer before; that one kept the rules.
func check(before, after object) error {
	for _, name := range mandatory {
		if after.get(name) == nil {
			return refusal{400, name + " is missing"}
		}
	}
	for i := range after {
		if rule, found := rules[string(after[i].name)]; found {
			if earlier := before.find(after[i].name); earlier >= 0 && bytes.Equal(before[earlier].value, after[i].value) {
				continue
			}
			if err := rule.check(string(after[i].name), after[i].value); err != nil {
				return err
			}
		}
	}
	return nil
}

// parsed reads a body that has to be an object.
func parsed(body []byte) (object, error) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) || !isObject(body) {
		return nil, refusal{400, "the body has to be a JSON object"}
	}
	return membersOf(body), nil
}

func quoted(text string) []byte {
	return []byte(`"` + text + `"`)
}

// created is the text of a new customer.
func created(body []byte, id, href string) ([]byte, error) {
	customer, err := parsed(body)
	if err == nil {
		err = check(nil, customer)
	}
	if err != nil {
		return nil, err
	}
	if customer.get("@type") == nil {
		customer.set([]byte(`"@type"`), []byte("@type"), []byte(`"Customer"`))
	}
	customer.set([]byte(`"id"`), []byte("id"), quoted(id))
	customer.set([]byte(`"href"`), []byte("href"), quoted(href))
	return customer.text(), nil
}

// changed applies a patch to the text of a customer, and names the event.
func changed(document, patch []byte, isJSONPatch bool) (after []byte, event string, err error) {
	if !json.Valid(patch) {
		return nil, "", refusal{400, "the body is not JSON"}
	}
	if isJSONPatch {
		after, err = patched(document, patch)
	} else if patch = bytes.TrimSpace(patch); isObject(patch) {
		after = merged(document, patch)
	} else {
		err = refusal{400, "a merge patch of a customer is an object"}
	}
	if err != nil {
		return nil, "", err
	}
	was, is := membersOf(document), membersOf(after)
	for _, fixed := range []string{"id", "href"} {
		if !bytes.Equal(was.get(fixed), is.get(fixed)) {
			return nil, "", refusal{400, fixed + " cannot change"}
		}
	}
	if err = check(was, is); err != nil {
		return nil, "", err
	}
	if bytes.Equal(was.get("status"), is.get("status")) {
		return after, "CustomerAttributeValueChangeEvent", nil
	}
	return after, "CustomerStateChangeEvent", nil
}
