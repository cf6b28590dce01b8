package change

import "github.com/b4468f51/session/internal/envelope"

// A Memo has what the functions of updates have returned. With it, operations are applied again
// and again, and a function runs again only for another value than before.
type Memo map[*Updating]result

// A result is what the function of an update made of a value.
type result struct {
	was, made envelope.Value
	had       bool
	err       error
}

// Apply applies operations to a draft, and returns the Memo with their results. It leaves out
// operations that fail, and tells whether there were any.
func (m Memo) Apply(ops []Op, d *Draft, r *Rules) (_ Memo, failed bool) {
	for _, o := range ops {
		if o.Kind == Update {
			if m == nil {
				m = make(Memo)
			}
			o.Updating = &Updating{Update: m.function(o.Updating)}
		}
		if o.Apply(d, r) != nil {
			failed = true
		}
	}
	return m, failed
}

// function returns that of an update, which remembers its last result.
func (m Memo) function(u *Updating) UpdateFunc {
	return func(old envelope.Value, ok bool) (envelope.Value, error) {
		last, ran := m[u]
		if !ran || last.had != ok || !last.was.Equal(old) {
			last = result{was: old, had: ok}
			last.made, last.err = u.Update(old, ok)
			m[u] = last
		}
		return last.made, last.err
	}
}
