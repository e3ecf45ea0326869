package cloud

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// published reads one of the real lists beside the checkout.
func published(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "testdata", "cloud", file))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no published lists at ../shared/testdata: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPublished(t *testing.T) {
	for _, f := range []struct{ file, provider string }{
		{"aws-ip-ranges.json.gz", AWS}, {"gcp-cloud.json.gz", Google}, {"azure-service-tags.json.gz", Azure}, {"oracle-ip-ranges.json.gz", Oracle},
	} {
		t.Run(f.provider, func(t *testing.T) {
			l, err := Parse(f.file, published(t, f.file))
			if err != nil {
				t.Fatal(err)
			}
			t.Log(l.Version, l.Date, len(l.Ranges), l.Skipped)
		})
	}
}
