package cookiestore_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
)

// TestATokenOfTheFirstVersionOpensForEver: clients hold such tokens for as long as
// their sessions last, whatever version is deployed.
func TestATokenOfTheFirstVersionOpensForEver(t *testing.T) {
	const token = "Aboy6t0m08yoB6Wp5dZnHh-XyRLe-UUrm6bVuiotaW_Fo59a21_7qZZi8TKTg3cznTeLP4hFPrfPzF5RWZVROqWxUKlX7G2KP_Bs4cSrUmvjYPurRvZCSM5tZNVXromMH7kH9PvPDsCi2swoeexKieuGwHPQDmIyz6_7R3Ocga1MyXHFfMWkMCGH22_ZPRDoLNnLiH5QpMSdog0utHQ"
	key, err := cookiestore.ParseKey("9f3c1d7a58e2064bb1c47d0e93a6f5286c1be0d47a9352fe8b60c9174d25ea83")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := cookiestore.New(key)
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_000).UTC()
	want := store.Record{
		ID: store.ID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, Subject: "app:u",
		Created: at, Seen: at.Add(time.Second), Expires: at.Add(time.Hour), Deadline: at.Add(24 * time.Hour),
		Data: []byte("what the session holds"),
	}
	got, reseal, err := ring.Open(t.Context(), "session\x00__Host-app\x00app", token)
	if err != nil || reseal || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, %v; want %+v", got, reseal, err, want)
	}
}
