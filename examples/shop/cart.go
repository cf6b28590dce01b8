package main

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/b4468f51/session"
)

// A cart has the quantity of each product in it.
type cart map[string]int

// maxQuantity is how many of one product fit into a cart.
const maxQuantity = 99

// cartKey is all it takes: what the cart consists of is encoded by itself, and
// comes back with its type.
var cartKey = session.NewKey[cart]("cart")

// with returns a cart that has a quantity of a product.
func (c cart) with(id string, quantity int) cart {
	if c == nil {
		c = cart{}
	}
	if quantity = min(quantity, maxQuantity); quantity > 0 {
		c[id] = quantity
	} else {
		delete(c, id)
	}
	return c
}

// A cartLine is a product in a cart.
type cartLine struct {
	product
	Quantity int
	Sum      cents
}

// lines returns what is in the cart, in the order of the shop. A product that
// is not sold any more is left out.
func (c cart) lines() (lines []cartLine, total cents) {
	for _, p := range products {
		if n := c[p.ID]; n > 0 {
			line := cartLine{p, n, p.Price * cents(n)}
			lines = append(lines, line)
			total += line.Sum
		}
	}
	return lines, total
}

func (c cart) count() int {
	n := 0
	for _, p := range products {
		n += c[p.ID]
	}
	return n
}

func (s *shop) addToCart(w http.ResponseWriter, r *http.Request) error {
	p, ok := findProduct(r.PostForm.Get("product"))
	if !ok {
		return statusError(http.StatusUnprocessableEntity)
	}
	// Get and Set would lose an item where two requests do this at once. The
	// function may run again, on what another request has saved meanwhile.
	err := cartKey.Update(current(r), func(c cart) (cart, error) { return c.with(p.ID, c[p.ID]+1), nil })
	if err != nil {
		return err
	}
	if err := notices.Add(current(r), p.Name+" is in your cart."); err != nil {
		return err
	}
	return redirect(w, r, "/")
}

// setInCart puts a quantity in the place of another; none removes the product.
func (s *shop) setInCart(w http.ResponseWriter, r *http.Request) error {
	p, ok := findProduct(r.PostForm.Get("product"))
	quantity, err := strconv.Atoi(r.PostForm.Get("quantity"))
	if !ok || err != nil || quantity < 0 || quantity > maxQuantity {
		return statusError(http.StatusUnprocessableEntity)
	}
	err = cartKey.Update(current(r), func(c cart) (cart, error) { return c.with(p.ID, quantity), nil })
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s: %d in your cart.", p.Name, quantity)
	if quantity == 0 {
		text = p.Name + " is out of your cart."
	}
	if err := notices.Add(current(r), text); err != nil {
		return err
	}
	return redirect(w, r, "/cart")
}

func (s *shop) showCart(w http.ResponseWriter, r *http.Request) error {
	c, _ := cartKey.Get(current(r))
	lines, total := c.lines()
	return show(w, r, http.StatusOK, "cart.html", "Your cart", struct {
		Lines       []cartLine
		Total       cents
		MaxQuantity int
	}{lines, total, maxQuantity})
}
