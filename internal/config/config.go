// Package config reads a configuration file into a struct, strictly, with overrides from the
// environment, and describes the struct's fields. It does not know what the fields mean.
//
// A field's name is its `yaml` tag, its description its `doc` tag. A field with the path
// collector.kafka.brokers is overridden by LANDFALL_COLLECTOR_KAFKA_BROKERS, whose value is YAML.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// EnvPrefix begins the name of every environment override.
const EnvPrefix = "LANDFALL_"

// Secret is a value that is never printed.
type Secret string

const redacted = "[redacted]"

// String returns "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalYAML hides the value from print-config.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// MarshalText hides the value from JSON and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalYAML reads the value.
func (s *Secret) UnmarshalYAML(b []byte) error {
	var v string
	if err := yaml.Unmarshal(b, &v); err != nil {
		return err
	}
	*s = Secret(v)
	return nil
}

// Reveal returns the value, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// Load fills into, which holds the defaults, from the file at path (none if path is empty) and then
// from the environment (entries of the form NAME=value). An unknown key in the file, or an unknown
// LANDFALL_ name that could only be a misspelt field, is an error that says where.
func Load(path string, environ []string, into any) error {
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read configuration: %w", err)
		}
		if err := Decode(text, into); err != nil {
			return fmt.Errorf("configuration %s: %w", path, err)
		}
	}
	return overrideFromEnv(environ, into)
}

// Decode fills into from YAML text. Unknown keys are refused.
func Decode(text []byte, into any) error {
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	if len(document) == 0 { // all defaults; the library would set everything to zero
		return nil
	}
	err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(into)
	if located := yaml.Error(nil); err == nil || errors.As(err, &located) {
		return err
	}
	return locate(text, into, err)
}

// locate finds the setting whose value cannot be read, for an error that does not say where.
func locate(text []byte, into any, err error) error {
	for _, f := range Fields(into) {
		path, pathErr := yaml.PathString("$." + f.Path)
		if pathErr != nil {
			continue
		}
		if e := path.Read(bytes.NewReader(text), reflect.New(f.value.Type()).Interface()); e != nil && e.Error() == err.Error() {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return err
}

func overrideFromEnv(environ []string, into any) error {
	values := make(map[string]string)
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if ok && strings.HasPrefix(name, EnvPrefix) {
			values[name] = value
		}
	}
	if len(values) == 0 {
		return nil
	}
	var errs []error
	sections := make(map[string]bool)
	for _, f := range Fields(into) {
		first, _, _ := strings.Cut(f.Path, ".")
		sections[EnvPrefix+strings.ToUpper(first)] = true
		value, ok := values[f.Env]
		if !ok {
			continue
		}
		delete(values, f.Env)
		if err := yaml.Unmarshal([]byte(value), f.value.Addr().Interface()); err != nil {
			errs = append(errs, fmt.Errorf("environment %s (%s): %w", f.Env, f.Path, err))
		}
	}
	for name := range values {
		for section := range sections {
			if strings.HasPrefix(name, section+"_") {
				errs = append(errs, fmt.Errorf("environment %s names no setting; `landfall print-config --env` lists them", name))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// Field is one setting.
type Field struct {
	Path    string // collector.kafka.brokers
	Env     string // LANDFALL_COLLECTOR_KAFKA_BROKERS
	Type    string // "list of string"
	Doc     string
	Default string // the current value, as YAML on one line

	value reflect.Value
}

// Fields lists the settings of the struct that config points to, in the order of its fields.
func Fields(config any) []Field {
	var fields []Field
	walk(reflect.ValueOf(config).Elem(), "", func(f Field) { fields = append(fields, f) })
	return fields
}

func walk(v reflect.Value, prefix string, visit func(Field)) {
	t := v.Type()
	for i := range t.NumField() {
		sf := t.Field(i)
		if !sf.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if name == "-" {
			continue
		}
		if options == "inline" {
			walk(v.Field(i), prefix, visit)
			continue
		}
		path := name
		if prefix != "" {
			path = prefix + "." + name
		}
		if sf.Type.Kind() == reflect.Struct {
			walk(v.Field(i), path, visit)
			continue
		}
		visit(Field{
			Path:    path,
			Env:     EnvPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path)),
			Type:    typeName(sf.Type),
			Doc:     sf.Tag.Get("doc"),
			Default: oneLine(v.Field(i).Interface()),
			value:   v.Field(i),
		})
	}
}

func typeName(t reflect.Type) string {
	switch {
	case t.String() == "time.Duration":
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list of " + typeName(t.Elem())
	case t.Kind() == reflect.Map:
		return "map of " + typeName(t.Elem())
	case t == reflect.TypeFor[Secret]():
		return "secret"
	case t.PkgPath() != "":
		return strings.ToLower(t.Name())
	}
	return t.Kind().String()
}

func oneLine(v any) string {
	text, err := yaml.MarshalWithOptions(v, yaml.Flow(true))
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(string(text))
}
