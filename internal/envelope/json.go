package envelope

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// JSON is the default Codec, encoding/json.
type JSON struct{}

func isJSON(c codec) bool {
	_, ok := c.(JSON)
	return ok
}

// Marshal refuses what Unmarshal never reads.
func (JSON) Marshal(v any) ([]byte, error) {
	if t := reflect.TypeOf(v); t != nil {
		if err := typeInfoOf(t).unreadable; err != nil {
			return nil, err
		}
		// Unmarshal calls the methods that pointers have, and Marshal does for what
		// can be addressed alone.
		p := reflect.New(t)
		p.Elem().Set(reflect.ValueOf(v))
		v = p.Interface()
	}
	return json.Marshal(v)
}

// Unmarshal is that of encoding/json.
func (JSON) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

var (
	jsonMarshalerType   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// has tells whether a type has the methods of an interface, if only by pointer.
func has(t, methods reflect.Type) bool {
	return t.Implements(methods) || reflect.PointerTo(t).Implements(methods)
}

// unreadable returns why encoding/json never reads what it writes of a type, or
// nil. The type is part of those above, in a field of one of them where field is
// set.
func unreadable(t reflect.Type, above []reflect.Type, field bool) error {
	writesText, readsText := has(t, textMarshalerType), has(t, textUnmarshalerType)
	switch {
	case t.Kind() == reflect.Interface && t.NumMethod() > 0:
		return fmt.Errorf("%v is an interface, and JSON does not say of which type a value is", t)
	case has(t, jsonMarshalerType), has(t, jsonUnmarshalerType):
		return nil // what they do, only they know
	case t.Kind() == reflect.String, writesText && readsText, slices.Contains(above, t):
		return nil
	case writesText:
		return fmt.Errorf("%v has MarshalText, and no UnmarshalText", t)
	case readsText:
		return fmt.Errorf("%v has UnmarshalText, and no MarshalText", t)
	}
	above = append(above, t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return unreadable(t.Elem(), above, field)
	case reflect.Map:
		if key := t.Key(); key.Kind() != reflect.String && has(key, textMarshalerType) && !has(key, textUnmarshalerType) {
			return fmt.Errorf("%v has MarshalText, and no UnmarshalText", key)
		}
		return unreadable(t.Elem(), above, field)
	case reflect.Struct:
		return unreadableFields(t, above, field)
	}
	return nil
}

func unreadableFields(t reflect.Type, above []reflect.Type, field bool) error {
	written := false
	for i := range t.NumField() {
		f := t.Field(i)
		embeds := f.Anonymous && (f.Type.Kind() == reflect.Struct || f.Type.Kind() == reflect.Pointer)
		if f.Tag.Get("json") == "-" || !f.IsExported() && !embeds {
			continue
		}
		written = true
		err := unreadable(f.Type, above, true)
		if err == nil && !f.IsExported() && f.Type.Kind() == reflect.Pointer {
			err = fmt.Errorf("it is a pointer to a struct that is not exported")
		}
		if err != nil {
			return fmt.Errorf("field %s of %v: %w", f.Name, t, err)
		}
	}
	if !written && t.NumField() > 0 && !field {
		return fmt.Errorf("%v has no exported field", t)
	}
	return nil
}
