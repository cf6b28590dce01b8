package sqlstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/b4468f51/session/store"
)

func TestServerSources(t *testing.T) {
	both := []string{"mysql", "pgx", "postgres"}
	for _, c := range []struct {
		url    string
		linked []string
		driver string
		name   string
		opts   Options
	}{
		{"postgres://host/db", both, "pgx", "postgres://host/db", Options{}},
		{"postgresql://u:p%40w@host:5433/db?sslmode=require", both, "pgx", "postgres://u:p%40w@host:5433/db?sslmode=require", Options{}},
		{"postgres://a:1,b:2/db?table=t&target_session_attrs=read-write", both, "pgx", "postgres://a:1,b:2/db?target_session_attrs=read-write", Options{Table: "t"}},
		{"postgres:///db?host=%2Frun%2Fpostgresql", both, "pgx", "postgres:///db?host=%2Frun%2Fpostgresql", Options{}},
		{"postgres://[::1]:5432/db", both, "pgx", "postgres://[::1]:5432/db", Options{}},
		{"postgres://host/db?pooler=true", both, "pgx", "postgres://host/db?default_query_exec_mode=exec", Options{Unprepared: true}},
		{"postgres://host/db?pooler=true&default_query_exec_mode=simple_protocol", both, "pgx", "postgres://host/db?default_query_exec_mode=simple_protocol", Options{Unprepared: true}},
		{"postgres://host/db?pooler=true&a=b", []string{"postgres"}, "postgres", "postgres://host/db?a=b&binary_parameters=yes", Options{Unprepared: true}},
		{"postgres://host/db?pooler=false", both, "pgx", "postgres://host/db", Options{}},

		{"mysql://u:p%40w%2F@host/db", both, "mysql", "u:p@w/@tcp(host:3306)/db", Options{}},
		{"postgres://host/db?table=app.t", both, "pgx", "postgres://host/db", Options{Schema: "app", Table: "t"}},
		{"mariadb://host:3307/a%20b?tls=true&table=my%60t", both, "mysql", "tcp(host:3307)/a%20b?tls=true", Options{Table: "my`t"}},
		{"mysql://u@[::1]/db?pooler=true", both, "mysql", "u@tcp([::1]:3306)/db?interpolateParams=true", Options{Unprepared: true}},
		{"mysql:///db", both, "mysql", "tcp(127.0.0.1:3306)/db", Options{}},
	} {
		u, err := parseServerURL(c.url)
		if err != nil {
			t.Errorf("parseServerURL(%q): %v", c.url, err)
			continue
		}
		choose := postgresSource
		if c.driver == "mysql" {
			choose = mysqlSource
		}
		src, err := choose(u, c.linked)
		if err != nil || src.driver != c.driver || src.name != c.name || u.opts != c.opts {
			t.Errorf("%s is %s %s with %+v, %v; want %s %s with %+v", c.url, src.driver, src.name, u.opts, err, c.driver, c.name, c.opts)
		}
	}
}

// Whatever is wrong with a URL, no error prints its password.
func TestServerURLRefuses(t *testing.T) {
	const encoded = "percent-encoded"
	for _, c := range []struct{ url, says string }{
		{"postgres:host", "no //"},
		{"postgres://u:hunter/2@host/db", encoded},
		{"postgres://u:hunter?2@host/db", encoded},
		{"postgres://u:hunter#2@host/db", encoded},
		{"postgres://u:hunter:2@host/db", encoded},
		{"postgres://u:hunter@2@host/db", encoded},
		{"postgres://u:hunter%2@host/db", encoded},
		{"postgres://u:12/hunter@host/db", encoded},
		{"postgres://u:12?hunter@host/db", encoded},
		{"postgres://host:port/db", encoded},
		{"postgres://host/db?a;b=hunter", encoded},
		{"postgres://host/db?password=%zzhunter", encoded},
		{"postgres://host/db?table=", "name is empty"},
		{"postgres://host/db?table=a&table=b", "given twice"},
		{"postgres://host/db?table=.a", "want a table"},
		{"postgres://host/db?table=a.", "want a table"},
		{"postgres://host/db?table=a.b.c", "want a table"},
		{"postgres://host/db?pooler=yes", "want true or false"},
		{"postgres://u:hunter@host/db", "github.com/jackc/pgx/v5/stdlib"},
		{"postgresql://u:hunter@host/db", "github.com/lib/pq"},
		{"mysql://u:hunter@host/db", "github.com/go-sql-driver/mysql"},
		{"mariadb://u:hunter@host/db", "github.com/go-sql-driver/mysql"},
	} {
		_, err := store.Open(c.url)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("Open(%q): %v, want an error that says %q", c.url, err, c.says)
		}
	}
	for _, c := range []struct{ url, says string }{
		{"mysql://host/", "no database"},
		{"mysql://a,b/db", "several hosts"},
		{"mysql://a%3Ab:hunter@host/db", "colon"},
	} {
		u, err := parseServerURL(c.url)
		if err == nil {
			_, err = mysqlSource(u, []string{"mysql"})
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: %v, want an error that says %q", c.url, err, c.says)
		}
	}
}

func TestRedact(t *testing.T) {
	u, err := parseServerURL("postgres://u:p%40ss@host/db?sslpassword=hunter+2")
	if err != nil {
		t.Fatal(err)
	}
	quoting := fmt.Errorf("cannot parse p@ss, p%%40ss, hunter 2 and hunter+2: %w", store.ErrConflict)
	got := u.redact(quoting).Error()
	if got != "cannot parse xxxxx, xxxxx, xxxxx and xxxxx: "+store.ErrConflict.Error() {
		t.Errorf("redacted: %s", got)
	}
	other := errors.New("another")
	if u.redact(other) != other || u.redact(nil) != nil {
		t.Error("an error without the password was changed")
	}
}

func FuzzParseServerURL(f *testing.F) {
	f.Add("postgres://u:p@host:1/db?table=a&x=y")
	f.Add("mysql://u:p@ss@[::1]/db?pooler=true")
	f.Fuzz(func(t *testing.T, rawURL string) {
		u, err := parseServerURL(rawURL)
		if err != nil {
			return
		}
		if strings.Count(u.user+u.password+u.hosts+u.path, "@") != 0 {
			t.Errorf("parseServerURL(%q) = %+v", rawURL, u)
		}
	})
}
