package reporter

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/landfall-telemetry/landfall/internal/query"
)

func newService(t testing.TB, q Queries, change ...func(*Config)) *Service {
	t.Helper()
	c := DefaultConfig()
	c.Listen = "127.0.0.1:0"
	for _, f := range change {
		f(&c)
	}
	about := About{Version: "test", Credits: []string{"IP Geolocation by DB-IP"}, PlaceName: fixtureNames}
	s, err := New(c, q, about, quiet(t), prometheus.NewRegistry(), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(s *Service, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = "127.0.0.1:8080"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.server.Handler.ServeHTTP(w, r)
	return w
}

// asProblem checks that an answer is a problem and returns it.
func asProblem(t *testing.T, w *httptest.ResponseRecorder) problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	var p problem
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p.Status != w.Code || p.Title != http.StatusText(w.Code) || p.Type != "about:blank" || p.Detail == "" {
		t.Errorf("problem %+v with status %d", p, w.Code)
	}
	return p
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", maxValue+1)
	for _, c := range []struct{ query, parameter, detail string }{
		{"vendr=Xiaomi", "vendr", "known are vendor, place"},
		{"Vendor=Xiaomi", "Vendor", "unknown parameter"},
		{strings.Repeat("n", 900) + "=1", strings.Repeat("n", 40) + "…", "unknown parameter"},
		{"vendor=", "vendor", "1 to 200 bytes"},
		{"vendor=" + long, "vendor", "1 to 200 bytes"},
		{strings.Repeat("place=SG&", 501) + "by=place", "place", "more than 500 times"},
		{"by=", "by", "empty"},
		{"by=planet", "by", "one of vendor, vendor_method, place"},
		{"by=place,", "by", "one of vendor, vendor_method, place"},
		{"by=place,place", "by", "twice"},
		{"by=place&by=vendor", "by", "once"},
		{"bucket=fortnight", "bucket", "minute, hour, day, week, total"},
		{"bucket=" + long, "bucket", "longer"},
		{"bucket=minute", "bucket", "at most 50 hours"},
		{"bucket=hour&since=2026-01-01&until=2026-06-01", "bucket", "at most 3000 hours"},
		{"since=yesterday", "since", "not a date"},
		{"since=2026-02-30", "since", "not a date"},
		{"since=1969-12-31", "since", "1970"},
		{"until=9999-01-01", "until", "2105"},
		{"since=2026-06-01&until=2026-06-01", "until", "after since"},
		{"top=0", "top", "1 to 5000"},
		{"top=5001", "top", "1 to 5000"},
		{"top=ten", "top", "1 to 5000"},
		{"top=99999999999999999999", "top", "1 to 5000"},
		{"format=xml", "format", "json, csv"},
		{"asn=AS4134", "asn", "autonomous system"},
		{"asn=4294967296", "asn", "autonomous system"},
		{"revision=-1", "revision", "0 to 65535"},
		{"revision=", "revision", "empty"},
		{"min_handsets=many", "min_handsets", "0 to 1000000"},
		{"figures_only=yes", "figures_only", "true, false"},
		{"by=place;top=1", "query string", "well formed"},
		{"by=%zz", "query string", "well formed"},
	} {
		name := c.query
		if len(name) > 40 {
			name = name[:40]
		}
		t.Run(name, func(t *testing.T) {
			f := newFixture(fixtureStart(), 2)
			s := newService(t, f)
			w := get(s, "/api/v1/residency?"+c.query)
			p := asProblem(t, w)
			if w.Code != http.StatusBadRequest || p.Parameter != c.parameter || !strings.Contains(p.Detail, c.detail) {
				t.Errorf("got %d %+v, want parameter %q and detail with %q", w.Code, p, c.parameter, c.detail)
			}
			if got := testutil.ToFloat64(s.metrics.refused.WithLabelValues("parameter")); got != 1 {
				t.Errorf("counted %v refusals", got)
			}
			if len(f.asked) != 0 {
				t.Error("the question was asked all the same")
			}
		})
	}
	for path, parameter := range map[string]string{
		"compare":                         "before_since",
		"compare?before_since=2026-06-01": "before_until",
		"compare?before_since=2026-06-01&before_until=2026-06-01&after_since=2026-06-01&after_until=2026-06-02": "before_until",
		"compare?bucket=week":                "bucket",
		"endpoints?unit=planet":              "unit",
		"endpoints?network=203.0.113.7":      "network",
		"endpoints?top=0":                    "top",
		"endpoints?each_vendor=true":         "each_vendor",
		"new":                                "since",
		"new?since=2026-06-01&each_vendor=1": "each_vendor",
		"completeness?bucket=minute":         "bucket",
		"completeness?bucket=hour":           "bucket",
		"completeness?exporter=router":       "exporter",
		"completeness?vendor=Xiaomi":         "vendor",
	} {
		f := newFixture(fixtureStart(), 1)
		if p := asProblem(t, get(newService(t, f), "/api/v1/"+path)); p.Status != http.StatusBadRequest || p.Parameter != parameter || len(f.asked) > 0 {
			t.Errorf("%s: %+v, asked %d", path, p, len(f.asked))
		}
	}
	for _, path := range []string{"/api/v1/vendors?x=1", "/api/v1/totals?x=", "/api/v1/about?q=1", "/api/v1/places", "/api/v1/places?code="} {
		if w := get(newService(t, newFixture(fixtureStart(), 1)), path); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", path, w.Code)
		} else {
			asProblem(t, w)
		}
	}
}

