package report

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// SummarySchema is the JSON Schema (draft 2020-12) of summary.json, made from
// the type that is encoded, so that the two cannot differ.
func SummarySchema() ([]byte, error) {
	root := schemaOf(reflect.TypeFor[View]())
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "summary.json of pm-todos"
	root.Description = "What one run did. Texts from documents, agent, hosts and servers are cleaned, redacted and cut, and still not to be trusted."
	root.Properties["schema"].Const = Schema
	return encode("the schema of summary.json", root)
}

// schema is as much of JSON Schema as is needed.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type"`
	Format      string             `json:"format,omitempty"`
	Const       int                `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *schema            `json:"items,omitempty"`
}

// schemaOf is the schema of a type as encoding/json writes it. The tags doc and
// enum of a field are its description and its values.
func schemaOf(t reflect.Type) *schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}
	case t.Kind() == reflect.Slice:
		return &schema{Type: "array", Items: schemaOf(t.Elem())}
	case t.Kind() == reflect.Struct:
		object := &schema{Type: "object", Properties: map[string]*schema{}}
		for i := range t.NumField() {
			object.add(t.Field(i))
		}
		return object
	}
	names := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Float64: "number"}
	name, ok := names[t.Kind()]
	if !ok {
		panic(fmt.Sprintf("report: no JSON Schema for %v", t)) // the types are those of this package
	}
	return &schema{Type: name}
}

func (s *schema) add(field reflect.StructField) {
	if field.Anonymous {
		for i := range field.Type.NumField() {
			s.add(field.Type.Field(i))
		}
		return
	}
	if !field.IsExported() {
		return // no part of the JSON
	}
	name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	property := schemaOf(field.Type)
	property.Description = field.Tag.Get("doc")
	if values := field.Tag.Get("enum"); values != "" {
		property.Enum = strings.Split(values, ",")
	}
	s.Properties[name] = property
	if options == "" {
		s.Required = append(s.Required, name)
	}
}
