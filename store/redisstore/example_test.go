package redisstore_test

import (
	"fmt"
	"log"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store/redisstore"
)

// A URL from the environment, with a choice that the program makes.
func ExampleParseURL() {
	conf, opts, err := redisstore.ParseURL("redis+sentinel://app:pw@s1,s2:26380/mymaster?prefix=shop:")
	if err != nil {
		log.Fatal(err)
	}
	conf.ClientName = "shop"
	opts.WaitReplicas = 1
	fmt.Println(conf.InitAddress, conf.Sentinel.MasterSet, opts.Prefix)
	// Then: s, err := redisstore.Open(conf, opts)

	// Output:
	// [s1:26379 s2:26380] mymaster shop:
}

// A store beside what else the application keeps in Redis, by its own client.
func ExampleNew() {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"localhost:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	s, err := redisstore.New(client, redisstore.Options{Prefix: "shop:session:", CacheTTL: 10 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
}
