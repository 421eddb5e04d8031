package checkout

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/migrations"
	"github.com/jopay/checkout/internal/sealed"
)

// Config is how a host sets the checkout up. Two fields are required; [New] fills the defaults into its own copy.
type Config struct {
	// DB is the host's database, on GORM's sqlite or postgres driver. Its settings do not matter: the checkout names its
	// own tables and columns and logs for itself. Required.
	DB *gorm.DB

	// BaseURL is where buyers reach the host from outside, like https://shop.example; http only for localhost and
	// private networks in development. A path is allowed when the host serves the checkout below one. Required.
	BaseURL string

	// Providers are the companies that move money, in the order buyers see them. Each is of one mode; test keys also have
	// the built-in sandbox, which stands last. Defaults to none: only test keys work.
	Providers []Provider

	// OnEvent runs inside the transaction that makes the event true, so that the host's order and the session commit
	// together or not at all. Use the tx it is given and nothing else of the database: another connection would wait
	// for this very transaction. An error rolls the change back and the fact is tried again; after five refusals the
	// payment is recorded without the hook, because the money has moved. Defaults to nothing.
	OnEvent func(ctx context.Context, tx *gorm.DB, e Event) error

	// Brand is what buyers read and receivers parse. Defaults to the host name of BaseURL and the header word JoPay.
	Brand Brand

	// Seller is printed at the foot of the page and on documents. Without all that an invoice needs, buyers get receipts.
	// Defaults to nothing.
	Seller Seller

	// Documents are the receipts and invoices of completed sessions. Defaults to one for each.
	Documents Documents

	// Printer makes the PDFs of documents; adapters/checkoutpdf is one. Defaults to none: documents are HTML and XML.
	Printer Printer

	// Mailer sends documents to buyers; adapters/checkoutsmtp is one. Defaults to none: documents are kept, not sent.
	Mailer Mailer

	// Mail is what every mail says of its sender. Required with a Mailer.
	Mail MailSettings

	// Templates are files that win over the page's own by name, parsed by New. Its folder locales has single texts
	// of its own, or further languages, a file for each. Defaults to none.
	Templates fs.FS

	// AllowedRedirects are the origins success_url and cancel_url may lead to. Defaults to any.
	AllowedRedirects []string

	// EmbedOrigins are the origins that may frame the page of a session that names them. Defaults to none.
	EmbedOrigins []string

	// WebhookAllowHosts are host names, addresses or CIDRs that webhooks may go to although they are private. Set it in
	// development only, to 127.0.0.0/8 for example. Defaults to none.
	WebhookAllowHosts []string

	// TrustedProxies are addresses or CIDRs whose X-Forwarded-For is believed. Defaults to none: the peer's address counts.
	TrustedProxies []string

	// APIPath, PagePath and AdminPath are where the handlers live, below BaseURL.
	// They default to /api/checkout/v1, /checkout and /admin/checkout.
	APIPath, PagePath, AdminPath string

	// TablePrefix stands before every table's name, literally; with PostgreSQL it may be a schema and a dot, like pay.
	// Defaults to checkout_.
	TablePrefix string

	// SessionTTL is how long a buyer has when the order does not say, one minute to 30 days. Defaults to 1 hour.
	SessionTTL time.Duration

	// FixedExpiry forbids buyers to ask for more time, for goods of which there are few. Without it a buyer may extend a
	// session by its own life, up to 24 hours after it was made (WCAG 2.2.1). Defaults to false.
	FixedExpiry bool

	// SecretKey signs the page's forms and encrypts webhook secrets in the database, at least 32 random bytes, the same
	// in every replica. Defaults to a key that is made once and kept in the database; webhook secrets are readable then.
	SecretKey []byte

	// OldSecretKeys still open what was encrypted with an earlier SecretKey. Nothing new is made with them. Defaults to
	// none.
	OldSecretKeys [][]byte

	// Logger gets the module's log, without secrets and personal data. Defaults to slog.Default().
	Logger *slog.Logger

	// HTTPClient sends the webhooks. Setting it gives up the guard against private addresses. Defaults to a guarded client.
	HTTPClient *http.Client

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Brand is how the checkout presents itself.
type Brand struct {
	Name       string // the shop, as buyers know it
	HeaderWord string // the vendor word in X-JoPay-Signature and its sisters: letters and digits

	// Submit is what the page's button does: pay for a contract that the shop has concluded, or order, which concludes it
	// here and needs the words the law asks for (§ 312j(3) BGB). Defaults to pay.
	Submit string

	// Logo stands in the page's header: PNG, JPEG, WebP or SVG of at most 64 KiB, served by the checkout itself. LogoDark takes its
	// place on dark backgrounds. Defaults to none: the name stands there.
	Logo, LogoDark []byte

	// Accent colours buttons, marks and the focus, like #10503d. Buttons have this very colour, with black or white text and a
	// rim where they need one; everything else is darkened or lightened as far as contrast asks (WCAG 2.2, 1.4.3 and 1.4.11),
	// in both colour schemes. Defaults to the page's green.
	Accent string

	// Radius of corners in CSS pixels, 1 to 24, or [Square]. Defaults to 10.
	Radius int
}

// Seller is who the buyer has a contract with. Documents are receipts until LegalName, Address and VATID or TaxNumber are
// there, and invoices from then on.
type Seller struct {
	LegalName                            string
	Address                              PostalAddress
	LegalNoticeURL, PrivacyURL, TermsURL string

	VATID     string // with its country prefix: DE123456789
	TaxNumber string // the national one, where there is no VATID
	Contact   string // whom to ask, a person or department
	Email     string
	Phone     string

	// SmallBusiness says that the seller charges no VAT as a small business (Directive 2006/112/EC Art. 284; § 19 UStG).
	// Items with a tax rate are refused then.
	SmallBusiness bool

	// TimeZone decides the day a document is issued on, and its year. Defaults to UTC.
	TimeZone *time.Location
}

// PostalAddress is where a seller can be reached; Country is ISO 3166-1 alpha-2.
type PostalAddress struct{ Line1, Line2, PostalCode, City, State, Country string }

// lines are the address as it is printed. The country is on documents only, in words.
func (a PostalAddress) lines() []string {
	list := []string{a.Line1, a.Line2, strings.TrimSpace(a.PostalCode + " " + a.City), a.State}
	return slices.DeleteFunc(list, func(line string) bool { return line == "" })
}

// Documents is how receipts, invoices and credit notes are made.
type Documents struct {
	Off    bool   // none are made; the host has its own
	Prefix string // before every number, at most 20 letters, digits, - and /. Defaults to none.

	// SimplifiedUpTo are gross amounts, in minor units by ISO 4217 code in lower case, up to which an invoice needs no buyer:
	// {"eur": 25000} in Germany (§ 33 UStDV). Defaults to none.
	SimplifiedUpTo map[string]int64
}

// MailSettings is the sender of all mails.
type MailSettings struct {
	From    string // "Acme Coffee <billing@acme.example>" or a bare address
	ReplyTo string // an address; empty for none

	// SendTest sends the mails of test mode too. Without it they are kept and shown in the admin.
	SendTest bool
}

// Checkout is the module, set up. It is safe for concurrent use.
type Checkout struct {
	cfg              Config
	base             string // BaseURL without a slash at the end
	origin           string // scheme://host[:port] of BaseURL
	basePath         string // path of BaseURL, without a slash at the end
	allowedRedirects []string
	embedOrigins     []string
	providers        map[string]Provider // of live mode, by name
	sandbox          *sandbox
	store            *store
	ring             *sealed.Ring // seals secrets with Config.SecretKey
	pages            *pages
	letters          *letters
	desk             *adminPages
	queries          *adminQuery
	senders          map[Mode]*http.Client
	csrf             *http.CrossOriginProtection
	clients          *clientAddresses
	limits           *limits
	shared           *shared
	inHostTx         bool // made by WithTx: the host's transaction decides, nothing may be retried or sent
}

// New checks cfg, parses the templates and gives a checkout that is ready to be mounted. It touches no table: the host
// calls [Migrate] when it wants to. The error names the field and says what to do.
func New(cfg Config) (*Checkout, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Checkout{cfg: cfg, shared: newShared()}
	for _, step := range []func() error{c.setUpURLs, c.setUpStore, c.setUpSecrets, c.setUpProviders, c.setUpPages, c.setUpSenders, c.setUpLimits} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c.queries = newAdminQuery(c.store)
	return c, nil
}

// Migrate creates and updates the tables below prefix (empty for the default, checkout_). It may be called at every
// start, by many processes at once; it never drops or rewrites anything.
func Migrate(ctx context.Context, db *gorm.DB, prefix string) error {
	if db == nil {
		return fmt.Errorf("checkout: Migrate: db is nil: hand over the *gorm.DB of the host")
	}
	if prefix == "" {
		prefix = defaultTablePrefix
	}
	if err := checkTablePrefix(prefix); err != nil {
		return err
	}
	return migrations.Migrate(ctx, db, prefix)
}

// Schema gives the SQL of all tables for a migration tool of the host's own. The dialect is sqlite or postgres, the
// prefix as in [Migrate].
func Schema(dialect, prefix string) (string, error) {
	if prefix == "" {
		prefix = defaultTablePrefix
	}
	if err := checkTablePrefix(prefix); err != nil {
		return "", err
	}
	return migrations.Schema(dialect, prefix)
}

// WithTx gives the same checkout inside a transaction of the host: what its verbs write commits and rolls back with tx.
// Webhooks leave after the commit. Use the result only while tx is open.
func (c *Checkout) WithTx(tx *gorm.DB) *Checkout {
	inside := *c
	inside.store = c.store.within(tx)
	inside.inHostTx = true
	return &inside
}

func (c *Checkout) now() time.Time { return c.cfg.Now().UTC() }
