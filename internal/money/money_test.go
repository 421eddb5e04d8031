package money

import (
	"math"
	"math/big"
	"testing"
)

var edges = []int64{
	math.MinInt64, math.MinInt64 + 1, math.MinInt64 / 2, -3037000500, -99_999_999, -2, -1,
	0, 1, 2, 99_999_999, 3037000499, 3037000500, math.MaxInt64 / 2, math.MaxInt64 - 1, math.MaxInt64,
}

func TestCheckedArithmeticAgreesWithBig(t *testing.T) {
	for _, a := range edges {
		for _, b := range edges {
			x, y := big.NewInt(a), big.NewInt(b)
			sum, ok := Add(a, b)
			checkBig(t, "Add", a, b, sum, ok, new(big.Int).Add(x, y))
			product, ok := Mul(a, b)
			checkBig(t, "Mul", a, b, product, ok, new(big.Int).Mul(x, y))
		}
	}
}

func checkBig(t *testing.T, op string, a, b, got int64, ok bool, want *big.Int) {
	t.Helper()
	if ok != want.IsInt64() {
		t.Errorf("%s(%d, %d) ok = %t, exact result %s", op, a, b, ok, want)
	}
	if ok && got != want.Int64() {
		t.Errorf("%s(%d, %d) = %d, want %s", op, a, b, got, want)
	}
	if !ok && got != 0 {
		t.Errorf("%s(%d, %d) = %d beside false, want 0", op, a, b, got)
	}
}

func TestTaxIncluded(t *testing.T) {
	tests := []struct {
		gross int64
		rate  int
		want  int64
	}{
		{11900, 1900, 1900}, {2500, 1900, 399}, {1000, 700, 65}, {999, 2000, 167},
		{3, 10000, 2}, {1, 10000, 1}, // exact halves go up
		{-3, 10000, -2}, {-11900, 1900, -1900},
		{0, 1900, 0}, {2500, 0, 0}, {2500, -1, 0},
		{99_999_999, 10000, 50_000_000}, {99_999_999, 1, 9999},
	}
	for _, tt := range tests {
		if got := TaxIncluded(tt.gross, tt.rate); got != tt.want {
			t.Errorf("TaxIncluded(%d, %d) = %d, want %d", tt.gross, tt.rate, got, tt.want)
		}
	}
}

// Half up is the floor of x + 1/2, computed here with exact fractions.
func TestTaxIncludedAgreesWithFractions(t *testing.T) {
	for _, rate := range []int{1, 250, 550, 700, 1000, 1900, 2000, 2100, 2700, 9999, 10000} {
		for gross := int64(0); gross < 3000; gross++ {
			x := big.NewRat(gross*int64(rate), int64(10000+rate))
			x.Add(x, big.NewRat(1, 2))
			want := new(big.Int).Quo(x.Num(), x.Denom()).Int64()
			if got := TaxIncluded(gross, rate); got != want {
				t.Fatalf("TaxIncluded(%d, %d) = %d, want %d", gross, rate, got, want)
			}
		}
	}
}

func TestDecimal(t *testing.T) {
	tests := []struct {
		minor int64
		code  string
		want  string
	}{
		{2500, "EUR", "25.00"}, {2500, "jpy", "2500"}, {2500, "KWD", "2.500"}, {2500, "BGN", "25.00"},
		{0, "EUR", "0.00"}, {5, "EUR", "0.05"}, {-5, "KWD", "-0.005"}, {-1, "JPY", "-1"}, {100, "EUR", "1.00"},
		{math.MaxInt64, "EUR", "92233720368547758.07"},
		{math.MinInt64, "EUR", "-92233720368547758.08"},
		{math.MinInt64, "JPY", "-9223372036854775808"},
		{2500, "ZZZ", "2500"},
	}
	for _, tt := range tests {
		if got := Decimal(tt.minor, tt.code); got != tt.want {
			t.Errorf("Decimal(%d, %q) = %q, want %q", tt.minor, tt.code, got, tt.want)
		}
	}
}

func TestDecimalRoundTrip(t *testing.T) {
	for _, code := range []string{"JPY", "EUR", "KWD"} {
		exponent, _ := Exponent(code)
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)
		for _, minor := range edges {
			r, ok := new(big.Rat).SetString(Decimal(minor, code))
			if !ok {
				t.Fatalf("Decimal(%d, %q) = %q is no number", minor, code, Decimal(minor, code))
			}
			if r.Mul(r, new(big.Rat).SetInt(scale)); r.Cmp(new(big.Rat).SetInt64(minor)) != 0 {
				t.Errorf("Decimal(%d, %q) reads back as %s", minor, code, r)
			}
		}
	}
}
