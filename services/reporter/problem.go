package reporter

import (
	"encoding/json"
	"net/http"
)

// problem is an error answer as of RFC 9457, with the parameter that was refused and what it may be.
type problem struct {
	Type      string   `json:"type"`
	Title     string   `json:"title"`
	Status    int      `json:"status"`
	Detail    string   `json:"detail"`
	Parameter string   `json:"parameter,omitempty"`
	Allowed   []string `json:"allowed,omitempty"`

	reason string // label of the counter of refused requests
}

func (p *problem) Error() string { return p.Detail }

func (p *problem) write(w http.ResponseWriter) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "2")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may have gone: nothing is left to tell it
}

func badParameter(name, detail string, allowed ...string) *problem {
	return &problem{Status: http.StatusBadRequest, Detail: name + ": " + detail, Parameter: name, Allowed: allowed, reason: "parameter"}
}
