// Mutate breaks one line at random, many times over, and lists what no test
// notices. Nothing in the tree is written to: each mutant is an overlay.
//
//	go run ./testdata/mutate -n 200 -seed 7 . ./internal/...
//
// Each mutant that compiles is given to the tests of -tests, one command after
// another, until one fails. A survivor is printed with its line before and
// after: it is equivalent to the original, or a test is missing.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	n := flag.Int("n", 200, "how many mutants that compile to try")
	seed := flag.Uint64("seed", 1, "chooses the mutants")
	jobs := flag.Int("jobs", 2, "how many to try at once")
	only := flag.String("only", "", "a part of the description, or of file:line, that mutants must have")
	list := flag.Bool("list", false, "list the mutants, and try none")
	tests := flag.String("tests", "go test -count=1 -timeout 120s . ./csrf ./guard ./flash ./internal/...", "commands, separated by semicolons; each gets -overlay after its second word")
	limit := flag.Duration("limit", 5*time.Minute, "how long the tests of one mutant may take; more counts as noticed")
	flag.Parse()

	files, err := sources(flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	var all []mutant
	for _, file := range files {
		found, err := mutants(file)
		if err != nil {
			log.Fatal(err)
		}
		for _, m := range found {
			if strings.Contains(m.String(), *only) {
				all = append(all, m)
			}
		}
	}
	if *list {
		for _, m := range all {
			fmt.Println(m)
		}
		return
	}
	r := rand.New(rand.NewPCG(*seed, 0))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	fmt.Printf("%d mutants in %d files, seed %d\n", len(all), len(files), *seed)
	run(all, *n, *jobs, strings.Split(*tests, ";"), *limit)
}

// sources returns the production files of packages.
func sources(patterns []string) ([]string, error) {
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	out, err := exec.Command("go", append([]string{"list", "-f", `{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`}, patterns...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// run tries mutants until n of them compiled.
func run(all []mutant, n, jobs int, tests []string, limit time.Duration) {
	var mu sync.Mutex
	next, compiled, caught := 0, 0, 0
	var survivors []mutant
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for {
				mu.Lock()
				if next == len(all) || compiled == n {
					mu.Unlock()
					return
				}
				m := all[next]
				next++
				mu.Unlock()
				verdict := try(m, tests, limit)
				mu.Lock()
				if verdict != broken && compiled < n {
					compiled++
					if verdict == noticed {
						caught++
					} else {
						survivors = append(survivors, m)
						fmt.Printf("survives: %v\n", m)
					}
					if compiled%20 == 0 {
						fmt.Printf("%d tried, %d caught\n", compiled, caught)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Printf("%d tried, %d caught, %d survived\n", compiled, caught, len(survivors))
	for _, m := range survivors {
		fmt.Printf("\n%v\n", m)
	}
}

type verdict int

const (
	broken verdict = iota // it does not compile
	noticed
	survived
)

// try tells what becomes of a mutant.
func try(m mutant, tests []string, limit time.Duration) verdict {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	text, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	replaced, _ := json.Marshal(map[string]any{"Replace": map[string]string{m.file: text}})
	if err := os.WriteFile(text, m.apply(), 0o600); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(overlay, replaced, 0o600); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if exec.CommandContext(ctx, "go", "build", "-overlay", overlay, filepath.Dir(m.file)).Run() != nil {
		return broken
	}
	for _, test := range tests {
		words := strings.Fields(test)
		if m.racy && words[0] == "go" {
			words = append(words[:2:2], append([]string{"-race"}, words[2:]...)...)
		}
		words = append(words[:2:2], append([]string{"-overlay", overlay}, words[2:]...)...)
		var out bytes.Buffer
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Stdout, cmd.Stderr = &out, &out
		if cmd.Run() != nil {
			return noticed
		}
	}
	return survived
}
