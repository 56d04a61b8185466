//go:build !linux

package plugin

// keepMemoryPrivate does nothing: only Linux, where the image runs, has the
// switch.
func keepMemoryPrivate() error { return nil }
