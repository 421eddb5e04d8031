package checkoutsepa

import (
	"fmt"
	"strconv"
	"strings"
)

// ibanLengths are the lengths of the IBAN registry (ISO 13616), by country.
var ibanLengths = lengthsOf(`AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29
	ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20
	LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19
	SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30`)

func lengthsOf(list string) map[string]int {
	m := map[string]int{}
	for entry := range strings.FieldsSeq(list) {
		n, err := strconv.Atoi(entry[2:])
		if err != nil {
			panic(err) // the list above
		}
		m[entry[:2]] = n
	}
	return m
}

// checkIBAN takes an IBAN as compact gives it.
func checkIBAN(iban string) error {
	if len(iban) < 4 {
		return fmt.Errorf("%q is too short", iban)
	}
	want, known := ibanLengths[iban[:2]]
	switch {
	case !known:
		return fmt.Errorf("%q begins with no country that has IBANs", iban)
	case len(iban) != want:
		return fmt.Errorf("%q has %d characters, in %s it has %d", iban, len(iban), iban[:2], want)
	case !isDigit(iban[2]) || !isDigit(iban[3]) || strings.ContainsFunc(iban, notAlphanumeric):
		return fmt.Errorf("%q is not of letters and digits", iban)
	case iban[2:4] < "02" || iban[2:4] > "98" || !checksumFits(iban):
		return fmt.Errorf("the checksum of %q does not fit: a digit is wrong", iban)
	}
	return nil
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}

// sameAccount compares what a file calls its account with the IBAN. Some banks write the old account number, which ends the
// IBAN in many countries.
func sameAccount(name, iban string) bool {
	name = compact(name)
	number := strings.TrimLeft(name, "0")
	return name == iban || (onlyDigits(number) && len(number) >= 6 && strings.HasSuffix(iban, number))
}
