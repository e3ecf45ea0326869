// Package docs keeps the documents true: what README.md and docs/ say can be typed, set, clicked or
// measured has to exist. It asks the built binary and reads the files; it knows nothing of what the
// services do.
package docs
