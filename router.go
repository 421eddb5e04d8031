package checkout

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// route is one address of a door: segments are fixed words or, with a colon, names of parts.
type route struct {
	segments []string
	handlers map[string]handler // by method; GET answers HEAD too
}

func routeOf(pattern string, handlers map[string]handler) route {
	return route{segments: segmentsOf(pattern), handlers: handlers}
}

func segmentsOf(p string) []string {
	p = strings.TrimPrefix(p, "/")
	if p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

func (rt route) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(rt.segments) {
		return nil, false
	}
	var parts map[string]string
	for i, want := range rt.segments {
		if name, ok := strings.CutPrefix(want, ":"); ok && segments[i] != "" {
			if parts == nil {
				parts = map[string]string{}
			}
			parts[name] = segments[i]
			continue
		}
		if want != segments[i] {
			return nil, false
		}
	}
	return parts, true
}

func (rt route) methods() string {
	list := []string{http.MethodOptions}
	for m := range rt.handlers {
		list = append(list, m)
		if m == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// door serves the routes below one path. It finds its path in what the client sent, and takes a request without it as one
// whose prefix was stripped: so the answers are the same on every router and behind http.StripPrefix.
type door struct {
	base   string // the path of BaseURL
	path   string
	routes []route
	serve  func(w http.ResponseWriter, r *http.Request, h handler)
}

// ServeHTTP sends untidy paths on to the tidy one, as net/http's ServeMux does before any handler, so that routers which
// do not give the same answer. It looks at the whole path: one that begins with two slashes would lead to another host.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent := originalPath(r)
	if clean := cleanPath(sent); clean != sent {
		redirectTo(w, r, clean)
		return
	}
	d.serve(w, r, d.find(r, restBehind(r, d.base, d.path)))
}

// restBehind is what stands behind a door's path in a request.
func restBehind(r *http.Request, base, path string) string {
	sent := originalPath(r)
	if end, ok := doorEnd(sent, base, path); ok {
		return sent[end:]
	}
	return r.URL.EscapedPath()
}

// doorEnd is where a door's path ends in a path. Before it may stand the path of BaseURL, a tenant or a group.
func doorEnd(sent, base, path string) (end int, ok bool) {
	if within(sent, base+path) {
		return len(base + path), true
	}
	for at := 0; ; at = end {
		i := strings.Index(sent[at:], path)
		if i < 0 {
			return 0, false
		}
		end = at + i + len(path)
		if end == len(sent) || sent[end] == '/' {
			return end, true
		}
	}
}

// originalPath is the path as the client sent it, with what a router may have stripped.
func originalPath(r *http.Request) string {
	full := r.URL.EscapedPath()
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasSuffix(sent, full) && strings.HasPrefix(sent, "/") {
		return sent
	}
	return full
}

// cleanPath takes empty segments and dots out of a path and keeps a slash at its end.
func cleanPath(p string) string {
	if p == "" || p == "/" {
		return p
	}
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// redirectTo sends the client to a path of this host: with two slashes in front it would name another one.
func redirectTo(w http.ResponseWriter, r *http.Request, target string) {
	target = "/" + strings.TrimLeft(target, `/\`)
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	http.Redirect(w, r, target, http.StatusTemporaryRedirect)
}

func (d *door) find(r *http.Request, rest string) handler {
	segments := segmentsOf(rest)
	for _, rt := range d.routes {
		parts, ok := rt.match(segments)
		if !ok {
			continue
		}
		for name, value := range parts {
			r.SetPathValue(name, value)
		}
		return rt.handler(r.Method)
	}
	return func(http.ResponseWriter, *http.Request) error { return ErrRouteUnknown }
}

func (rt route) handler(method string) handler {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := rt.handlers[method]; ok {
		return h
	}
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", rt.methods())
		if method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return ErrMethodNotAllowed
	}
}

func (d *door) patterns() []string {
	list := make([]string, 0, len(d.routes))
	for _, rt := range d.routes {
		list = append(list, "/"+strings.Join(rt.segments, "/"))
	}
	return list
}