func TestQuestion(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	second := uint16(2)
	for _, c := range []struct {
		query string
		want  query.Residency
	}{
		{"asn=4134&asn=64500&operator=north&site=oslo&jurisdiction=EU&verdict=restricted&verdict=none&confidence=disputed&revision=2&min_handsets=10&figures_only=true&by=verdict", query.Residency{
			ASNs: []uint32{4134, 64500}, Operators: []string{"north"}, Sites: []string{"oslo"}, Revision: &second,
			Jurisdictions: []string{"EU"}, Verdicts: []string{"restricted", "none"}, Confidences: []string{"disputed"}, MinHandsets: 10, FiguresOnly: true,
			By: []query.Dimension{query.ByVerdict}, Bucket: query.BucketTotal, Top: defaultTop,
		}},
		{"", query.Residency{By: []query.Dimension{query.ByPlace}, Bucket: query.BucketTotal, Top: defaultTop}},
		{"vendor=Xiaomi&vendor=A%2CB%26C&by=vendor,place&bucket=week&since=2026-06-01&until=2026-06-08T00:00:00%2B02:00&top=7&place=SG&country=CN", query.Residency{
			Vendors: []string{"Xiaomi", "A,B&C"}, Places: []string{"SG"}, Countries: []string{"CN"},
			By: []query.Dimension{query.ByVendor, query.ByPlace}, Bucket: query.BucketWeek,
			Since: day("2026-06-01"), Until: day("2026-06-08").Add(-2 * time.Hour), Top: 7,
		}},
		{"bucket=minute&since=2026-06-01&until=2026-06-03", query.Residency{
			By: []query.Dimension{query.ByPlace}, Bucket: query.BucketMinute, Since: day("2026-06-01"), Until: day("2026-06-03"), Top: defaultTop,
		}},
	} {
		values, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := residencyQuestion(values)
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", c.query, err, diff)
		}
	}
}

// Whatever the parameters are, a question is refused, or one that query takes.
func FuzzQuestion(f *testing.F) {
	for _, seed := range []string{"", "by=place&bucket=week", "since=2026-01-01&until=2026-01-02&bucket=minute", "top=-1", "by=%00", "vendor=%ff&vendor=a", "since=2026-01-01T00:00:00%2B14:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, format, err := residencyQuestion(values)
		var p *problem
		switch {
		case err != nil && !errors.As(err, &p):
			t.Fatalf("%q: not a problem: %v", text, err)
		case err != nil:
			return
		}
		// Whether days can answer it, which a withheld figure needs, is for query to say.
		if err := q.Validate(); err != nil && q.MinHandsets == 0 || q.Top < 1 || !slices.Contains(formats, format) {
			t.Fatalf("%q became %+v %s: %v", text, q, format, err)
		}
	})
}

