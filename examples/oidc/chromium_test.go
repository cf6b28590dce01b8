package main

import (
	"strings"
	"testing"

	"github.com/b4468f51/session/examples/internal/chromiumtest"
	"github.com/chromedp/chromedp"
)

// The rules of SameSite are the browser's, so a real one has to agree.
func TestChromiumSignsInElsewhere(t *testing.T) {
	for name, tt := range map[string]struct {
		button string
		strict bool
		end    string // what the last page has
		says   string
	}{
		"redirect, Lax":    {"#redirect", false, "#signout", "Hello, Ada"},
		"form, Lax":        {"#form", false, "#signout", "Hello, Ada"},
		"form, Strict":     {"#form", true, "#signout", "Hello, Ada"},
		"redirect, Strict": {"#redirect", true, `a[href="/"]`, "This browser has begun no such sign-in."},
	} {
		t.Run(name, func(t *testing.T) {
			siteURL := serveBoth(t, tt.strict)
			ctx := chromiumtest.Start(t)
			if err := chromedp.Do(ctx,
				chromedp.Navigate(siteURL),
				chromedp.Click("#add"),
				chromedp.WaitVisible(tt.button),
				chromedp.Click(tt.button),
				chromedp.WaitVisible(`button[value="yes"]`),
				chromedp.Click(`button[value="yes"]`),
				chromedp.WaitVisible(tt.end),
			); err != nil {
				t.Fatal(err)
			}
			page, err := chromedp.Run(ctx, chromedp.Text("body"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(page, tt.says) || tt.end == "#signout" && !strings.Contains(page, "1 in the cart") {
				t.Errorf("Chromium shows %q", page)
			}
		})
	}
}
