package checkoutmanual

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/internal/money"
)

// The methods that need no words of the shop's: Method{ID: CashOnDelivery} is enough, and what is given replaces what is
// built in.
const (
	CashOnDelivery = "cash_on_delivery"
	PayLater       = "pay_later"
	Invoice        = "invoice"
)

// Method is a way to pay, and for which orders.
type Method struct {
	ID    string // one of the above, or one of your own: [a-z0-9_-], 32 characters at most
	Label string // in English. The page has words of its own for the ids above, which cannot be replaced
	Mark  string // the drawing beside it: card, bank, wallet, cash or invoice; empty for none

	// Labels are the label in other languages, by BCP 47 tag.
	Labels map[string]string

	// Text is what the buyer reads after the order, by BCP 47 tag: plain text, with an empty line between paragraphs. English
	// (en) is for buyers of all languages that are not there.
	Text map[string]string

	Currencies []string // ISO 4217. Empty for all
	Countries  []string // of the buyer, ISO 3166-1 alpha-2. Empty for all; otherwise nobody whose country is not known
	Min, Max   int64    // minor units; 0 for no limit
}

// builtin holds label, mark and text of the methods that need no words of the shop's. A new language is one entry in each Text.
var builtin = map[string]Method{
	CashOnDelivery: {Label: "Cash on delivery", Mark: "cash", Text: map[string]string{
		"en": "We have your order. There is nothing more to do now.\n\nYou pay when it is handed over to you. Please have the exact amount ready.",
		"de": "Wir haben Ihre Bestellung erhalten. Im Moment ist nichts weiter zu tun.\n\nSie bezahlen bei der Übergabe. Bitte halten Sie den Betrag passend bereit.",
		"fr": "Nous avons reçu votre commande. Vous n’avez rien d’autre à faire pour le moment.\n\nVous payez à la livraison. Merci de préparer le montant exact.",
		"es": "Hemos recibido su pedido. No tiene que hacer nada más por ahora.\n\nEl pago se hace en la entrega. Tenga preparado el importe exacto, por favor.",
		"it": "Abbiamo ricevuto il Suo ordine. Per ora non c’è altro da fare.\n\nSi paga alla consegna. Si prega di tenere pronto l’importo esatto.",
		"nl": "We hebben uw bestelling ontvangen. U hoeft nu verder niets te doen.\n\nU betaalt bij de bezorging. Houd het gepaste bedrag klaar, alstublieft.",
		"pl": "Zamówienie zostało przyjęte. Na razie nie trzeba robić nic więcej.\n\nPłatność następuje przy odbiorze. Prosimy przygotować dokładną kwotę.",
		"pt": "Recebemos o seu pedido. Por agora não há mais nada a fazer.\n\nO pagamento é feito na entrega. Tenha o valor exato preparado, por favor.",
		"sv": "Vi har tagit emot din beställning. Du behöver inte göra något mer nu.\n\nDu betalar vid leveransen. Ha gärna jämna pengar redo.",
		"tr": "Siparişinizi aldık. Şu anda yapmanız gereken başka bir şey yok.\n\nTeslimatta ödersiniz. Lütfen tam tutarı hazır bulundurun.",
		"ar": "استلمنا طلبك. لا يلزم منك أي إجراء آخر الآن.\n\nتدفع عند الاستلام. يرجى تجهيز المبلغ بالضبط.",
		"he": "ההזמנה התקבלה. אין צורך לעשות כרגע דבר נוסף.\n\nהתשלום מתבצע בעת המסירה. נא להכין את הסכום המדויק.",
	}},
	PayLater: {Label: "Pay later", Mark: "invoice", Text: map[string]string{
		"en": "We have your order. There is nothing to pay now.\n\nYou pay later, as agreed with us. We will tell you how.",
		"de": "Wir haben Ihre Bestellung erhalten. Sie müssen jetzt nichts bezahlen.\n\nSie bezahlen später, wie mit uns vereinbart. Wie, teilen wir Ihnen mit.",
		"fr": "Nous avons reçu votre commande. Il n’y a rien à payer maintenant.\n\nVous payez plus tard, comme convenu avec nous. Nous vous dirons comment.",
		"es": "Hemos recibido su pedido. No tiene que pagar nada ahora.\n\nEl pago se hace más tarde, según lo acordado con nosotros. Le diremos cómo.",
		"it": "Abbiamo ricevuto il Suo ordine. Per ora non c’è nulla da pagare.\n\nSi paga più tardi, come concordato con noi. Le comunicheremo come.",
		"nl": "We hebben uw bestelling ontvangen. U hoeft nu niets te betalen.\n\nU betaalt later, zoals met ons afgesproken. We laten u weten hoe.",
		"pl": "Zamówienie zostało przyjęte. Teraz nie trzeba nic płacić.\n\nPłatność nastąpi później, zgodnie z ustaleniami. Poinformujemy, w jaki sposób.",
		"pt": "Recebemos o seu pedido. Por agora não há nada a pagar.\n\nO pagamento é feito mais tarde, como foi combinado. Informaremos como.",
		"sv": "Vi har tagit emot din beställning. Det finns inget att betala nu.\n\nDu betalar senare, som vi har kommit överens om. Vi berättar hur.",
		"tr": "Siparişinizi aldık. Şu anda ödenecek bir şey yok.\n\nBizimle kararlaştırıldığı gibi sonra ödersiniz. Nasıl ödeyeceğinizi size bildireceğiz.",
		"ar": "استلمنا طلبك. لا يوجد ما يُدفع الآن.\n\nتدفع لاحقًا كما اتفقنا معك. سنخبرك بالطريقة.",
		"he": "ההזמנה התקבלה. אין מה לשלם כרגע.\n\nהתשלום יתבצע מאוחר יותר, כפי שסוכם איתנו. נודיע כיצד.",
	}},
	Invoice: {Label: "Invoice", Mark: "invoice", Text: map[string]string{
		"en": "We have your order. There is nothing to pay now.\n\nYou will get an invoice that says how and until when to pay.",
		"de": "Wir haben Ihre Bestellung erhalten. Sie müssen jetzt nichts bezahlen.\n\nSie erhalten eine Rechnung, auf der steht, wie und bis wann Sie bezahlen.",
		"fr": "Nous avons reçu votre commande. Il n’y a rien à payer maintenant.\n\nVous recevrez une facture qui indique comment et jusqu’à quand payer.",
		"es": "Hemos recibido su pedido. No tiene que pagar nada ahora.\n\nRecibirá una factura que indica cómo y hasta cuándo pagar.",
		"it": "Abbiamo ricevuto il Suo ordine. Per ora non c’è nulla da pagare.\n\nRiceverà una fattura che indica come ed entro quando pagare.",
		"nl": "We hebben uw bestelling ontvangen. U hoeft nu niets te betalen.\n\nU krijgt een factuur waarop staat hoe en tot wanneer u betaalt.",
		"pl": "Zamówienie zostało przyjęte. Teraz nie trzeba nic płacić.\n\nPrześlemy fakturę z informacją, jak i do kiedy zapłacić.",
		"pt": "Recebemos o seu pedido. Por agora não há nada a pagar.\n\nSerá enviada uma fatura que indica como e até quando pagar.",
		"sv": "Vi har tagit emot din beställning. Det finns inget att betala nu.\n\nDu får en faktura som visar hur och till när du ska betala.",
		"tr": "Siparişinizi aldık. Şu anda ödenecek bir şey yok.\n\nNasıl ve ne zamana kadar ödeyeceğinizi gösteren bir fatura alacaksınız.",
		"ar": "استلمنا طلبك. لا يوجد ما يُدفع الآن.\n\nستصلك فاتورة توضح طريقة الدفع وموعده.",
		"he": "ההזמנה התקבלה. אין מה לשלם כרגע.\n\nתישלח חשבונית שבה כתוב כיצד ועד מתי לשלם.",
	}},
}

