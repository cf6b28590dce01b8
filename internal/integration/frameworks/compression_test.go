package frameworks_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"
	"github.com/klauspost/compress/gzhttp"

	"github.com/b4468f51/session"
)

// compressors are middleware that compress what a handler writes.
var compressors = map[string]func(http.Handler) http.Handler{
	"gorilla CompressHandler": handlers.CompressHandler,
	"chi Compress":            middleware.Compress(5),
	"klauspost gzhttp":        func(next http.Handler) http.Handler { return gzhttp.GzipHandler(next) },
}

// onEachCompressor runs a test with each compressor, outside of the Manager and inside.
func onEachCompressor(t *testing.T, test func(t *testing.T, s *site, chain func(http.Handler) http.Handler)) {
	for name, compress := range compressors {
		t.Run(name+" outside", func(t *testing.T) {
			s := newSite(t, session.Config{})
			test(t, s, func(next http.Handler) http.Handler { return compress(s.m.Handler(next)) })
		})
		t.Run(name+" inside", func(t *testing.T) {
			s := newSite(t, session.Config{})
			test(t, s, func(next http.Handler) http.Handler { return s.m.Handler(compress(next)) })
		})
	}
}

// getCompressed requests a path as browsers do, and undoes the compression
// that the answer's header names, and no other.
func (b *browser) getCompressed(path string) (a answer, encoding string) {
	b.t.Helper()
	r := b.request("GET", path, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	a = b.do(r)
	if encoding = a.Header.Get("Content-Encoding"); encoding == "gzip" {
		z, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil {
			b.t.Fatalf("%s: %v", path, err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			b.t.Errorf("%s: %v", path, err)
		}
		a.body = string(plain)
	}
	return a, encoding
}

func TestCompression_PagesAreCompressedAndErrorsReadable(t *testing.T) {
	long := strings.Repeat("All work and no play makes Jack a dull boy.\n", 1000)
	onEachCompressor(t, func(t *testing.T, s *site, chain func(http.Handler) http.Handler) {
		b := browse(t, serve(t, chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := count(r); err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Etag", `"dull"`)
			io.WriteString(w, long)
		}))))
		a, encoding := b.getCompressed("/")
		if a.StatusCode != 200 || encoding != "gzip" || a.body != long || a.sets() != cookieName {
			t.Errorf("%d, encoding %q, %d bytes, %q", a.StatusCode, encoding, len(a.body), a.Header)
		}
		if a := b.get("/"); a.StatusCode != 200 || a.body != long {
			t.Errorf("uncompressed, or undone by the client: %d, %d bytes", a.StatusCode, len(a.body))
		}
		s.store.broken.Store(true)
		a, _ = b.getCompressed("/")
		if a.StatusCode != 503 || a.body != "Service Unavailable\n" || a.sets() != "" || a.Header.Get("Etag") != "" {
			t.Errorf("a commit that failed: %d %q %q", a.StatusCode, a.body, a.Header)
		}
	})
}

func TestCompression_StreamsAreFlushed(t *testing.T) {
	onEachCompressor(t, func(t *testing.T, s *site, chain func(http.Handler) http.Handler) {
		read := make(chan struct{})
		b := browse(t, serve(t, chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, err := count(r)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, n+"\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-read
			io.WriteString(w, "end\n")
		}))))
		res, err := b.c.Do(b.request("GET", "/", nil)) // the client's own transport undoes the compression
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		lines := bufio.NewReader(res.Body)
		first, err := lines.ReadString('\n')
		close(read)
		if err != nil || first != "1\n" || (answer{res, ""}).sets() != cookieName {
			t.Errorf("%q %v %q", first, err, res.Header)
		}
		if rest, err := io.ReadAll(lines); err != nil || string(rest) != "end\n" {
			t.Errorf("%q %v", rest, err)
		}
	})
}
