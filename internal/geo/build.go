package geo

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// sources are all files, as read.
type sources struct {
	cities, witnesses []*cityFile
	asns              []*asnFile
	clouds            []*cloudFile
	anycasts          []*anycastFile
	overrides         *overrideFile // nil when there is none

	// Filled by build, and kept only on demand: values are one more than indexes
	// into a table's places and systems.
	city, witness, as layer
	kept              bool
}

// builder puts sources over each other.
type builder struct {
	table    *Table
	sources  *sources
	placeID  map[Place]uint32
	ranges   []*Place // of the cloud lists; value - 1 is the index
	override []*override

	marks   interner[mark]
	judged  interner[judgement]
	answers interner[draft]
	exempt  []bool // by AS value: behind a satellite
}

// mark is what the lists of prefixes say of an address.
type mark struct {
	reason          Reason // special-purpose or anycast
	override, cloud uint32
}

// judgement is what the city tables say, the values of places.
type judgement struct {
	place, alternative uint32
	confidence         Confidence
}

// draft is an answer as a table keeps it, a third as large as what it says:
// most lookups find it in memory and not in a cache. Values are one more than
// indexes.
type draft struct {
	place, alternative, as uint32
	method                 Method
	confidence             Confidence
	reason                 Reason
}

// interner numbers different values from 1 on.
type interner[T comparable] struct {
	list []T
	ids  map[T]uint32
}

func (in *interner[T]) id(v T) uint32 {
	id, ok := in.ids[v]
	if !ok {
		if in.ids == nil {
			in.ids = map[T]uint32{}
		}
		in.list = append(in.list, v)
		id = uint32(len(in.list))
		in.ids[v] = id
	}
	return id
}

// build puts the files over each other: special-purpose blocks, anycast,
// overrides, cloud ranges, then places and ASes side by side.
func build(s *sources, keep bool) (*Table, error) {
	b := &builder{table: &Table{sources: s}, sources: s, placeID: map[Place]uint32{}}
	var err error
	if s.city, err = b.cities("city", s.cities); err != nil {
		return nil, err
	}
	if s.witness, err = b.cities("witness", s.witnesses); err != nil {
		return nil, err
	}
	if s.as, err = b.systems(); err != nil {
		return nil, err
	}
	reasons, overrides, clouds := b.reasons(), b.overrides(), b.clouds()
	// The first two answers are those of addresses that are in no file.
	b.answers.id(draft{reason: ReasonNotInTable})
	b.answers.id(draft{reason: ReasonInvalid})
	b.table.v4 = newIndex4(compile(b, reasons.v4, overrides.v4, clouds.v4, s.city.v4, s.witness.v4, s.as.v4))
	b.table.v6 = newIndex6(compile(b, reasons.v6, overrides.v6, clouds.v6, s.city.v6, s.witness.v6, s.as.v6))
	if s.kept = keep; !keep {
		s.city, s.witness, s.as = layer{}, layer{}, layer{}
	}
	b.finish()
	inHugePages(b.table.v4.runs)
	inHugePages(b.table.v4.jump)
	inHugePages(b.table.v6.leaves)
	for _, level := range b.table.v6.levels {
		inHugePages(level)
	}
	inHugePages(b.table.answers)
	return b.table, nil
}

func compile[K key[K]](b *builder, reasons, overrides, clouds, city, witness, as runs[K]) runs[K] {
	marks := overlay(reasons, overrides, clouds, b.mark)
	judged := overlay(city, witness, (&sorted[K]{}).done(), b.judge)
	return overlay(marks, judged, as, b.answer)
}

// cities joins the files of one city table.
func (b *builder) cities(set string, files []*cityFile) (layer, error) {
	all := nothing()
	for _, c := range files {
		renumber := make([]uint32, len(c.places)+1)
		for i, p := range c.places {
			renumber[i+1] = b.place(p)
		}
		if err := all.take(c.layer, renumber, c.path, "places"); err != nil {
			return all, err
		}
		c.layer, c.places = layer{}, nil
		b.table.versions = addVersion(b.table.versions, set, c.file, "", c.built)
	}
	return all, nil
}

func (b *builder) systems() (layer, error) {
	all := nothing()
	var ids interner[AS]
	for _, a := range b.sources.asns {
		renumber := make([]uint32, len(a.systems)+1)
		for i, s := range a.systems {
			renumber[i+1] = ids.id(s)
		}
		if err := all.take(a.layer, renumber, a.path, "ASes"); err != nil {
			return all, err
		}
		a.layer, a.systems = layer{}, nil
		b.table.versions = addVersion(b.table.versions, "asn", a.file, "", time.Time{})
	}
	b.table.systems = slices.Clip(ids.list)
	b.exempt = make([]bool, len(ids.list)+1)
	for i, s := range ids.list {
		b.exempt[i+1] = satellites[s.Number] != ""
	}
	return all, nil
}

// take moves a file's runs into the layer, with their values renumbered.
func (l *layer) take(from layer, renumber []uint32, path, what string) error {
	if err := take(&l.v4, from.v4, renumber, path, "IPv4 "+what); err != nil {
		return err
	}
	return take(&l.v6, from.v6, renumber, path, "IPv6 "+what)
}

func take[K key[K]](into *runs[K], from runs[K], renumber []uint32, path, what string) error {
	if len(from.start) <= 1 && from.value[0] == 0 {
		return nil
	}
	if len(into.start) > 1 || into.value[0] != 0 {
		return fmt.Errorf("%s holds %s, and so does a file before it", path, what)
	}
	for i, v := range from.value {
		if v != 0 {
			from.value[i] = renumber[v]
		}
	}
	*into = from
	return nil
}

