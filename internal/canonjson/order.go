package canonjson

import (
	"cmp"
	"slices"
	"strconv"
)

// member is where "key":value, with its comma, lies in the output: [start, end], the comma at end.
type member struct {
	start, end int
	index      uint32
	isIndex    bool
}

type members []member

// sort moves the members that were written to out from start on into JavaScript's order.
func (list members) sort(out []byte, start int) {
	if !slices.ContainsFunc(list, func(m member) bool { return m.isIndex }) {
		return
	}
	slices.SortStableFunc(list, compareMembers)
	written := slices.Clone(out[start:])
	sorted := out[:start]
	for _, m := range list {
		sorted = append(sorted, written[m.start-start:m.end-start+1]...)
	}
}

func compareMembers(a, b member) int {
	switch {
	case a.isIndex && b.isIndex:
		return cmp.Compare(a.index, b.index)
	case a.isIndex:
		return -1
	case b.isIndex:
		return 1
	}
	return 0
}

// arrayIndex reports whether key is an array index by ECMA-262: the canonical decimal of 0 to 2^32-2.
func arrayIndex(key string) (uint32, bool) {
	n, err := strconv.ParseUint(key, 10, 32)
	if err != nil || n == 1<<32-1 || strconv.FormatUint(n, 10) != key {
		return 0, false
	}
	return uint32(n), true
}
