package checkout

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Access is what a person may do in the admin. Each level has all of those before it.
type Access uint8

// The levels of access. The zero value is nobody's.
const (
	AccessNone    Access = iota
	AccessRead           // see everything but secrets
	AccessOperate        // refund, expire, confirm money, send webhooks and mails again
	AccessManage         // API keys, webhooks and their secrets
)

// Authorize tells who sends a request to the admin and what that person may do. It is the host's own login: read its
// session cookie, look its user up. It runs for every request, so that a right that is taken away counts at once. An error
// keeps everybody out and is logged; [LoginAt] sends people to the host's login instead.
type Authorize func(r *http.Request) (Actor, Access, error)

// LoginAt is an error of [Authorize]: the address of the host's login, absolute or from the root of the host. The admin
// adds nothing to it.
type LoginAt string

func (l LoginAt) Error() string { return "checkout: log in at " + string(l) }

// Admin is the handler of the admin at Config.AdminPath, with or without the prefix stripped. Nobody gets in whom authorize
// does not let in: with nil that is everybody. It works without scripts and sets no cookies.
func (c *Checkout) Admin(authorize Authorize) http.Handler {
	if authorize != nil {
		c.shared.authorize.Store(&authorize)
	}
	d := &door{base: c.basePath, path: c.cfg.AdminPath, routes: []route{routeOf("/assets/:name", map[string]handler{"GET": c.getAdminAsset})}}
	for _, r := range adminRoutes {
		d.routes = append(d.routes, r.route(c, authorize))
	}
	d.serve = func(w http.ResponseWriter, r *http.Request, h handler) {
		adminHeaders(w.Header())
		c.guarded(w, withRequestID(w, r), h, c.answerAdmin)
	}
	return d
}

// AdminPath is where [Checkout.Admin] is expected, below [Checkout.BaseURL].
func (c *Checkout) AdminPath() string { return c.cfg.AdminPath }

// AdminRoutes lists the addresses of the admin below [Checkout.AdminPath], with :name for parts.
func (c *Checkout) AdminRoutes() []string { return c.Admin(nil).(*door).patterns() }

// adminHandler answers a request of somebody who may ask.
type adminHandler func(a *adminCall) error

// adminRoute is an address of the admin: what each method does and the access it needs.
type adminRoute struct {
	pattern string // :mode stands first nearly everywhere: test or live
	get     adminHandler
	post    adminHandler
	needs   Access // of post; a get needs AccessRead
}

