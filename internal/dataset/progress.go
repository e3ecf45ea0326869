package dataset

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a download is: a bar on a terminal, else a line at
// every tenth of the whole, but not more than one a second.
type progress struct {
	out   io.Writer
	name  string
	total int64
	done  int64
	tenth int64
	start time.Time
	last  time.Time // of a line
	bar   *progressbar.ProgressBar
}

// newProgress starts a display; done bytes are there already. A total of 0 or
// less is unknown.
func newProgress(out io.Writer, name string, total, done int64) *progress {
	p := &progress{out: out, name: name, total: total, done: done, start: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(fmt.Sprintf("%-9s", name)),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionOnCompletion(func() { fmt.Fprintln(out) }),
		)
		_ = p.bar.Set64(done) // a display fault must not stop a download
		return p
	}
	if total > 0 {
		p.tenth = done * 10 / total
	}
	return p
}

// Write counts; it is the side of an io.TeeReader.
func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if p.bar != nil {
		_ = p.bar.Add(len(b))
		return len(b), nil
	}
	if p.total > 0 {
		if t := p.done * 10 / p.total; t > p.tenth && (t == 10 || time.Since(p.last) >= time.Second) {
			p.tenth, p.last = t, time.Now()
			fmt.Fprintf(p.out, "%-9s %3d %% of %s, %.0f s\n", p.name, t*10, megabytes(p.total), time.Since(p.start).Seconds())
		}
	}
	return len(b), nil
}

// stop leaves the line of an unfinished bar.
func (p *progress) stop() {
	if p.bar != nil && !p.bar.IsFinished() {
		fmt.Fprintln(p.out)
	}
}
