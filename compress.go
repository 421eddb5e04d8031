package checkout

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The page door sends gzip to whoever takes it; the admin never does. Compression beside a secret lets an observer guess the
// secret byte by byte, if the same secret comes again and again beside a text of the observer's choice, in answers that the
// victim's browser fetches for him (BREACH, breachattack.com). The only secret of a page is its form's token. It changes
// every second. No text of a request is repeated beside it, except in the answer to a form, which other sites cannot send.
// And whoever could make a browser open the page has its address, and with it all that stands there: there is no cookie.
// The admin has a login, a search field and keys that are shown once, so its pages stay as they are.

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// gzipTo appends content, compressed, to a buffer.
func gzipTo(to *bytes.Buffer, content []byte) error {
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	w.Reset(to)
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

// zippedOnce is for files that are compressed once and sent often; nil if that saves nothing.
func zippedOnce(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	_, err = w.Write(content)
	if err != nil || w.Close() != nil || b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
}

// mayZip tells whether an answer goes out compressed, and notes in its headers that this depends on the request. A host's
// own middleware that compresses has left a mark there before it called us: the work is left to it then, as nobody could
// read what was compressed twice.
func mayZip(h http.Header, r *http.Request) bool {
	if h.Get("Content-Encoding") != "" || variesByEncoding(h) {
		return false
	}
	h.Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r.Header) {
		return false
	}
	h.Set("Content-Encoding", "gzip")
	return true
}

func variesByEncoding(h http.Header) bool {
	for _, value := range h.Values("Vary") {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return true
			}
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3). Only what names gzip counts: a star or an absent header would allow
// it too, but the plain form is right for everybody.
func acceptsGzip(h http.Header) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ","), func(coding string) bool {
		name, weight, weighed := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return false
		}
		_, q, _ := strings.Cut(weight, "=")
		number, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighed || err == nil && number > 0
	})
}
