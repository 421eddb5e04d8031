package checkout

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/jopay/checkout/internal/money"
)

// parseAmount reads an amount as people type it, in major units, and gives minor units of a currency (ISO 4217). A dot or a
// comma stands before the decimals, of which there may be as many as the currency has. Nothing is rounded, and a sign
// between thousands is refused: 1.234 is another amount in Berlin than in Boston.
func parseAmount(typed, currency string) (minor int64, ok bool) {
	exponent, known := money.Exponent(currency)
	whole, decimals, point := strings.Cut(strings.ReplaceAll(strings.TrimSpace(typed), ",", "."), ".")
	if !known || whole == "" || len(whole) > 12 || len(decimals) > exponent || point != (decimals != "") {
		return 0, false
	}
	digits := whole + decimals + strings.Repeat("0", exponent-len(decimals))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	minor, err := strconv.ParseInt(digits, 10, 64)
	return minor, err == nil
}

// typedAmount is an amount in a field: major units, with the reader's sign before the decimals.
func (a *adminCall) typedAmount(minor int64, currency string) string {
	return strings.Replace(money.Decimal(minor, currency), ".", a.say("decimal"), 1)
}

// say speaks a key of the catalogue as plain text.
func (a *adminCall) say(key string, args ...any) string {
	return a.desk.texts.say(a.lang, key, args...)
}

// wrong is what is wrong with a field, in the reader's language.
func (a *adminCall) wrong(param, key string, args ...any) FieldError {
	return FieldError{Param: param, Code: key, Message: a.say("wrong."+key, args...)}
}

// explain words a refusal of the core for the form that was refused. What is nobody's mistake stays an error.
func (a *adminCall) explain(err error) (problems []FieldError, rest error) {
	e := public(err)
	fields := e.Fields
	if len(fields) == 0 {
		fields = []FieldError{{Code: e.Code}}
	}
	for _, f := range fields {
		if e.Status == http.StatusNotFound || !a.desk.texts.has("wrong."+f.Code) {
			return nil, err
		}
		problems = append(problems, a.wrong(f.Param, f.Code))
	}
	return problems, nil
}
