// Package checkoutsmtp sends the checkout's mails over SMTP (RFC 5321), encrypted.
package checkoutsmtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
	"golang.org/x/net/idna"

	"github.com/jopay/checkout"
)

// TLS is how a connection is encrypted.
type TLS string

// The ways to encrypt. None is for a server on the same machine only.
const (
	STARTTLS TLS = "starttls" // required: a server that does not offer it gets nothing
	Implicit TLS = "implicit" // from the first byte, RFC 8314
	None     TLS = "none"
)

// Config names the mail server. Host is required.
type Config struct {
	Host string
	Port int // Defaults to 587, with Implicit to 465, with None to 25.

	Username, Password string // empty: no AUTH

	TLS TLS // Defaults to STARTTLS.

	// TLSConfig is for certificates of an authority of your own. Defaults to the system's.
	TLSConfig *tls.Config

	// Timeout is for one mail, with the time a server takes to look at it (RFC 5321 section 4.5.3.2.6). The checkout gives 60
	// seconds at most. Defaults to 55 seconds.
	Timeout time.Duration
}

// Mailer sends each mail over a connection of its own. It is safe for concurrent use.
type Mailer struct{ cfg Config }

var _ checkout.Mailer = (*Mailer)(nil)

// New checks cfg. It opens no connection: a server that is down must not keep a shop from starting.
func New(cfg Config) (*Mailer, error) {
	if cfg.TLS == "" {
		cfg.TLS = STARTTLS
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 55 * time.Second
	}
	ports := map[TLS]int{STARTTLS: 587, Implicit: 465, None: 25}
	if cfg.Port == 0 {
		cfg.Port = ports[cfg.TLS]
	}
	switch {
	case cfg.Host == "" || strings.ContainsFunc(cfg.Host, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, errors.New("checkoutsmtp: Config.Host: set the name of the mail server, like smtp.example.com")
	case ports[cfg.TLS] == 0:
		return nil, fmt.Errorf("checkoutsmtp: Config.TLS %q must be starttls, implicit or none", cfg.TLS)
	case cfg.TLS == None && !loopback(cfg.Host):
		return nil, fmt.Errorf("checkoutsmtp: Config.TLS none is for a server on this machine; %q is another: use starttls or implicit", cfg.Host)
	case cfg.Port < 1 || cfg.Port > 65535:
		return nil, fmt.Errorf("checkoutsmtp: Config.Port %d must be 1 to 65535", cfg.Port)
	case cfg.Timeout < time.Second || cfg.Timeout > 5*time.Minute:
		return nil, fmt.Errorf("checkoutsmtp: Config.Timeout %v must be 1 second to 5 minutes", cfg.Timeout)
	case (cfg.Username == "") != (cfg.Password == ""):
		return nil, errors.New("checkoutsmtp: Config.Username and Password belong together: set both or none")
	}
	if cfg.TLSConfig == nil {
		cfg.TLSConfig = &tls.Config{}
	}
	cfg.TLSConfig = cfg.TLSConfig.Clone()
	cfg.TLSConfig.MinVersion = max(cfg.TLSConfig.MinVersion, tls.VersionTLS12)
	if cfg.TLSConfig.ServerName == "" {
		cfg.TLSConfig.ServerName = cfg.Host
	}
	return &Mailer{cfg}, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// Send hands a mail to the server. Its errors are [checkout.MailError]: final where the server has refused this mail, not
// final where it could not be reached, did not encrypt or did not take the login or the sender, unknown where it gave no answer
// to the whole mail. Domains that are not ASCII are sent as A-labels (RFC 5890); a local part that is not takes a server with
// SMTPUTF8 (RFC 6531).
func (s *Mailer) Send(ctx context.Context, m checkout.Mail) error {
	msg, err := message(m)
	if err != nil {
		return &checkout.MailError{Reply: bounded(err.Error()), Permanent: true, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	client, err := s.client(ctx)
	if err == nil {
		err = hand(ctx, client, msg)
	}
	if msg.IsDelivered() { // what goes wrong afterwards, at RSET or QUIT, must not send it twice
		return nil
	}
	return s.failure(ctx, err)
}

// errNoUTF8 ends a mail that this server has no way to address.
var errNoUTF8 = errors.New("an address is not ASCII before its @, and the server does not take such (SMTPUTF8)")

func hand(ctx context.Context, client *gomail.Client, msg *gomail.Msg) error {
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("dial failed: %w", err)
	}
	defer func() { _ = client.CloseWithSMTPClient(server) }()
	if takes, _ := server.Extension("SMTPUTF8"); !takes && international(msg) {
		return errNoUTF8
	}
	return client.SendWithSMTPClient(server, msg)
}

// international tells whether an address of the mail needs SMTPUTF8, in the envelope or in a header.
func international(msg *gomail.Msg) bool {
	return slices.ContainsFunc(slices.Concat(msg.GetFrom(), msg.GetReplyTo(), msg.GetTo()), func(a *mail.Address) bool { return !ascii(a.Address) })
}

// client is a connection to be: it is closed when ctx ends, which the library does for the dialling only.
func (s *Mailer) client(ctx context.Context) (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.cfg.Port), gomail.WithTimeout(s.cfg.Timeout), gomail.WithTLSConfig(s.cfg.TLSConfig), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			return s.dial(ctx, dialing, network, address)
		}),
	}
	policy := gomail.NoTLS
	if s.cfg.TLS == STARTTLS {
		policy = gomail.TLSMandatory
	}
	options = append(options, gomail.WithTLSPolicy(policy))
	if s.cfg.TLS == Implicit {
		options = append(options, gomail.WithSSL())
	}
	switch {
	case s.cfg.Username == "":
	case s.cfg.TLS == STARTTLS:
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.cfg.Username), gomail.WithPassword(s.cfg.Password))
	default:
		options = append(options, gomail.WithSMTPAuthCustom(&login{cfg: s.cfg}))
	}
	return gomail.NewClient(s.cfg.Host, options...)
}