// reasons are the blocks that are nowhere, and those that are everywhere.
func (b *builder) reasons() layer {
	var c claims
	for i, p := range specialPrefixes {
		c.add(p, uint32(special[i].reason))
	}
	for _, a := range b.sources.anycasts {
		for _, p := range a.prefixes {
			c.add(p, uint32(ReasonAnycast)) // never touches a special-purpose block: parsePrefix
		}
		b.table.versions = addVersion(b.table.versions, "anycast", a.file, "", time.Time{})
	}
	return c.flatten()
}

func (b *builder) overrides() layer {
	var c claims
	if o := b.sources.overrides; o != nil {
		for i := range o.rows {
			b.override = append(b.override, &o.rows[i])
			c.add(o.rows[i].prefix, uint32(len(b.override)))
		}
		b.table.versions = addVersion(b.table.versions, "overrides", o.file, "", time.Time{})
	}
	return c.flatten()
}

func (b *builder) clouds() layer {
	var c claims
	values := map[Place]uint32{}
	for _, f := range b.sources.clouds {
		for i := range f.ranges {
			r := &f.ranges[i]
			value, ok := values[r.place]
			if !ok {
				b.ranges = append(b.ranges, &r.place)
				value = uint32(len(b.ranges))
				values[r.place] = value
			}
			c.add(r.prefix, value)
		}
		b.table.versions = addVersion(b.table.versions, f.set, f.file, f.version, f.built)
	}
	return c.flatten()
}

// place gives the value of a place. Places move while the builder works, so
// pointers into them are taken only by finish.
func (b *builder) place(p Place) uint32 {
	id, ok := b.placeID[p]
	if !ok {
		b.table.places = append(b.table.places, p)
		id = uint32(len(b.table.places))
		b.placeID[p] = id
	}
	return id
}

func (b *builder) mark(reason, override, cloud uint32) uint32 {
	m := mark{Reason(reason), override, cloud}
	if m == (mark{}) {
		return 0
	}
	if m.reason.special() {
		m.override, m.cloud = 0, 0
	}
	return b.marks.id(m)
}

// judge compares the two city tables. What only the witness knows is not
// taken: it confirms and disputes, no more.
func (b *builder) judge(city, witness, _ uint32) uint32 {
	if city == 0 {
		return 0
	}
	j := judgement{place: city, confidence: Single}
	if witness != 0 {
		a, w := &b.table.places[city-1], &b.table.places[witness-1]
		switch {
		case a.CountryCode != w.CountryCode,
			a.SubdivisionCode != "" && w.SubdivisionCode != "" && a.SubdivisionCode != w.SubdivisionCode:
			j.confidence = Disputed
			// Without the city: there would be many more answers, and no more is disputed.
			j.alternative = b.place(Place{CountryCode: w.CountryCode, SubdivisionCode: w.SubdivisionCode, SubdivisionName: w.SubdivisionName})
		case a.SubdivisionCode == "", w.SubdivisionCode != "":
			j.confidence = Agreed
		}
	}
	return b.judged.id(j)
}

// answer decides, by the precedence of DESIGN.md.
func (b *builder) answer(marked, judged, as uint32) uint32 {
	d := draft{as: as, reason: ReasonNotInTable}
	var m mark
	if marked != 0 {
		m = b.marks.list[marked-1]
	}
	var j judgement
	if judged != 0 {
		j = b.judged.list[judged-1]
	}
	var published Place
	if m.cloud != 0 {
		published = *b.ranges[m.cloud-1]
	}
	provider := Place{CloudProvider: published.CloudProvider}
	switch {
	case m.reason.special():
		d = draft{reason: m.reason}
	case m.reason == ReasonAnycast:
		d.reason, d.method = ReasonAnycast, MethodAnycast
		d.place = b.known(provider)
	case m.override != 0:
		o := b.override[m.override-1]
		p := o.place
		if p.CloudProvider == "" {
			p.CloudProvider = published.CloudProvider // the region's place is what was overridden
		}
		d.place, d.method, d.confidence, d.reason = b.place(p), MethodOverride, o.confidence, ReasonNone
	case published.CountryCode != "":
		d.place, d.method, d.confidence, d.reason = b.place(published), MethodCloudRange, Published, ReasonNone
	case b.exempt[as]:
		d.reason = ReasonSatellite
		d.place = b.known(provider)
	case j.place != 0:
		d.place, d.alternative, d.method, d.confidence, d.reason = j.place, j.alternative, MethodCityDB, j.confidence, ReasonNone
		if m.cloud != 0 {
			p := b.table.places[j.place-1]
			p.CloudProvider, p.CloudRegion = published.CloudProvider, published.CloudRegion
			d.place = b.place(p)
		}
	default:
		d.place = b.known(published)
	}
	return b.answers.id(d) - 1
}

// known gives the value of a place that may have nothing at all in it.
func (b *builder) known(p Place) uint32 {
	if p == (Place{}) {
		return 0
	}
	return b.place(p)
}

// finish makes the table's answers of the drafts.
func (b *builder) finish() {
	t := b.table
	t.places = slices.Clip(t.places)
	t.alternatives = make([]*Place, len(t.places))
	for i := range t.places {
		t.alternatives[i] = &t.places[i]
	}
	t.answers = slices.Clip(b.answers.list)
	slices.SortStableFunc(t.versions, func(a, b Version) int { return cmp.Compare(a.Name, b.Name) })
}