// completed is a copy with what is built in where the method has nothing of its own.
func (m Method) completed() Method {
	words := builtin[m.ID]
	if m.Label == "" {
		m.Label = words.Label
	}
	if m.Mark == "" {
		m.Mark = words.Mark
	}
	text := maps.Clone(words.Text)
	if text == nil {
		text = map[string]string{}
	}
	for tag, s := range m.Text {
		text[strings.ToLower(tag)] = s
	}
	labels := map[string]string{}
	for tag, s := range m.Labels {
		labels[strings.ToLower(tag)] = s
	}
	m.Text, m.Labels = text, labels
	m.Currencies, m.Countries = mapped(m.Currencies, strings.ToLower), mapped(m.Countries, strings.ToUpper)
	return m
}

func mapped(list []string, change func(string) string) []string {
	var out []string
	for _, s := range list {
		out = append(out, change(s))
	}
	return out
}

var (
	idRule      = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	countryRule = regexp.MustCompile(`^[A-Z]{2}$`)
	marks       = []string{"", "card", "bank", "wallet", "cash", "invoice"}
)

func (m Method) check() error {
	switch {
	case !idRule.MatchString(m.ID):
		return refuse("ID", "%q is not 1 to 32 of a-z, 0-9, _ and -", m.ID)
	case strings.TrimSpace(m.Label) == "":
		return refuse("Label", "of %q is missing", m.ID)
	case !slices.Contains(marks, m.Mark):
		return refuse("Mark", "%q is none of card, bank, wallet, cash and invoice", m.Mark)
	case m.Min < 0 || m.Max < 0 || (m.Max > 0 && m.Min > m.Max):
		return refuse("Min", "%d and Max %d leave no order", m.Min, m.Max)
	}
	if err := m.checkText(); err != nil {
		return err
	}
	return m.checkLists()
}

