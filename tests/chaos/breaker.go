package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// breaker breaks things by a seeded schedule: a shuffled deck of all it can do, again and again. It is
// for one goroutine.
type breaker struct {
	*system
	random *rand.Rand
	begin  time.Time
	pace   time.Duration // between two events, in the mean
	deck   []func(context.Context) string
	due    []later
	events []string

	kills, freezes, refusals map[string]int
	rebalances               int
}

// later is what is to be done at a time, as to end what was begun.
type later struct {
	at   time.Time
	what func(context.Context)
}

func newBreaker(s *system, seed uint64, pace time.Duration) *breaker {
	return &breaker{
		system: s, begin: time.Now(), pace: pace,
		random: rand.New(rand.NewPCG(seed, 1)),
		kills:  map[string]int{}, freezes: map[string]int{}, refusals: map[string]int{},
	}
}

const (
	// ahead is how many faults may come without a flow counted in between. A system that is never well does
	// nothing that a fault could spoil.
	ahead = 4
	// holdLimit is how long they wait for that.
	holdLimit = time.Minute
)

// run breaks things for a while, and then lets everything be well. counted tells how many flows are.
func (d *breaker) run(ctx context.Context, duration time.Duration, counted *atomic.Uint64) error {
	until, next := time.Now().Add(duration), time.Now().Add(d.pace)
	last, faults, held := counted.Load(), 0, time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(until) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := d.step(ctx, false); err != nil {
			return err
		}
		if n := counted.Load(); n > last {
			last, faults = n, 0
		}
		if time.Now().Before(next) || faults >= ahead && time.Since(held) < holdLimit {
			continue
		}
		if len(d.deck) == 0 {
			d.deck = d.shuffled()
		}
		act := d.deck[0]
		d.deck = d.deck[1:]
		d.note("%s", act(ctx))
		faults, held = faults+1, time.Now()
		next = time.Now().Add(time.Duration((0.3 + 1.4*d.random.Float64()) * float64(d.pace)))
	}
	d.note("no more faults; %d flows counted", counted.Load())
	return d.step(ctx, true)
}

// step ends what is due, or everything, and starts again what has ended.
func (d *breaker) step(ctx context.Context, all bool) error {
	now := time.Now()
	for i := 0; i < len(d.due); {
		if l := d.due[i]; all || now.After(l.at) {
			d.due = slices.Delete(d.due, i, i+1)
			l.what(ctx)
			i = 0
			continue
		}
		i++
	}
	before := len(d.exits)
	if err := d.revive(); err != nil {
		return err
	}
	for _, e := range d.exits[before:] {
		d.note("%s", e)
	}
	return nil
}

func (d *breaker) note(format string, args ...any) {
	e := fmt.Sprintf("%7.1fs %s", time.Since(d.begin).Seconds(), fmt.Sprintf(format, args...))
	d.events = append(d.events, e)
	fmt.Fprintln(d.c.Log, e)
}

func (d *breaker) after(wait time.Duration, what func(context.Context)) {
	d.due = append(d.due, later{time.Now().Add(wait), what})
}

func (d *breaker) between(a, b time.Duration) time.Duration {
	return a + time.Duration(d.random.Int64N(int64(b-a)))
}

// shuffled is the deck: what matters most is in it more than once.
func (d *breaker) shuffled() []func(context.Context) string {
	kill := func(role string) func(context.Context) string {
		return func(context.Context) string { return d.killOne(role) }
	}
	freeze := func(role string) func(context.Context) string {
		return func(context.Context) string {
			// Longer than the group waits: what wakes up is not a member any more.
			return d.freezeOne(role, d.between(sessionTimeout*4/3, sessionTimeout*2))
		}
	}
	deck := []func(context.Context) string{
		kill(roleEnricher), kill(roleAggregator), kill(roleAggregator), kill(roleBroker),
		d.killEngine, d.killEngine, d.killEngines, d.killServers, d.killMembers,
		freeze(roleEnricher), freeze(roleAggregator), freeze(roleAggregator), d.freezeEngine, d.freezeBroker, d.freezeCollector,
		d.scale, d.scale, d.scale,
		d.cutInsert, d.cutInsert, d.cutInsert, d.cutAnswer, d.cutAnswer, d.refuse, d.stall, d.tooManyParts, d.tooManyParts,
	}
	if d.kafka != nil {
		deck = append(deck, d.cutKafka, d.cutKafka, d.cutKafka, d.refuseKafka)
	}
	d.random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return deck
}