// login picks PLAIN or LOGIN. The library does not see that our own dialler encrypts, so that it would offer neither; with
// None the server is on this machine.
type login struct {
	smtp.Auth
	cfg Config
}

func (l *login) Start(server *smtp.ServerInfo) (mechanism string, first []byte, err error) {
	switch {
	case slices.Contains(server.Auth, "PLAIN"):
		l.Auth = smtp.PlainAuth("", l.cfg.Username, l.cfg.Password, l.cfg.Host, true)
	case slices.Contains(server.Auth, "LOGIN"):
		l.Auth = smtp.LoginAuth(l.cfg.Username, l.cfg.Password, l.cfg.Host, true)
	default:
		return "", nil, errors.New("the server offers neither PLAIN nor LOGIN")
	}
	return l.Auth.Start(server)
}

func (s *Mailer) dial(ctx, dialing context.Context, network, address string) (net.Conn, error) {
	line, err := (&net.Dialer{}).DialContext(dialing, network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = line.Close() })
	conn := &brief{Conn: line, left: answersMax}
	if s.cfg.TLS != Implicit {
		return conn, nil
	}
	secure := tls.Client(conn, s.cfg.TLSConfig)
	if err := secure.HandshakeContext(dialing); err != nil {
		return nil, errors.Join(err, line.Close())
	}
	return secure, nil
}

// answersMax is how many bytes a server may say in one mail's conversation: more fills our memory and tells nothing.
const answersMax = 1 << 20

var errTalkative = errors.New("the server says more than mail servers do")

// brief is a connection that reads so much and no more.
type brief struct {
	net.Conn
	left int
}

