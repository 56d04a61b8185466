// Package jsonschema makes the JSON Schema (draft 2020-12) of a value from the type
// that is encoded, so that the two cannot differ.
package jsonschema

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Schema is as much of JSON Schema as is needed.
type Schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type"`
	Format      string             `json:"format,omitempty"`
	Const       int                `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
}

// Of is the schema of a document of type T, a struct whose field schema holds the
// version.
func Of[T any](title, description string, version int) *Schema {
	root := of(reflect.TypeFor[T]())
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title, root.Description = title, description
	root.Properties["schema"].Const = version
	return root
}

// of is the schema of a type as encoding/json writes it. The tags doc and enum of a
// field are its description and its values.
func of(t reflect.Type) *Schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &Schema{Type: "string", Format: "date-time"}
	case t.Kind() == reflect.Slice:
		return &Schema{Type: "array", Items: of(t.Elem())}
	case t.Kind() == reflect.Struct:
		object := &Schema{Type: "object", Properties: map[string]*Schema{}}
		for i := range t.NumField() {
			object.add(t.Field(i))
		}
		return object
	}
	names := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Float64: "number"}
	name, ok := names[t.Kind()]
	if !ok {
		panic(fmt.Sprintf("jsonschema: none for %v", t)) // the types are those of this program
	}
	return &Schema{Type: name}
}

func (s *Schema) add(field reflect.StructField) {
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
	property := of(field.Type)
	property.Description = field.Tag.Get("doc")
	if values := field.Tag.Get("enum"); values != "" {
		property.Enum = strings.Split(values, ",")
	}
	s.Properties[name] = property
	if options == "" {
		s.Required = append(s.Required, name)
	}
}
