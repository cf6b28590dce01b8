package main

import (
	"image/color"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// colors are told apart by those who do not see all (Okabe and Ito).
var colors = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff},
	color.RGBA{0xcc, 0x79, 0xa7, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff},
}

var glyphs = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.RingGlyph{}, draw.CrossGlyph{}}

// A series is a line.
type series struct {
	name   string
	points plotter.XYs
}

// panel draws lines over an axis on which each step is a multiple of the last.
func panel(title, x, y string, lines []series) (*plot.Plot, error) {
	p := newPlot(title, y)
	p.X.Label.Text = x
	p.X.Scale = plot.LogScale{}
	ticks := plot.ConstantTicks{}
	seen := map[float64]bool{}
	for _, s := range lines {
		for _, xy := range s.points {
			if !seen[xy.X] {
				seen[xy.X] = true
				ticks = append(ticks, plot.Tick{Value: xy.X, Label: short(xy.X)})
			}
		}
	}
	p.X.Tick.Marker = ticks
	return p, addLines(p, lines, true)
}

func newPlot(title, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = title
	p.Y.Label.Text = y
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = shortTicks{}
	p.Legend.Top = true
	return p
}

func addLines(p *plot.Plot, lines []series, joined bool) error {
	low, high := math.Inf(1), 0.0
	for i, s := range lines {
		line, points, err := plotter.NewLinePoints(s.points)
		if err != nil {
			return err
		}
		line.Color, points.Color = colors[i%len(colors)], colors[i%len(colors)]
		line.Width = vg.Points(1.2)
		points.Shape, points.Radius = glyphs[i%len(glyphs)], vg.Points(2.5)
		if joined {
			p.Add(line)
		}
		p.Add(points)
		if joined {
			p.Legend.Add(s.name, line, points)
		} else {
			p.Legend.Add(s.name, points)
		}
		for _, xy := range s.points {
			low, high = min(low, xy.Y), max(high, xy.Y)
		}
	}
	p.Add(plotter.NewGrid())
	// Whole powers of ten, and room for the legend above.
	p.Y.Min = math.Pow(10, math.Floor(math.Log10(low)))
	p.Y.Max = math.Pow(10, math.Ceil(math.Log10(high)+0.5)) * 2
	return nil
}

// shortTicks are plot.LogTicks with short labels.
type shortTicks struct{}

func (shortTicks) Ticks(low, high float64) []plot.Tick {
	ticks := plot.LogTicks{Prec: -1}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = short(ticks[i].Value)
		}
	}
	return ticks
}

func short(x float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e6, " M"}, {1e3, " k"}} {
		if x >= unit.size {
			return strconv.FormatFloat(x/unit.size, 'g', 3, 64) + unit.name
		}
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// save draws plots of a width side by side and below each other.
func save(path string, width vg.Length, plots [][]*plot.Plot) error {
	const height = 8 * vg.Centimeter
	columns := len(plots[0])
	canvas := vgsvg.New(width*vg.Length(columns), height*vg.Length(len(plots)))
	tiles := draw.Tiles{Rows: len(plots), Cols: columns, PadX: vg.Points(8), PadY: vg.Points(8),
		PadTop: vg.Points(4), PadRight: vg.Points(8), PadBottom: vg.Points(4), PadLeft: vg.Points(4)}
	canvases := plot.Align(plots, tiles, draw.New(canvas))
	for i, line := range plots {
		for j, p := range line {
			p.Draw(canvases[i][j])
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