// one picks a running process of a role; nil: there is none.
func (d *breaker) one(role string) *process {
	var running []*process
	for _, p := range d.members[role] {
		if p.running() {
			running = append(running, p)
		}
	}
	if len(running) == 0 {
		return nil
	}
	return running[d.random.IntN(len(running))]
}

// killOne kills a process and starts another in its place, after a while.
func (d *breaker) killOne(role string) string {
	p := d.one(role)
	if p == nil {
		return "there is no " + role + " to kill"
	}
	p.kill()
	d.remove(role, p)
	d.kills[role]++
	away := d.between(0, 2*time.Second)
	d.after(away, func(context.Context) { d.begun(role) })
	return fmt.Sprintf("kill %s, for %s", p.name, away.Round(time.Millisecond))
}

// begun starts a process of a role in the background of the schedule.
func (d *breaker) begun(role string) {
	if _, err := d.start(role); err != nil {
		d.note("%v", err)
	}
}

func (d *breaker) killMembers(context.Context) string {
	said := "kill all at once:"
	for _, role := range []string{roleEnricher, roleAggregator} {
		for _, p := range slices.Clone(d.members[role]) {
			said += " " + p.name
			p.kill()
			d.remove(role, p)
			d.kills[role]++
			d.after(d.between(0, time.Second), func(context.Context) { d.begun(role) })
		}
	}
	return said
}

// engine gives the pid of ClickHouse's own process; 0 while it is being started.
func (d *breaker) engine() int {
	if p := d.one(roleEngine); p != nil {
		return childOf(p.pid, "clickhouse-engine")
	}
	return 0
}

// weaken notes that ClickHouse is killed while its parent starts.
func (d *breaker) weaken() {
	if p := d.one(roleEngine); p != nil && !strings.Contains(p.tail(64<<10), "landfall is up") {
		p.fragile = true
	}
}

func (d *breaker) killEngine(context.Context) string {
	if d.random.IntN(4) == 0 {
		return d.killOne(roleEngine) + " (with its parent)"
	}
	pid := d.engine()
	if pid == 0 {
		return "ClickHouse is not there to kill"
	}
	d.weaken()
	signal(pid, syscall.SIGKILL)
	d.kills[roleEngine]++
	return fmt.Sprintf("kill ClickHouse (pid %d)", pid)
}

// killEngines kills ClickHouse again as soon as it is back, a few times.
func (d *breaker) killEngines(ctx context.Context) string {
	for i := range 3 {
		d.after(time.Duration(i+1)*d.between(time.Second, 3*time.Second), func(ctx context.Context) { d.note("%s", d.killEngine(ctx)) })
	}
	return d.killEngine(ctx) + ", and three times more"
}

func (d *breaker) killServers(ctx context.Context) string {
	return d.killEngine(ctx) + "; " + d.killOne(roleBroker) + "; " + d.killOne(roleAggregator)
}

func (d *breaker) freezeOne(role string, wait time.Duration) string {
	p := d.one(role)
	if p == nil || p.frozen {
		return "there is no " + role + " to freeze"
	}
	p.freeze()
	d.freezes[role]++
	d.after(wait, func(context.Context) {
		if p.running() {
			p.thaw()
			d.note("%s goes on", p.name)
		}
	})
	return fmt.Sprintf("freeze %s for %s", p.name, wait.Round(time.Millisecond))
}

func (d *breaker) freezeBroker(context.Context) string {
	return d.freezeOne(roleBroker, d.between(time.Second, 2*sessionTimeout))
}

// freezeCollector is short: what its sockets hold is what the exporters may send meanwhile.
func (d *breaker) freezeCollector(context.Context) string {
	return d.freezeOne(roleCollector, d.between(500*time.Millisecond, 3*time.Second))
}

func (d *breaker) freezeEngine(context.Context) string {
	pid := d.engine()
	if pid == 0 {
		return "ClickHouse is not there to freeze"
	}
	// Longer than an aggregator waits for an insert: it goes on beside its own repetition.
	wait := d.between(time.Second, 2*insertTimeout)
	signal(pid, syscall.SIGSTOP)
	d.freezes[roleEngine]++
	d.after(wait, func(context.Context) {
		if d.engine() == pid {
			signal(pid, syscall.SIGCONT)
			d.note("ClickHouse goes on")
		}
	})
	return fmt.Sprintf("freeze ClickHouse for %s", wait.Round(time.Millisecond))
}

