//go:build race

package main

// The shop is built like its tests, so that the race detector watches it as well.
func init() { buildFlags = append(buildFlags, "-race") }
