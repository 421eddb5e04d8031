package checkoutsepa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// samples is the directory of camt files and what others read in them. They are not ours and stand beside the repository.
func samples(t *testing.T) string {
	t.Helper()
	for _, root := range []string{os.Getenv("CHECKOUT_TEST_SHARED"), filepath.Join("..", "..", "..", "shared")} {
		dir := filepath.Join(root, "data", "camt")
		if _, err := os.Stat(dir); root != "" && err == nil {
			return dir
		}
	}
	t.Skip("SKIPPED-NEEDS-SHARED: the camt samples are not at ../shared/data/camt beside the repository, CHECKOUT_TEST_SHARED names another place")
	return ""
}

// reading is what another program (genkgo/camt) reads in a sample, as far as it is money.
type reading struct {
	Entries []struct {
		Amount    otherAmount           `json:"getAmount"`
		Reference *string               `json:"getAccountServicerReference"`
		Booked    *otherTime            `json:"getBookingDate"`
		Reversal  bool                  `json:"getReversalIndicator"`
		Record    jsonOr[otherRecord]   `json:"getRecord"`
		First     otherDetail           `json:"getTransactionDetail"`
		All       []jsonOr[otherDetail] `json:"getTransactionDetails"`
	} `json:"getEntries"`
}

type otherAmount struct {
	Minor    string `json:"getAmount"`
	Currency struct {
		Code string `json:"getCode"`
	} `json:"getCurrency"`
}

type otherTime struct {
	At time.Time `json:"0"`
}

type otherRecord struct {
	Account struct {
		ID string `json:"getIdentification"`
	} `json:"getAccount"`
}

type otherDetail struct {
	Amount     *otherAmount `json:"getAmount"`
	Remittance *struct {
		Message *string `json:"getMessage"`
	} `json:"getRemittanceInformation"`
	References *struct {
		EndToEndID *string `json:"getEndToEndId"`
	} `json:"getReference"`
	Parties []struct {
		Type jsonOr[struct {
			Class string  `json:"__CLASS__"`
			Name  *string `json:"getName"`
		}] `json:"getRelatedPartyType"`
	} `json:"getRelatedParties"`
}

// jsonOr is a value, or the word that it was written already.
type jsonOr[T any] struct{ Value *T }

func (j *jsonOr[T]) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return nil
	}
	return json.Unmarshal(data, &j.Value)
}

func (d otherDetail) payer() string {
	name := ""
	for _, p := range d.Parties {
		if p.Type.Value != nil && p.Type.Value.Name != nil && (strings.HasSuffix(p.Type.Value.Class, `\Debtor`) || (name == "" && strings.HasSuffix(p.Type.Value.Class, `\UltimateDebtor`))) {
			name = *p.Type.Value.Name
		}
	}
	return name
}

func readSample(t *testing.T, path string) ([]Line, reading) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := ReadCAMT(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return lines, readingOf(t, path)
}

func readingOf(t *testing.T, path string) (want reading) {
	t.Helper()
	data, err := os.ReadFile(strings.TrimSuffix(path, ".xml") + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// The other program keeps the entries of the last statement of a file alone, so the last lines are compared.
func TestSamplesAreReadAsOthersReadThem(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join(samples(t), "*.xml"))
	read := 0
	for _, path := range paths {
		if strings.HasSuffix(path, ".wrong.xml") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			lines, want := readSample(t, path)
			if len(lines) < len(want.Entries) || len(want.Entries) == 0 {
				t.Fatalf("%d lines, want %d", len(lines), len(want.Entries))
			}
			for i, l := range lines[len(lines)-len(want.Entries):] {
				e := want.Entries[i]
				compareMoney(t, l, e.Amount)
				if l.Account != e.Record.Value.Account.ID {
					t.Errorf("account %q, want %q", l.Account, e.Record.Value.Account.ID)
				}
				if e.Booked != nil && !l.BookedAt.Equal(e.Booked.At) {
					t.Errorf("booked at %v, want %v", l.BookedAt, e.Booked.At)
				}
				if e.Reference != nil && !strings.Contains(l.Key, *e.Reference) {
					t.Errorf("key %q does not name %q", l.Key, *e.Reference)
				}
				if wantIgnored := map[bool]string{true: IgnoredDebit}[e.Amount.Minor[0] == '-']; l.Ignored != wantIgnored || l.Problem != "" {
					t.Errorf("ignored for %q %q, want %q", l.Ignored, l.Problem, wantIgnored)
				}
				if len(e.All) == 1 {
					compareDetail(t, l, e.First)
				}
			}
			read++
		})
	}
	if read < 14 {
		t.Errorf("%d samples were read", read)
	}
}

func compareMoney(t *testing.T, l Line, want otherAmount) {
	t.Helper()
	if got := fmt.Sprint(l.Amount); got != want.Minor || !strings.EqualFold(l.Currency, want.Currency.Code) {
		t.Errorf("%s %s, want %s %s", got, l.Currency, want.Minor, want.Currency.Code)
	}
}

func compareDetail(t *testing.T, l Line, want otherDetail) {
	t.Helper()
	if l.Payer != want.payer() {
		t.Errorf("payer %q, want %q", l.Payer, want.payer())
	}
	if r := want.Remittance; r != nil && r.Message != nil && l.Reference != *r.Message && !strings.HasPrefix(l.Text, *r.Message) {
		t.Errorf("reference %q and text %q, want %q", l.Reference, l.Text, *r.Message)
	}
	if r := want.References; r != nil && r.EndToEndID != nil && l.EndToEndID != *r.EndToEndID {
		t.Errorf("end-to-end id %q, want %q", l.EndToEndID, *r.EndToEndID)
	}
}

// The samples' notifications are of money that went out in another currency. Turned round they are a batch that came in.
func TestABatchIsItsTransfers(t *testing.T) {
	for _, name := range []string{"camt054.v4.xml", "camt054.v8.xml"} {
		path := filepath.Join(samples(t), name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		in := strings.NewReplacer("DBIT", "CRDT", `<Amt Ccy="SEK">200000</Amt>`, `<Amt Ccy="CHF">9.5</Amt>`).Replace(string(data))
		lines, err := ReadCAMT(strings.NewReader(in))
		want := readingOf(t, path).Entries[0]
		if err != nil || len(lines) != len(want.All) || len(lines) != 3 {
			t.Fatalf("%s: %d lines, %v", name, len(lines), err)
		}
		keys := map[string]bool{}
		for i, l := range lines {
			d := want.First
			if want.All[i].Value != nil {
				d = *want.All[i].Value
			}
			d.Amount.Minor = strings.TrimPrefix(d.Amount.Minor, "-")
			compareMoney(t, l, *d.Amount)
			compareDetail(t, l, d)
			keys[l.Key] = l.Ignored == "" && l.Problem == ""
		}
		if day := lines[1].BookedAt.Format(time.DateOnly); len(keys) != 3 || !keys[fmt.Sprintf("CH2801234000123456789:%s#2:%s:320", *want.Reference, day)] {
			t.Errorf("%s: the keys are %v", name, keys)
		}
	}
}

func TestASampleWithoutAStatementIsRefused(t *testing.T) {
	f, err := os.Open(filepath.Join(samples(t), "camt053.v2.wrong.xml"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if lines, err := ReadCAMT(f); err == nil || !strings.Contains(err.Error(), "no statement") || lines != nil {
		t.Errorf("ReadCAMT gives %v, %v", lines, err)
	}
}