func TestDownstream(t *testing.T) {
	const secret = "SELECT password FROM users"
	for _, c := range []struct {
		name   string
		f      *fixture
		config func(*Config)
		reason string
		detail string
	}{
		{"unreachable", &fixture{err: errors.New("code: 62, " + secret)}, func(*Config) {}, "unavailable", "waiting for ClickHouse"},
		{"slow", &fixture{hold: make(chan struct{})}, func(c *Config) { c.QueryTimeout = 100 * time.Millisecond }, "timeout", "no answer within 100ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t, c.f, c.config)
			for i, path := range []string{
				"/api/v1/residency", "/api/v1/vendors", "/api/v1/totals", "/api/v1/endpoints", "/api/v1/new?since=2026-06-01", "/api/v1/completeness",
				"/api/v1/compare?before_since=2026-06-01&before_until=2026-06-02&after_since=2026-06-02&after_until=2026-06-03",
			} {
				w := get(s, path)
				p := asProblem(t, w)
				if w.Code != http.StatusServiceUnavailable || !strings.Contains(p.Detail, c.detail) || w.Header().Get("Retry-After") == "" {
					t.Errorf("%s: %d %+v", path, w.Code, p)
				}
				if strings.Contains(w.Body.String()+p.Detail, "SELECT") {
					t.Errorf("%s: the answer quotes the statement", path)
				}
				if got := testutil.ToFloat64(s.metrics.failures.WithLabelValues(c.reason)); got != float64(i+1) {
					t.Errorf("%s: counted %v", path, got)
				}
			}
		})
	}
}

// One question at a time here: the second waits for its turn and is told so.
func TestBusy(t *testing.T) {
	f := newFixture(fixtureStart(), 1)
	f.hold = make(chan struct{})
	s := newService(t, f, func(c *Config) { c.MaxQueries, c.QueryTimeout = 1, 300*time.Millisecond })
	s.slots <- struct{}{}
	w := get(s, "/api/v1/totals")
	if p := asProblem(t, w); w.Code != 503 || !strings.Contains(p.Detail, "busy") {
		t.Errorf("%d %+v", w.Code, p)
	}
	if got := testutil.ToFloat64(s.metrics.failures.WithLabelValues("busy")); got != 1 {
		t.Errorf("counted %v", got)
	}
	<-s.slots
	close(f.hold)
	if w := get(s, "/api/v1/totals"); w.Code != 200 {
		t.Errorf("after it: %d %s", w.Code, w.Body)
	}
}

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		listen  string
		allowed []string
		host    string
		want    bool
	}{
		{"127.0.0.1:8080", nil, "127.0.0.1:8080", true},
		{"127.0.0.1:8080", nil, "localhost:8080", true},
		{"127.0.0.1:8080", nil, "LOCALHOST", true},
		{"127.0.0.1:8080", nil, "[::1]:8080", true},
		{"127.0.0.1:8080", nil, "evil.example", false},
		{"127.0.0.1:8080", nil, "127.0.0.1.evil.example:8080", false},
		{"127.0.0.1:8080", nil, "localhost.evil.example", false},
		{"127.0.0.1:8080", nil, "", false},
		{"127.0.0.1:8080", nil, "10.0.0.1:8080", false},
		{"127.0.0.1:8080", []string{"landfall.example"}, "Landfall.example:443", true},
		{"0.0.0.0:8080", nil, "anything.example", true},
		{"0.0.0.0:8080", []string{"landfall.example"}, "anything.example", false},
	} {
		config := DefaultConfig()
		config.Listen, config.AllowedHosts = c.listen, c.allowed
		if got := config.hostAllowed(c.host); got != c.want {
			t.Errorf("listening on %s with %v, host %q: %v", c.listen, c.allowed, c.host, got)
		}
	}
	s := newService(t, newFixture(fixtureStart(), 1))
	r := httptest.NewRequest(http.MethodGet, "/api/v1/totals", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	s.server.Handler.ServeHTTP(w, r)
	if asProblem(t, w); w.Code != http.StatusMisdirectedRequest {
		t.Errorf("%d", w.Code)
	}
	if got := testutil.ToFloat64(s.metrics.refused.WithLabelValues("host")); got != 1 {
		t.Errorf("counted %v", got)
	}
}

