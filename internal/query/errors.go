package query

import "fmt"

// InvalidError says what is wrong with a question. It is the asker's fault, not the server's.
type InvalidError struct{ err error }

func (e *InvalidError) Error() string { return "question: " + e.err.Error() }

// Unwrap returns the faults.
func (e *InvalidError) Unwrap() error { return e.err }

func invalid(format string, args ...any) error { return &InvalidError{fmt.Errorf(format, args...)} }