// adminRoutes are all screens and actions. A get changes nothing.
var adminRoutes = []adminRoute{
	{pattern: "/", get: (*adminCall).getRoot},
	{pattern: "/:mode", get: (*adminCall).getOverview},
	{pattern: "/:mode/payments", get: (*adminCall).getPayments},
	{pattern: "/:mode/payments.csv", get: (*adminCall).getPaymentsCSV},
	{pattern: "/:mode/payments/:id", get: (*adminCall).getPayment},
	{pattern: "/:mode/payments/:id/refund", get: (*adminCall).getRefundForm, post: (*adminCall).postRefundForm, needs: AccessOperate},
	{pattern: "/:mode/payments/:id/expire", get: (*adminCall).getExpire, post: (*adminCall).postExpire, needs: AccessOperate},
	{pattern: "/:mode/payments/:id/confirm", get: (*adminCall).getConfirm, post: (*adminCall).postConfirm, needs: AccessOperate},
	{pattern: "/:mode/refunds/:id/settle", get: (*adminCall).getSettle, post: (*adminCall).postSettle, needs: AccessOperate},
	{pattern: "/:mode/transfers", get: (*adminCall).getTransfers, post: (*adminCall).postTransfer, needs: AccessOperate},
	{pattern: "/:mode/transfers/:id/assign", get: (*adminCall).getTransferAgain, post: (*adminCall).postAssign, needs: AccessOperate},
	{pattern: "/:mode/transfers/:id/dismiss", get: (*adminCall).getTransferAgain, post: (*adminCall).postDismiss, needs: AccessOperate},
	{pattern: "/:mode/invoices", get: (*adminCall).getInvoices},
	{pattern: "/:mode/invoices.csv", get: (*adminCall).getInvoicesCSV},
	{pattern: "/:mode/invoices.zip", get: (*adminCall).getInvoicesZIP},
	{pattern: "/:mode/invoices/:id", get: (*adminCall).getInvoice},
	{pattern: "/:mode/invoices/:id/sheet", get: (*adminCall).getInvoiceSheet},
	{pattern: "/:mode/invoices/:id/pdf", get: (*adminCall).getInvoicePDF},
	{pattern: "/:mode/invoices/:id/xml", get: (*adminCall).getInvoiceXML},
	{pattern: "/:mode/invoices/:id/json", get: (*adminCall).getInvoiceJSON},
	{pattern: "/:mode/invoices/:id/send", get: (*adminCall).getInvoiceAgain, post: (*adminCall).postInvoiceSend, needs: AccessOperate},
	{pattern: "/:mode/mails", get: (*adminCall).getMails},
	{pattern: "/:mode/mails/:id", get: (*adminCall).getMail},
	{pattern: "/:mode/mails/:id/body", get: (*adminCall).getMailBody},
	{pattern: "/:mode/mails/:id/send", get: (*adminCall).getMailAgain, post: (*adminCall).postMailSend, needs: AccessOperate},
	{pattern: "/:mode/audit", get: (*adminCall).getAudit},
	{pattern: "/:mode/page-manifest.json", get: (*adminCall).getPageManifest},

	{pattern: "/:mode/settings/keys", get: (*adminCall).getKeys, post: (*adminCall).postKeys, needs: AccessManage},
	{pattern: "/:mode/settings/keys/:id", get: (*adminCall).getKey},
	{pattern: "/:mode/settings/keys/:id/roll", get: (*adminCall).getKeyAgain, post: (*adminCall).postKeyRoll, needs: AccessManage},
	{pattern: "/:mode/settings/keys/:id/revoke", get: (*adminCall).getKeyAgain, post: (*adminCall).postKeyRevoke, needs: AccessManage},
	{pattern: "/:mode/settings/webhook", get: (*adminCall).getWebhook},
	{pattern: "/:mode/settings/webhook/new", get: (*adminCall).getNewEndpoint, post: (*adminCall).postNewEndpoint, needs: AccessManage},
	{pattern: "/:mode/settings/webhook/:id", get: (*adminCall).getEndpoint, post: (*adminCall).postEndpoint, needs: AccessManage},
	{pattern: "/:mode/settings/webhook/:id/verify", get: (*adminCall).getEndpointVerify},
	{pattern: "/:mode/settings/webhook/:id/test", get: (*adminCall).getEndpointAgain, post: (*adminCall).postEndpointTest, needs: AccessOperate},
	{pattern: "/:mode/settings/webhook/:id/secret", get: (*adminCall).getEndpointAgain, post: (*adminCall).postEndpointSecret, needs: AccessManage},
	{pattern: "/:mode/settings/webhook/:id/enable", get: (*adminCall).getEndpointAgain, post: (*adminCall).postEndpointEnable, needs: AccessManage},
	{pattern: "/:mode/settings/webhook/:id/disable", get: (*adminCall).getEndpointDisable, post: (*adminCall).postEndpointDisable, needs: AccessManage},
	{pattern: "/:mode/settings/webhook/:id/delete", get: (*adminCall).getEndpointDelete, post: (*adminCall).postEndpointDelete, needs: AccessManage},
	{pattern: "/:mode/settings/webhook/:id/missed", get: (*adminCall).getEndpointMissed, post: (*adminCall).postEndpointMissed, needs: AccessOperate},
	{pattern: "/:mode/settings/business", get: (*adminCall).getBusiness},
	{pattern: "/:mode/settings/business/sheet", get: (*adminCall).getBusinessSheet},
	{pattern: "/:mode/settings/business/pdf", get: (*adminCall).getBusinessPDF},
	{pattern: "/:mode/settings/business/xml", get: (*adminCall).getBusinessXML},
	{pattern: "/:mode/settings/preview", get: (*adminCall).getPreviews},
	{pattern: "/:mode/deliveries", get: (*adminCall).getDeliveries},
	{pattern: "/:mode/deliveries/resend", get: (*adminCall).getResend, post: (*adminCall).postResend, needs: AccessOperate},
	{pattern: "/:mode/deliveries/:id", get: (*adminCall).getDelivery},
	{pattern: "/:mode/deliveries/:id/body", get: (*adminCall).getDeliveryBody},
	{pattern: "/:mode/deliveries/:id/resend", get: (*adminCall).getDeliveryAgain, post: (*adminCall).postDeliveryResend, needs: AccessOperate},
	{pattern: "/:mode/deliveries/:id/why", get: (*adminCall).getDeliveryAgain, post: (*adminCall).postDeliveryWhy, needs: AccessOperate},
}