func (m Method) checkText() error {
	if m.Text["en"] == "" {
		return refuse("Text", "of %q has no English (en)", m.ID)
	}
	for tag, label := range m.Labels {
		if _, err := language.Parse(tag); err != nil || strings.TrimSpace(label) == "" {
			return refuse("Labels", "has %q for %q: use a BCP 47 tag and a label", label, tag)
		}
	}
	for tag, text := range m.Text {
		if _, err := language.Parse(tag); err != nil {
			return refuse("Text", "has %q, which is no BCP 47 tag", tag)
		}
		if len(paragraphs(text)) == 0 {
			return refuse("Text", "in %q is empty", tag)
		}
	}
	return nil
}

func (m Method) checkLists() error {
	for _, code := range m.Currencies {
		if !money.Valid(code) {
			return refuse("Currencies", "has %q, which is no currency of ISO 4217", code)
		}
	}
	for _, code := range m.Countries {
		if !countryRule.MatchString(code) {
			return refuse("Countries", "has %q, which is not two letters", code)
		}
	}
	return nil
}

// takes says whether the method is for so much money, wherever the buyer is.
func (m Method) takes(amount int64, currency string) bool {
	return amount >= max(m.Min, 1) && (m.Max == 0 || amount <= m.Max) && (len(m.Currencies) == 0 || slices.Contains(m.Currencies, currency))
}

func (m Method) fits(q checkout.MethodQuery) bool {
	return m.takes(q.Amount, q.Currency) && (len(m.Countries) == 0 || slices.Contains(m.Countries, q.Country))
}

// text gives the paragraphs in a locale, or in the language it is a form of, or in English.
func (m Method) text(locale string) []string {
	return paragraphs(inLocale(m.Text, locale, m.Text["en"]))
}

func (m Method) label(locale string) string { return inLocale(m.Labels, locale, m.Label) }

// inLocale finds the words of a locale, or of the language it is a form of.
func inLocale(words map[string]string, locale, otherwise string) string {
	tag := strings.ToLower(strings.ReplaceAll(locale, "_", "-"))
	for tag != "" {
		if found, ok := words[tag]; ok {
			return found
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	}
	return otherwise
}

// paragraphs cuts a text at its empty lines.
func paragraphs(text string) []string {
	var list []string
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			list = append(list, p)
		}
	}
	return list
}
