package host

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestDbg(t *testing.T) {
	w := localWorld(t)
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			for i := range 60 {
				start := time.Now()
				if _, err := w.OpenRun(t.Context(), fmt.Sprintf("r%d-%d", k, i)); err != nil {
					t.Error(err)
				}
				if d := time.Since(start); d > 900*time.Millisecond {
					t.Log(k, i, d)
				}
			}
		})
	}
	wg.Wait()
}
