package frameworks_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/b4468f51/session"
)

func newGin() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	return gin.New()
}

func TestGin_TheManagerWrapsTheEngine(t *testing.T) {
	s := newSite(t, session.Config{})
	engine := newGin()
	engine.GET("/count", func(c *gin.Context) {
		n, err := count(c.Request)
		if err != nil {
			c.AbortWithError(500, err)
			return
		}
		c.String(200, n)
	})
	engine.GET("/fails", func(c *gin.Context) {
		signIn(c.Request)
		c.AbortWithError(http.StatusInternalServerError, errors.New("no"))
	})
	engine.GET("/status", func(c *gin.Context) { // gin writes it when the handler has returned
		signIn(c.Request)
		c.Status(http.StatusBadGateway)
	})
	engine.GET("/redirect", func(c *gin.Context) {
		signIn(c.Request)
		c.Redirect(http.StatusSeeOther, "/who")
	})
	engine.GET("/who", func(c *gin.Context) { c.String(200, who(c.Request)) })
	b := browse(t, serve(t, s.m.Handler(engine)))
	b.want("/count", 200, "1")
	b.want("/count", 200, "2")
	b.want("/fails", 500, "")
	b.want("/status", 502, "")
	b.want("/who", 200, "<> 2")
	b.want("/nowhere", 404, "404 page not found")
	if a := b.get("/redirect"); a.StatusCode != 303 || a.sets() != cookieName {
		t.Errorf("sign-in: %d %q", a.StatusCode, a.Header)
	}
	b.want("/who", 200, "<ada> 2")
}

func TestGin_ACommitThatFailsIsTheAnswer(t *testing.T) {
	s := newSite(t, session.Config{})
	engine := newGin()
	engine.GET("/count", func(c *gin.Context) {
		if _, err := count(c.Request); err != nil {
			t.Error(err)
		}
		c.JSON(200, gin.H{"visits": "counted"})
	})
	b := browse(t, serve(t, s.m.Handler(engine)))
	s.store.broken.Store(true)
	a := b.want("/count", 503, "Service Unavailable")
	if a.sets() != "" || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("the error answer is %q", a.Header)
	}
}

// Gin's Stream asks the writer for a CloseNotifier, without asking whether it is one.
func TestGin_StreamWorks(t *testing.T) {
	for _, two := range []bool{false, true} {
		s := newSite(t, session.Config{})
		gone := make(chan bool, 1)
		engine := newGin()
		engine.GET("/stream", func(c *gin.Context) {
			n, err := count(c.Request)
			if err != nil {
				t.Error(err)
			}
			defer func() { // a panic, too, must let the test go on
				if v := recover(); v != nil {
					t.Error(v)
					gone <- false
					c.AbortWithStatus(500)
				}
			}()
			first := true
			gone <- c.Stream(func(w io.Writer) bool {
				if first {
					io.WriteString(w, n+"\n")
				} else {
					<-c.Request.Context().Done()
				}
				first = false
				return true
			})
		})
		b := browse(t, serve(t, s.m.Handler(engine), two))
		ctx, hangUp := context.WithCancel(t.Context())
		res, err := b.c.Do(b.request("GET", "/stream", nil).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(res.Body).ReadString('\n')
		if err != nil || line != "1\n" || (answer{res, ""}).sets() != cookieName || res.ProtoMajor == 2 != two {
			t.Errorf("%s: %q %v %q", res.Proto, line, err, res.Header)
		}
		hangUp()
		if !<-gone {
			t.Errorf("%s: Stream did not say that the client is gone", res.Proto)
		}
	}
}

func TestGin_RecoveryStandsInside(t *testing.T) {
	s := newSite(t, session.Config{})
	engine := newGin()
	engine.Use(gin.RecoveryWithWriter(io.Discard))
	engine.GET("/panics", func(c *gin.Context) {
		signIn(c.Request)
		panic("no")
	})
	engine.GET("/who", func(c *gin.Context) { c.String(200, who(c.Request)) })
	b := browse(t, serve(t, s.m.Handler(engine)))
	if a := b.want("/panics", 500, ""); a.sets() != "" {
		t.Errorf("a panic sets %q", a.sets())
	}
	b.want("/who", 200, "<> 0")
}

// An adapter that hands gin our request, but not our writer, loses the cookie.
func TestGin_AnAdapterThatForgetsTheWriterIsReported(t *testing.T) {
	s := newSite(t, session.Config{})
	engine := newGin()
	engine.Use(func(c *gin.Context) {
		s.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			c.Request = r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
	})
	engine.GET("/count", func(c *gin.Context) {
		n, _ := count(c.Request)
		c.String(200, n)
	})
	b := browse(t, serve(t, engine))
	b.whole("/count") // it may as well be aborted
	reported := s.heard(session.EventCommitFailed)
	if len(reported) != 1 || reported[0].Err == nil || !strings.Contains(reported[0].Err.Error(), "ResponseWriter") {
		t.Errorf("the events are %v, want one that names the cause", reported)
	}
}
