package checkoutsepa

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jopay/checkout"
)

// texts are the paragraphs for the buyer, by BCP 47 tag. A new language is one entry.
var texts = map[string][]string{
	"en": {
		"Please transfer exactly this amount to the account below, and enter the reference just as it is shown: it tells us what you have paid for.",
		"Your order is confirmed when the money has arrived, usually after one to two working days.",
	},
	"de": {
		"Bitte überweisen Sie genau diesen Betrag auf das unten genannte Konto und geben Sie den Verwendungszweck so an, wie er hier steht: Nur damit können wir Ihre Zahlung zuordnen.",
		"Ihre Bestellung ist bestätigt, sobald das Geld eingegangen ist, in der Regel nach ein bis zwei Bankarbeitstagen.",
	},
	"fr": {
		"Veuillez virer exactement ce montant sur le compte ci-dessous et indiquer la référence telle quelle : elle nous permet d’identifier votre paiement.",
		"Votre commande est confirmée dès réception de l’argent, en général après un à deux jours ouvrés.",
	},
	"es": {
		"Transfiera exactamente este importe a la cuenta indicada abajo y escriba el concepto tal como aparece: así sabemos qué ha pagado.",
		"Su pedido queda confirmado cuando llega el dinero, normalmente tras uno o dos días hábiles.",
	},
	"it": {
		"Effettuare un bonifico di questo importo esatto sul conto indicato sotto e riportare la causale così come appare: ci permette di riconoscere il pagamento.",
		"L’ordine è confermato quando arriva il denaro, di solito dopo uno o due giorni lavorativi.",
	},
	"nl": {
		"Maak precies dit bedrag over naar de rekening hieronder en vermeld het betalingskenmerk zoals het er staat: zo weten wij waarvoor u hebt betaald.",
		"Uw bestelling is bevestigd zodra het geld binnen is, meestal na één tot twee werkdagen.",
	},
	"pl": {
		"Prosimy przelać dokładnie tę kwotę na poniższe konto i podać tytuł przelewu dokładnie tak, jak jest tu zapisany: po nim rozpoznamy płatność.",
		"Zamówienie zostanie potwierdzone, gdy pieniądze wpłyną, zwykle po jednym lub dwóch dniach roboczych.",
	},
	"pt": {
		"Transfira exatamente este valor para a conta abaixo e indique a referência tal como aparece: é por ela que reconhecemos o pagamento.",
		"O seu pedido fica confirmado quando o dinheiro chegar, normalmente após um a dois dias úteis.",
	},
	"sv": {
		"För över exakt detta belopp till kontot nedan och ange referensen precis som den visas: den talar om vad du har betalat för.",
		"Din beställning är bekräftad när pengarna har kommit in, vanligtvis efter en till två bankdagar.",
	},
	"tr": {
		"Lütfen tam olarak bu tutarı aşağıdaki hesaba gönderin ve açıklamayı burada göründüğü gibi yazın: ödemenizi bu sayede tanırız.",
		"Siparişiniz para ulaştığında onaylanır, genellikle bir iki iş günü içinde.",
	},
	"ar": {
		"يرجى تحويل هذا المبلغ بالضبط إلى الحساب أدناه وكتابة المرجع كما هو ظاهر: فبه نتعرف على دفعتك.",
		"يُؤكَّد طلبك عند وصول المبلغ، عادةً خلال يوم أو يومي عمل.",
	},
	"he": {
		"יש להעביר בדיוק את הסכום הזה לחשבון שלהלן ולציין את האסמכתה כפי שהיא מופיעה: לפיה נזהה את התשלום.",
		"ההזמנה תאושר כשהכסף יגיע, בדרך כלל בתוך יום עד שני ימי עסקים.",
	},
}

// testTexts stand before them in test mode, because the account may be a real one.
var testTexts = map[string][]string{
	"en": {"This is a test: do not transfer anything. The shop records a transfer to go on."},
	"de": {"Dies ist ein Test: Bitte überweisen Sie nichts. Der Shop trägt zum Weitermachen eine Überweisung ein."},
	"fr": {"Ceci est un test : ne virez rien. La boutique enregistre un virement pour continuer."},
	"es": {"Esto es una prueba: no transfiera nada. La tienda registra una transferencia para continuar."},
	"it": {"Questo è un test: non effettuare alcun bonifico. Il negozio registra un bonifico per proseguire."},
	"nl": {"Dit is een test: maak niets over. De winkel voert een overschrijving in om verder te gaan."},
	"pl": {"To jest test: prosimy niczego nie przelewać. Sklep wpisuje przelew, aby przejść dalej."},
	"pt": {"Isto é um teste: não transfira nada. A loja anota uma transferência para continuar."},
	"sv": {"Det här är ett test: för inte över något. Butiken registrerar en överföring för att gå vidare."},
	"tr": {"Bu bir testtir: para göndermeyin. Devam etmek için mağaza bir havale kaydeder."},
	"ar": {"هذا اختبار: لا تحوّل شيئًا. يسجّل المتجر تحويلًا للمتابعة."},
	"he": {"זוהי בדיקה: אין להעביר דבר. החנות רושמת העברה כדי להמשיך."},
}

// textIn gives the paragraphs in a locale, or in the language it is a form of, or in English.
func textIn(texts map[string][]string, locale string) []string {
	tag := strings.ToLower(strings.ReplaceAll(locale, "_", "-"))
	for tag != "" {
		if found, ok := texts[tag]; ok {
			return found
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	}
	return texts["en"]
}

// Instructions are what the buyer's bank asks for, once in fields and once in a code for banking apps.
func (p *Provider) Instructions(q checkout.InstructionQuery) checkout.Instructions {
	ref := referenceOf(q.Charge.AttemptID)
	var fields []checkout.InstructionField
	for _, f := range []checkout.InstructionField{
		{Key: "payee", Value: p.cfg.Name}, {Key: "iban", Value: inFours(p.iban), Copy: p.iban}, {Key: "bic", Value: p.cfg.BIC},
		{Key: "bank", Value: p.cfg.BankName}, {Key: "reference", Value: inFours(ref), Copy: ref},
	} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	text := textIn(texts, q.Locale)
	if p.cfg.Test {
		text = append(slices.Clone(textIn(testTexts, q.Locale)), text...)
	}
	told := checkout.Instructions{Text: slices.Clone(text), Fields: fields, QR: p.code(ref, q.Due)}
	if begun := q.Charge.BegunAt; !begun.IsZero() {
		told.Until = begun.UTC().Add(p.cfg.Patience)
	}
	return told
}

// maxCode is what a code of version 13 at level M holds, in bytes: EPC069-12 allows no larger one.
const maxCode = 331

// code is the content of the code of EPC069-12, version 002 in UTF-8. The last line is the reference: what is not used after
// it is left out. The name is cut where it does not fit, as only 70 characters outside the Basic Multilingual Plane do not.
func (p *Provider) code(ref string, due int64) string {
	if !payable(due, currency) {
		return ""
	}
	const name = 5
	lines := []string{"BCD", "002", "1", "SCT", p.cfg.BIC, "", p.iban, fmt.Sprintf("EUR%d.%02d", due/100, due%100), "", ref}
	lines[name] = cutAt(p.cfg.Name, maxCode-len(strings.Join(lines, "\n")))
	return strings.Join(lines, "\n")
}

// cutAt keeps whole characters of at most so many bytes.
func cutAt(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