// most is how many members there may be. An enricher takes seconds of processor time to load its tables.
var most = map[string]int{roleEnricher: partitions - 1, roleAggregator: partitions}

// scale adds or removes several members at once.
func (d *breaker) scale(context.Context) string {
	said := "scale:"
	for _, role := range []string{roleEnricher, roleAggregator} {
		have, want := len(d.members[role]), 1+d.random.IntN(most[role])
		said += fmt.Sprintf(" %d to %d %ss", have, want, role)
		for range max(0, want-have) {
			d.begun(role)
			d.rebalances++
		}
		for range max(0, have-want) {
			p := d.members[role][d.random.IntN(len(d.members[role]))]
			d.remove(role, p)
			d.rebalances++
			if d.random.IntN(3) == 0 {
				p.kill()
				continue
			}
			// Told to stop; the schedule goes on meanwhile.
			p.ending = true
			p.thaw()
			signal(p.pid, syscall.SIGTERM)
			d.leaving = append(d.leaving, p)
		}
	}
	return said
}

// cutInsert resets a connection to ClickHouse at some byte of what comes next: most inserts have some
// ten thousand.
func (d *breaker) cutInsert(context.Context) string {
	n := 1 + int64(d.random.ExpFloat64()*20_000)
	d.click.up.bytes.Store(n)
	return fmt.Sprintf("cut the connection to ClickHouse after %d bytes", n)
}

// cutAnswer resets it in what ClickHouse says: the insert is made, and nobody knows.
func (d *breaker) cutAnswer(context.Context) string {
	n := 1 + int64(d.random.ExpFloat64()*300)
	d.click.down.bytes.Store(n)
	return fmt.Sprintf("cut the connection from ClickHouse after %d bytes", n)
}

func (d *breaker) cutKafka(context.Context) string {
	n, f, said := 1+int64(d.random.ExpFloat64()*50_000), &d.kafka.up, "to"
	if d.random.IntN(2) == 0 {
		f, said = &d.kafka.down, "from"
	}
	f.bytes.Store(n)
	return fmt.Sprintf("cut a connection %s Kafka after %d bytes", said, n)
}

func (d *breaker) refuse(context.Context) string { return d.refuseAt(d.click, roleEngine) }

func (d *breaker) refuseKafka(context.Context) string { return d.refuseAt(d.kafka, roleBroker) }

func (d *breaker) refuseAt(p *proxy, role string) string {
	wait := d.between(500*time.Millisecond, 5*time.Second)
	p.refuse()
	d.refusals[role]++
	d.after(wait, func(context.Context) {
		if err := p.accept(); err != nil {
			d.note("%v", err)
		}
	})
	return fmt.Sprintf("no connection to the %s for %s", role, wait.Round(time.Millisecond))
}

// stall lets no byte pass to and from ClickHouse, and cuts no connection.
func (d *breaker) stall(context.Context) string {
	wait := d.between(time.Second, 2*insertTimeout)
	d.click.stall()
	d.refusals["stall"]++
	d.after(wait, func(context.Context) { d.click.flow() })
	return fmt.Sprintf("no byte to or from ClickHouse for %s", wait.Round(time.Millisecond))
}

// tooManyParts has one table refuse, so that an insert is made at some levels and not at others.
func (d *breaker) tooManyParts(ctx context.Context) string {
	name := d.tables[d.random.IntN(len(d.tables))].name
	wait := d.between(500*time.Millisecond, 4*time.Second)
	conn, err := d.connect("landfall")
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	try, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	d.after(wait, func(ctx context.Context) { d.accepts(ctx, name) })
	if err := conn.Exec(try, "ALTER TABLE "+name+" MODIFY SETTING parts_to_delay_insert = 0, parts_to_throw_insert = 1"); err != nil {
		return fmt.Sprintf("%s does not refuse: %v", name, err)
	}
	d.refusals[name]++
	return fmt.Sprintf("%s refuses inserts for %s", name, wait.Round(time.Millisecond))
}

// accepts takes the refusal back, however long ClickHouse is away.
func (d *breaker) accepts(ctx context.Context, name string) {
	conn, err := d.connect("landfall")
	if err != nil {
		d.note("%v", err)
		return
	}
	defer conn.Close()
	try, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := conn.Exec(try, "ALTER TABLE "+name+" RESET SETTING parts_to_delay_insert, parts_to_throw_insert"); err != nil && ctx.Err() == nil {
		d.after(500*time.Millisecond, func(ctx context.Context) { d.accepts(ctx, name) })
	}
}
