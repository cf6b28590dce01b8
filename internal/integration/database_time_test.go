package integration

import (
	"errors"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// The application's clock says what has expired, wherever the server, the
// connection and the application believe to be, and whatever the server's
// clock says. The servers of these tests are at the two ends of the day.
func TestDatabasesTimeZones(t *testing.T) {
	local := time.Local
	t.Cleanup(func() { time.Local = local })
	time.Local = time.FixedZone("Kathmandu", (5*60+45)*60)
	for _, d := range []database{
		{"postgres", "pgx", sqlstore.PostgreSQL, postgresDSN("timezone=America/St_Johns"), false},
		{"postgres-pooler", "pgx", sqlstore.PostgreSQL, postgresDSN("timezone=America/St_Johns", "default_query_exec_mode=exec"), true},
		{"postgres-pq", "postgres", sqlstore.PostgreSQL, postgresDSN("timezone=America/St_Johns"), false},
		{"mysql", "mysql", sqlstore.MySQL, mysqlDSNWith("parseTime=true", "loc=Asia%2FTokyo", "time_zone=%27-03%3A30%27"), false},
		// For this connection it is 2001.
		{"mysql-clock", "mysql", sqlstore.MySQL, mysqlDSNWith("timestamp=1000000000"), false},
		// And for this one it is 2036.
		{"mysql-clock-ahead", "mysql", sqlstore.MySQL, mysqlDSNWith("timestamp=2100000000"), false},
	} {
		t.Run(d.name, func(t *testing.T) {
			s := d.storeCase().open(t)()
			r := newRecord(10)
			r.Expires = r.Created.Add(time.Hour).Local()
			past := newRecord(10)
			past.Expires = time.Now().Add(-time.Second)
			old := expired(newRecord(10))
			for _, r := range []store.Record{r, past, old} {
				if err := s.Create(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.Load(t.Context(), r.ID)
			if err != nil || !got.Expires.Equal(r.Expires) || !got.Created.Equal(r.Created) || got.Expires.Location() != time.UTC {
				t.Errorf("Load: expires %v, %v; want %v in UTC", got.Expires, err, r.Expires)
			}
			if _, err := s.Load(t.Context(), past.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Load of what expired a second ago: %v", err)
			}
			if n, err := store.GC(t.Context(), s); n != 1 || err != nil {
				t.Errorf("GC = %d, %v; want 1", n, err)
			}
			if _, err := s.Load(t.Context(), r.ID); err != nil {
				t.Errorf("Load after GC: %v", err)
			}
		})
	}
}
