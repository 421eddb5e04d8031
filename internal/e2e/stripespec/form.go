package stripespec

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// unbracket turns a[b][c]=1 into nested objects and a[]=1 or a[0]=1 into lists, at any depth. All leaves are texts.
func unbracket(values url.Values) (any, error) {
	root := map[string]any{}
	for key, list := range values {
		name, rest, _ := strings.Cut(key, "[")
		steps := []string{name}
		if rest != "" {
			if !strings.HasSuffix(rest, "]") {
				return nil, fmt.Errorf("the name %q has unbalanced brackets", key)
			}
			steps = append(steps, strings.Split(strings.TrimSuffix(rest, "]"), "][")...)
		}
		if err := put(root, key, steps, list); err != nil {
			return nil, err
		}
	}
	return listed(root), nil
}

func put(node map[string]any, key string, steps, list []string) error {
	for _, step := range steps[:len(steps)-1] {
		next, ok := node[step].(map[string]any)
		if !ok {
			if node[step] != nil {
				return fmt.Errorf("the name %q is a value and an object", key)
			}
			next = map[string]any{}
			node[step] = next
		}
		node = next
	}
	last := steps[len(steps)-1]
	if last == "" {
		for _, v := range list {
			node[strconv.Itoa(len(node))] = v
		}
		return nil
	}
	if len(list) > 1 || node[last] != nil {
		return fmt.Errorf("the name %q is given %d times", key, len(list))
	}
	node[last] = list[0]
	return nil
}

// listed turns objects whose names count from 0 into lists.
func listed(node any) any {
	m, ok := node.(map[string]any)
	if !ok {
		return node
	}
	list := make([]any, len(m))
	for key, v := range m {
		m[key] = listed(v)
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(list) && strconv.Itoa(i) == key {
			list[i] = m[key]
		}
	}
	if len(m) == 0 || slices.Contains(list, nil) {
		return m
	}
	return list
}

// typed reads texts as the schema wants them. A text that does not fit stays one, for the schema to refuse.
func typed(schema *openapi3.Schema, v any) any {
	if len(schema.AnyOf) > 0 {
		for _, alternative := range schema.AnyOf {
			if t := typed(alternative.Value, v); alternative.Value.VisitJSON(t) == nil {
				return t
			}
		}
		return typed(schema.AnyOf[0].Value, v)
	}
	switch t := v.(type) {
	case string:
		return scalar(schema, t)
	case []any:
		if schema.Items != nil {
			for i := range t {
				t[i] = typed(schema.Items.Value, t[i])
			}
		}
	case map[string]any:
		for key := range t {
			if p := property(schema, key); p != nil {
				t[key] = typed(p, t[key])
			}
		}
	}
	return v
}

func property(schema *openapi3.Schema, key string) *openapi3.Schema {
	if p := schema.Properties[key]; p != nil {
		return p.Value
	}
	if more := schema.AdditionalProperties.Schema; more != nil {
		return more.Value
	}
	return nil
}

func scalar(schema *openapi3.Schema, text string) any {
	switch {
	case schema.Type.Is("integer"):
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return float64(n)
		}
	case schema.Type.Is("number"):
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	case schema.Type.Is("boolean") && (text == "true" || text == "false"):
		return text == "true"
	}
	return text
}
