package main

import (
	"fmt"
	"net/http"
)

// A product is something to buy.
type product struct {
	ID, Name, Text string
	Image          string // in static
	Price          cents
}

// cents is an amount of money. Fractions of a float would not add up.
type cents int64

func (c cents) String() string { return fmt.Sprintf("€%d.%02d", c/100, c%100) }

var products = []product{
	{"cup", "Stoneware cup", "Holds 200 ml, keeps warm, survives the dishwasher.", "cup.svg", 1450},
	{"kettle", "Gooseneck kettle", "A slow, steady pour. One litre, brushed steel.", "kettle.svg", 6900},
	{"beans", "House beans", "500 g from Huehuetenango, roasted on Tuesdays.", "beans.svg", 1295},
	{"dripper", "Ceramic dripper", "For one or two cups, with a spiral rib.", "dripper.svg", 2480},
	{"grinder", "Hand grinder", "Steel burrs, forty clicks, no socket needed.", "grinder.svg", 8950},
	{"jar", "Storage jar", "Airtight glass with a cork lid, for 600 g.", "jar.svg", 1835},
}

func findProduct(id string) (product, bool) {
	for _, p := range products {
		if p.ID == id {
			return p, true
		}
	}
	return product{}, false
}

func (s *shop) showProducts(w http.ResponseWriter, r *http.Request) error {
	return show(w, r, http.StatusOK, "products.html", "Good coffee, made at home", products)
}