func (ar adminRoute) route(c *Checkout, authorize Authorize) route {
	handlers := map[string]handler{}
	if ar.get != nil {
		handlers["GET"] = c.asAdmin(authorize, AccessRead, ar.get)
	}
	if ar.post != nil {
		handlers["POST"] = c.asAdmin(authorize, ar.needs, ar.post)
	}
	return routeOf(ar.pattern, handlers)
}

// adminCall is one request of a person to the admin.
type adminCall struct {
	*Checkout
	w      http.ResponseWriter
	r      *http.Request
	actor  Actor
	access Access
	mode   Mode
	lang   string
	form   url.Values // of a post
}

func (a *adminCall) ctx() context.Context { return a.r.Context() }

var errNoAccess = &Error{Status: http.StatusForbidden, Type: typePermission, Code: "access_denied", Message: "You may not do this here."}

// asAdmin lets a request through that its sender may make. A post must come from a page of our own.
func (c *Checkout) asAdmin(authorize Authorize, needs Access, h adminHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		actor, access, err := c.admit(authorize, r)
		if err != nil {
			return err
		}
		if access < needs || actor.ID == "" {
			return errNoAccess
		}
		a := &adminCall{Checkout: c, w: w, actor: actor, access: access, mode: Mode(r.PathValue("mode")), lang: c.adminLang(r)}
		if r.PathValue("mode") != "" && !a.mode.valid() {
			return ErrRouteUnknown
		}
		if r.Method == http.MethodPost {
			if a.form, err = c.postedForm(w, r); err != nil {
				return err
			}
		}
		a.r = cleanQuery(r.WithContext(ActingAs(r.Context(), actor)))
		return h(a)
	}
}

// cleanQuery replaces what no text of a database can hold, which PostgreSQL would refuse: nothing is like it then.
func cleanQuery(r *http.Request) *http.Request {
	q, dirty := r.URL.Query(), false
	for _, values := range q {
		for i, v := range values {
			values[i] = strings.ReplaceAll(strings.ToValidUTF8(v, "\ufffd"), "\x00", "\ufffd")
			dirty = dirty || values[i] != v
		}
	}
	if !dirty {
		return r
	}
	address := *r.URL
	address.RawQuery = q.Encode()
	r.URL = &address
	return r
}

// admit asks the host. Without an answer nobody gets in.
func (c *Checkout) admit(authorize Authorize, r *http.Request) (Actor, Access, error) {
	if authorize == nil {
		c.cfg.Logger.WarnContext(r.Context(), "checkout: nobody can open the admin: hand an Authorize function to Admin")
		return Actor{}, AccessNone, errNoAccess
	}
	actor, access, err := authorize(r)
	var login LoginAt
	switch {
	case errors.As(err, &login):
		return actor, access, errNoAccess.because(login)
	case err != nil:
		c.cfg.Logger.ErrorContext(r.Context(), "checkout: Authorize failed, so nobody got in", "request", requestID(r.Context()), "error", err)
		return actor, access, errNoAccess.because(err)
	case access > AccessNone && actor.ID == "":
		c.cfg.Logger.ErrorContext(r.Context(), "checkout: Authorize gave access to an actor without an ID, so nobody got in", "request", requestID(r.Context()))
		return actor, AccessNone, errNoAccess
	}
	return actor, access, nil
}

// may tells a template whether to offer an action.
func (a *adminCall) may(needs Access) bool { return a.access >= needs }

// adminHeaders is the profile of the admin's door: nothing is cached, framed or loaded from elsewhere.
func adminHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
}

// adminLang is the person's choice (?lang=) or the browser's.
func (c *Checkout) adminLang(r *http.Request) string {
	return c.desk.texts.match(shorten(r.URL.Query().Get("lang"), 35), shorten(r.Header.Get("Accept-Language"), 200))
}

// seeOther ends a post: the browser goes to a path below the admin's own mode, with a message for the next page.
func (a *adminCall) seeOther(path, done string) error {
	query := url.Values{}
	if done != "" {
		query.Set("done", done)
	}
	if lang := a.r.URL.Query().Get("lang"); lang != "" {
		query.Set("lang", shorten(lang, 35))
	}
	target := a.backTo(a.cfg.AdminPath, a.r) + string(a.mode) + path
	if len(query) > 0 {
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		target += mark + query.Encode()
	}
	return seeOther(a.w, target)
}

// getRoot is GET /: the mode there is more in.
func (a *adminCall) getRoot() error {
	a.mode = Test
	if live, _, err := a.Sessions(a.ctx(), SessionFilter{Mode: Live, Limit: 1}); err == nil && len(live) > 0 {
		a.mode = Live
	}
	return a.seeOther("", "")
}
