package checkout

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// measureExport writes all sessions as CSV, once, and reports how the process grew meanwhile, in MiB.
func (m *adminBench) measureExport(b *testing.B) {
	var took time.Duration
	var grown, heap float64
	b.Run("export", func(b *testing.B) {
		if took == 0 {
			took, grown, heap = m.export(b)
		}
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric(grown, "MiB-grown")
		b.ReportMetric(heap, "MiB-heap")
	})
}

func (m *adminBench) export(b *testing.B) (took time.Duration, grown, heap float64) {
	b.Helper()
	debug.FreeOSMemory()
	before, start, lines := m.resident(b), time.Now(), &lineCounter{}
	if err := m.q.exportCSV(b.Context(), lines, paymentFilter{Mode: Test}); err != nil {
		b.Fatal(err)
	}
	took = time.Since(start)
	if lines.n != m.n+1 {
		b.Fatalf("%d lines, want %d", lines.n, m.n+1)
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	return took, procStatus(b, "VmHWM:") - before, float64(after.HeapSys) / (1 << 20)
}

type lineCounter struct{ n int }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.n += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

// resident is the process's memory in MiB; from here on its peak is counted anew.
func (m *adminBench) resident(b *testing.B) float64 {
	b.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Skipf("SKIPPED-NEEDS-LINUX: %v", err)
	}
	return procStatus(b, "VmRSS:")
}

func procStatus(b *testing.B, name string) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), name)
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib) / 1024
}
