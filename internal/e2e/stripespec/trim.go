package stripespec

import (
	"slices"
	"strings"
)

// expanded are the objects that may stand inside another one in full. Every other expandable field is only an id here,
// which cuts the description to a tenth.
var expanded = []string{"charge", "payment_intent", "refund"}

const schemaPrefix = "#/components/schemas/"

// trim keeps the wanted paths and what they need of a decoded OpenAPI document.
func trim(doc map[string]any, paths, schemas []string) map[string]any {
	all := object(object(doc["components"])["schemas"])
	kept := map[string]any{}
	for path, item := range object(doc["paths"]) {
		if slices.Contains(paths, path) {
			kept[path] = item
		}
	}
	needed := map[string]any{}
	var need func(name string)
	need = func(name string) {
		if _, seen := needed[name]; seen {
			return
		}
		needed[name] = all[name]
		tighten(all[name], need)
	}
	tighten(kept, need)
	for _, name := range schemas {
		need(name)
	}
	return map[string]any{
		"openapi": doc["openapi"], "info": doc["info"], "paths": kept, "components": map[string]any{"schemas": needed},
	}
}

// tighten closes objects to unknown properties, reduces expandable fields that are never expanded to ids, unwraps
// alternatives of one, drops prose, and calls need for every schema that is referred to.
func tighten(node any, need func(name string)) {
	switch n := node.(type) {
	case []any:
		for _, v := range n {
			tighten(v, need)
		}
	case map[string]any:
		delete(n, "description")
		collapse(n)
		if properties, ok := n["properties"].(map[string]any); ok && n["additionalProperties"] == nil && len(properties) > 0 {
			n["additionalProperties"] = false
		}
		if ref, ok := n["$ref"].(string); ok {
			need(strings.TrimPrefix(ref, schemaPrefix))
		}
		for key, v := range n {
			if key == "properties" {
				for _, property := range object(v) { // one of them may be called description
					tighten(property, need)
				}
				continue
			}
			if !strings.HasPrefix(key, "x-") {
				tighten(v, need)
			}
		}
	}
}

func collapse(n map[string]any) {
	list, ok := n["anyOf"].([]any)
	if !ok {
		return
	}
	if n["x-expansionResources"] != nil {
		list = slices.DeleteFunc(list, func(v any) bool {
			ref, ok := object(v)["$ref"].(string)
			return ok && !slices.Contains(expanded, strings.TrimPrefix(ref, schemaPrefix))
		})
		n["anyOf"] = list
	}
	if only := object(list[0]); len(list) == 1 && only["$ref"] == nil {
		delete(n, "anyOf")
		for key, v := range only {
			n[key] = v
		}
	}
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
