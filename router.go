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
		if name, ok := strings.CutPrefix(want, ":"); ok {
			if segments[i] == "" {
				return nil, false
			}
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

// door serves the routes below one path. It finds its path in the request itself, and takes a request without it as one
// whose prefix was stripped: so the answers are the same on every router and behind http.StripPrefix.
type door struct {
	path   string
	routes []route
	serve  func(w http.ResponseWriter, r *http.Request, h handler)
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	full := r.URL.EscapedPath()
	rest := d.below(full)
	if clean := cleanPath(rest); clean != rest {
		redirectTo(w, r, strings.TrimSuffix(originalPath(r, full), rest)+clean)
		return
	}
	d.serve(w, r, d.find(r, rest))
}

// below gives the part of a request's path behind the door's own, which may have been stripped already.
func (d *door) below(full string) string {
	for at := 0; ; {
		i := strings.Index(full[at:], d.path)
		if i < 0 {
			return full
		}
		end := at + i + len(d.path)
		if end == len(full) || full[end] == '/' {
			return full[end:]
		}
		at = end
	}
}

// originalPath is the path as the client sent it, with what a router may have stripped.
func originalPath(r *http.Request, full string) string {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasSuffix(sent, full) && strings.HasPrefix(sent, "/") {
		return sent
	}
	return full
}

// cleanPath does what net/http's ServeMux does to a path, because that is what a request meets first on some routers.
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
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusTemporaryRedirect)
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