func (b *brief) Read(p []byte) (n int, err error) {
	if b.left <= 0 {
		return 0, errTalkative
	}
	n, err = b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// aboutUs are refusals that say nothing of the mail: the login is missing or wrong (RFC 4954 section 6), or comes too late.
var aboutUs = map[int]bool{503: true, 530: true, 534: true, 535: true, 538: true}

// failure reads the server's answer. Before the recipient it is about the connection, the login or the sender, which all mails
// have in common, also when it is 5xx: a person repairs that.
func (s *Mailer) failure(ctx context.Context, err error) error {
	f := &checkout.MailError{Reply: s.withoutPassword(err), Err: err}
	var sending *gomail.SendError
	var answer *textproto.Error
	switch {
	case errors.As(err, &sending) && sending.ErrorCode() != 0:
		f.Code = sending.ErrorCode()
		f.Permanent = f.Code >= 500 && !aboutUs[f.Code] && sending.Reason != gomail.ErrSMTPMailFrom
	case errors.As(err, &sending) && sending.Reason == gomail.ErrSMTPDataClose:
		f.Unknown, f.Reply = true, "no answer to the mail: "+f.Reply
	case errors.Is(err, errNoUTF8):
		f.Permanent = true
	case errors.As(err, &answer):
		f.Code = answer.Code
	case ctx.Err() != nil:
		f.Reply = "no answer in time: " + f.Reply
	}
	f.Reply = bounded(f.Reply)
	return f
}

// withoutPassword keeps the login out of what people read, whatever a server has said.
func (s *Mailer) withoutPassword(err error) string {
	text, _, _ := strings.Cut(err.Error(), ", affected ")
	user, password := s.cfg.Username, s.cfg.Password
	if user == "" {
		return text
	}
	for _, secret := range []string{encoded("\x00" + user + "\x00" + password), encoded(password), encoded(user), password, user} {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return echoRule.ReplaceAllString(text, "AUTH …")
}

func encoded(secret string) string { return base64.StdEncoding.EncodeToString([]byte(secret)) }

// echoRule finds a login that a server repeats, however it has cut it.
var echoRule = regexp.MustCompile(`(?i)\bAUTH\s+[A-Z0-9-]+\s+\S+`)

// bounded is what people can read of an answer.
func bounded(text string) string {
	if r := []rune(text); len(r) > 500 {
		return string(r[:499]) + "…"
	}
	return text
}

// message builds the mail (RFC 5322, 2045, 2387): the text, the HTML with its pictures, and the files.
func message(m checkout.Mail) (*gomail.Msg, error) {
	for _, header := range []string{m.ID, m.From, m.ReplyTo, m.To, m.Subject, m.Lang} {
		if strings.ContainsFunc(header, unicode.IsControl) {
			return nil, errors.New("a header of the mail has a line break in it")
		}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := addresses(msg, m); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	id, err := domainInASCII(m.ID)
	if err != nil || !ascii(id) { // it would become an encoded word, which no program finds again
		return nil, errors.New("the Message-ID is not ASCII")
	}
	msg.SetMessageIDWithValue(id)
	msg.SetDateWithValue(time.Now())
	msg.SetGenHeader("Content-Language", m.Lang)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")  // what Exchange reads instead
	msg.SetBodyString(gomail.TypeTextPlain, m.Text, gomail.WithPartEncoding(encoding(m.Text)))
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML, gomail.WithPartEncoding(encoding(m.HTML)))
	for _, a := range m.Attachments {
		if err := attach(msg, a); err != nil {
			return nil, err
		}
	}
	return msg, nil
}

// encoding is the smaller one: quoted-printable takes two bytes more for each byte that is not ASCII, base64 a third more of
// all. Arabic would be three times as large.
func encoding(text string) gomail.Encoding {
	other := 0
	for i := range len(text) {
		if text[i] >= 0x80 || text[i] == '=' {
			other++
		}
	}
	if 6*other > len(text) {
		return gomail.EncodingB64
	}
	return gomail.EncodingQP
}

func addresses(msg *gomail.Msg, m checkout.Mail) error {
	from, err := mailbox(m.From)
	if err != nil {
		return fmt.Errorf("the sender: %w", err)
	}
	to, err := mailbox(m.To)
	if err != nil {
		return errors.New("the recipient is no address")
	}
	msg.FromMailAddress(from)
	msg.ToMailAddress(&mail.Address{Address: to.Address})
	if m.ReplyTo == "" {
		return nil
	}
	reply, err := mailbox(m.ReplyTo)
	if err != nil {
		return fmt.Errorf("the reply address: %w", err)
	}
	msg.ReplyToMailAddress(reply)
	return nil
}

// mailbox reads an address (RFC 5322) and writes its domain as A-labels.
func mailbox(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, err
	}
	a.Address, err = domainInASCII(a.Address)
	return a, err
}

// domainInASCII writes what follows the last @ as A-labels (RFC 5891, lookup).
func domainInASCII(address string) (string, error) {
	at := strings.LastIndex(address, "@")
	if ascii(address[at+1:]) {
		return address, nil
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	return address[:at+1] + domain, err
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

func attach(msg *gomail.Msg, a checkout.Attachment) error {
	if strings.ContainsFunc(a.Name+a.Type+a.ID, unicode.IsControl) {
		return errors.New("an attachment's name has a line break in it")
	}
	options := []gomail.FileOption{gomail.WithFileContentType(gomail.ContentType(a.Type))}
	if a.ID == "" {
		return msg.AttachReader(a.Name, bytes.NewReader(a.Content), options...)
	}
	return msg.EmbedReader(a.Name, bytes.NewReader(a.Content), append(options, gomail.WithFileContentID(a.ID))...)
}
