package frameworks_test

import (
	"errors"
	"io"
	"net/http"
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
