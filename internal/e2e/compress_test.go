package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/jopay/checkout"
)

// Hosts whose middleware compresses get the page compressed once, by whomever.
func TestCompressingMiddlewareDoesNotCompressTwice(t *testing.T) {
	for name, build := range map[string]func(*checkout.Checkout) http.Handler{
		"none":      onServeMux,
		"chi":       func(co *checkout.Checkout) http.Handler { return chimiddleware.Compress(5)(onServeMux(co)) },
		"echo":      onCompressingEcho,
		"mark late": compressLate,
	} {
		t.Run(name, func(t *testing.T) {
			h := startHost(t, mounting{name: name, build: build})
			for path, want := range map[string]string{"/checkout/" + h.create(): "</html>", "/checkout/cs_x": "</html>", h.asset(): "{"} {
				resp := h.raw(path)
				if got := resp.Header.Values("Content-Encoding"); len(got) != 1 || got[0] != "gzip" {
					t.Errorf("%s is encoded %q", path, got)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				unzip, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(unzip)
				if err != nil || !strings.Contains(string(text), want) {
					t.Errorf("%s reads %.80q, %v", path, text, err)
				}
				if !strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept-Encoding") {
					t.Errorf("%s varies by %q", path, resp.Header.Values("Vary"))
				}
			}
		})
	}
}

// raw is an answer as browsers get it.
func (h *host) raw(path string) *http.Response {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.server.URL+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp
}

func onCompressingEcho(co *checkout.Checkout) http.Handler {
	e := echo.New()
	e.Use(echomiddleware.Gzip())
	e.Any("/*", echo.WrapHandler(onServeMux(co)))
	return e
}

// compressLate is a middleware that sets its header first and then compresses whatever comes, as several do.
func compressLate(co *checkout.Checkout) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			onServeMux(co).ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Add("Vary", "Accept-Encoding")
		zipped := &zippingWriter{w, gzip.NewWriter(w)}
		defer zipped.to.Close()
		onServeMux(co).ServeHTTP(zipped, r)
	})
}

type zippingWriter struct {
	http.ResponseWriter
	to *gzip.Writer
}

func (z *zippingWriter) WriteHeader(status int) {
	z.Header().Del("Content-Length")
	z.ResponseWriter.WriteHeader(status)
}

func (z *zippingWriter) Write(b []byte) (int, error) { return z.to.Write(b) }