func TestPathsAndMethods(t *testing.T) {
	s := newService(t, newFixture(fixtureStart(), 1))
	for _, path := range []string{"/api/v1/nothing", "/api/", "/assets/nothing.js", "/assets/../config.go", "/index.html/x", "/.gitkeep"} {
		w := get(s, path)
		if w.Code != http.StatusNotFound && w.Code/100 != 3 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/api/v1/totals", "/"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.Host = "localhost"
		s.server.Handler.ServeHTTP(w, r)
		if asProblem(t, w); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	if got := testutil.ToFloat64(s.metrics.refused.WithLabelValues("method")); got != 2 {
		t.Errorf("counted %v", got)
	}
	// A route is a pattern, so that a peer cannot make labels.
	want := map[string]bool{"/": true, "GET /assets/": true}
	for _, l := range routeLabels(t, s) {
		if !want[l] && l != "" {
			t.Errorf("route label %q", l)
		}
	}
}

func TestAnswers(t *testing.T) {
	s := newService(t, newFixture(fixtureStart(), 12))
	w := get(s, "/api/v1/residency?vendor=Xiaomi&by=country,place&bucket=week&top=5")
	var a residencyAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatal(w.Code, err)
	}
	first := a.Rows[0]
	if first.Place != "CN-BJ" || first.PlaceName != "Beijing" || first.CountryName != "China" || !first.Bucket.Equal(fixtureStart()) || first.BytesUp == 0 {
		t.Errorf("first row %+v", first)
	}
	w = get(s, "/api/v1/residency?vendor=Xiaomi&bucket=week&format=csv")
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="landfall-residency.csv"` {
		t.Error(got)
	}
	if lines := strings.Split(w.Body.String(), "\n"); !strings.HasPrefix(lines[0], "bucket,place,place_name,") || !strings.Contains(lines[1], "CN-BJ,Beijing,") {
		t.Errorf("CSV begins %q", lines[:2])
	}
	if a.Buckets[0].Completeness.Share != nil || a.Buckets[5].Completeness.ExportersSilent != 1 || !a.Buckets[8].Late || first.BytesUpInterval.Low >= float64(first.BytesUp) {
		t.Errorf("what is known of the weeks: %+v", a.Buckets)
	}
	for path, want := range map[string]string{
		"/api/v1/endpoints": `"place_name":"Beijing"`, "/api/v1/new?since=2026-06-01&unit=asn": `"first_seen"`,
		"/api/v1/completeness?bucket=day": `"share_counted":0.962`,
		"/api/v1/compare?by=country&before_since=2026-06-29&before_until=2026-07-06&after_since=2026-08-03&after_until=2026-08-10": `"country_name":"China"`,
	} {
		if w := get(s, path); w.Code != 200 || !strings.Contains(w.Body.String(), want) || strings.Contains(strings.ToLower(w.Body.String()), "select") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/v1/"), "?")
		w := get(s, path+separator+"format=csv")
		if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="landfall-`+name+`.csv"` || strings.Count(w.Body.String(), "\n") < 2 {
			t.Errorf("%s as CSV: %s\n%s", path, got, w.Body)
		}
	}
	if w := get(s, "/api/v1/places?code=SG&code=unknown&code=ZZ"); w.Body.String() != `{"places":{"SG":"Singapore","ZZ":"ZZ","unknown":"Unknown place"}}`+"\n" {
		t.Error(w.Body)
	}
	if w := get(s, "/api/v1/about"); !strings.Contains(w.Body.String(), "DB-IP") {
		t.Error(w.Body)
	}
	if w := get(newService(t, newFixture(fixtureStart(), 0)), "/api/v1/vendors"); w.Body.String() != `{"vendors":[]}`+"\n" {
		t.Error(w.Body)
	}
	if w := get(s, "/healthz"); w.Body.String() != "ok\n" {
		t.Error(w.Body)
	}
}

func TestPages(t *testing.T) {
	s := newService(t, newFixture(fixtureStart(), 1))
	script := strings.Repeat("landfall ", 500)
	built, err := readPages(fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")}, "assets/main-1.js": {Data: []byte(script)}, ".gitkeep": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server.Handler = s.handler(built)
	w := get(s, "/")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
	if w := get(s, "/", "If-None-Match", w.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("with its tag: %d %q", w.Code, w.Body)
	}
	w = get(s, "/assets/main-1.js", "Accept-Encoding", "gzip")
	if w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("script: %v", w.Header())
	}
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(unpacked); err != nil || string(text) != script {
		t.Errorf("unpacked %d bytes: %v", len(text), err)
	}
	s.server.Handler = s.handler(pages{})
	if w := get(s, "/"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("without a build: %d %s", w.Code, w.Body)
	}
}
