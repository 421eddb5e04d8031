package checkoutsepa

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/quick"

	"github.com/jopay/checkout/internal/money"
)

func TestMinorUnits(t *testing.T) {
	for _, c := range []struct {
		number, unit string
		want         int64
	}{
		{"8.85", "EUR", 885}, {"8.850", "eur", 885}, {"8.85000", "EUR", 885}, {"8", "EUR", 800}, {"8.", "EUR", 800}, {".5", "EUR", 50}, {"8.5", "EUR", 850},
		{"0", "EUR", 0}, {"007.10", "EUR", 710}, {"-7.00", "EUR", -700}, {"+7.00", "EUR", 700}, {"2700", "JPY", 2700}, {"2700.0", "JPY", 2700},
		{"1.234", "KWD", 1234}, {"92233720368547758.07", "EUR", math.MaxInt64},
	} {
		if got, err := minorUnits(c.number, c.unit); got != c.want || err != nil {
			t.Errorf("minorUnits(%q, %q) gives %d, %v, want %d", c.number, c.unit, got, err, c.want)
		}
	}
}

func TestNumbersThatAreNoAmounts(t *testing.T) {
	for number, want := range map[string]string{
		"": "no amount", ".": "no amount", "-": "no amount", "--5": "no amount", "+-5": "no amount", "1e3": "no amount", "1,5": "no amount", "1 000": "no amount",
		"1.2.3": "no amount", "0x10": "no amount", "٣": "no amount", "8.851": "more than the 2 decimals", "0.00001": "more than the 2 decimals",
		"92233720368547758.08": "too large", strings.Repeat("9", 100): "too large",
	} {
		if got, err := minorUnits(number, "EUR"); err == nil || !strings.Contains(err.Error(), want) || got != 0 {
			t.Errorf("minorUnits(%q) gives %d, %v, want %q", number, got, err, want)
		}
	}
	if _, err := minorUnits("", "EUR"); !errors.Is(err, errAmount) {
		t.Error(err)
	}
	if _, err := minorUnits("1", "XYZ"); err == nil {
		t.Error("an unknown currency has no minor units")
	}
}

func TestMinorUnitsUndoDecimal(t *testing.T) {
	undoes := func(n int64) bool {
		for _, unit := range []string{"EUR", "JPY", "KWD"} {
			if got, err := minorUnits(money.Decimal(n, unit), unit); n != math.MinInt64 && (got != n || err != nil) {
				return false
			}
		}
		return true
	}
	if err := quick.Check(undoes, nil); err != nil {
		t.Error(err)
	}
}
