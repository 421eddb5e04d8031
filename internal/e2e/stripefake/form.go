package stripefake

import (
	"net/url"
	"strconv"
	"strings"
)

// list reads name[]=a&name[]=b and name[0]=a&name[1]=b.
func (q *request) list(name string) []string {
	values := q.form[name+"[]"]
	for i := 0; ; i++ {
		v, ok := q.form[name+"["+strconv.Itoa(i)+"]"]
		if !ok {
			return values
		}
		values = append(values, v...)
	}
}

// number reads a whole number; present is false when there is none.
func (q *request) number(name string) (n int64, present bool, problem *apiError) {
	if !q.form.Has(name) {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(q.form.Get(name), 10, 64)
	if err != nil {
		return 0, true, invalid(name, "parameter_invalid_integer", "Invalid integer: "+q.form.Get(name))
	}
	return n, true, nil
}

// readMetadata holds metadata to Stripe's limits: 50 keys of 40 characters, values of 500.
func readMetadata(form url.Values, name string) (map[string]string, *apiError) {
	m := map[string]string{}
	for key, values := range form {
		inner, ok := strings.CutPrefix(key, name+"[")
		if !ok {
			continue
		}
		inner = strings.TrimSuffix(inner, "]")
		if len([]rune(inner)) > 40 || len([]rune(values[0])) > 500 || strings.ContainsAny(inner, "[]") {
			return nil, invalid(key, "", "Metadata keys have at most 40 characters without brackets, values at most 500.")
		}
		if values[0] != "" {
			m[inner] = values[0]
		}
	}
	if len(m) > 50 {
		return nil, invalid(name, "", "Metadata has at most 50 keys.")
	}
	return m, nil
}

// expansion is a tree of the fields that are wanted in full.
type expansion map[string]expansion

func readExpansion(paths []string) (expansion, *apiError) {
	root := expansion{}
	for _, path := range paths {
		steps := strings.Split(path, ".")
		if len(steps) > 4 {
			return nil, invalid("expand", "", "You cannot expand more than 4 levels of a property. Property: "+path)
		}
		node := root
		for _, step := range steps {
			if node[step] == nil {
				node[step] = expansion{}
			}
			node = node[step]
		}
	}
	return root, nil
}

// only refuses what the object cannot expand.
func (x expansion) only(allowed ...string) *apiError {
	for field := range x {
		known := false
		for _, a := range allowed {
			known = known || a == field
		}
		if !known {
			return invalid("expand", "", "This property cannot be expanded ("+field+").")
		}
	}
	return nil
}
