//go:build race

package main

import "os"

// The shop is built like its tests, so that the race detector watches it as well. It must not wait a second at the end
// of every run, as the detector does unless it is told otherwise.
func init() {
	buildFlags = append(buildFlags, "-race")
	os.Setenv("GORACE", "atexit_sleep_ms=0")
}
