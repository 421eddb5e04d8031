package checkouttest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
	"github.com/jopay/checkout/webhook"
)

func ExampleNew() {
	t := inExample()
	defer t.end()

	shop := checkouttest.New(t)
	order := shop.CreateSession(checkout.SessionParams{ClientReferenceID: "FC-1001"})
	paid := shop.Pay(order.ID, checkouttest.CardPays)

	fmt.Println(paid.Status, paid.AmountCents, paid.Currency)
	fmt.Println(shop.Events())
	// Output:
	// completed 2500 eur
	// [checkout.session.created checkout.session.completed]
}

func ExampleShop_Advance() {
	t := inExample()
	defer t.end()

	shop := checkouttest.New(t)
	order := shop.CreateSession(checkout.SessionParams{ExpiresIn: 30 * time.Minute})
	shop.Advance(29 * time.Minute)
	fmt.Println(shop.Session(order.ID).Status)
	shop.Advance(time.Minute)
	fmt.Println(shop.Session(order.ID).Status)
	// Output:
	// pending
	// expired
}

func ExampleShop_Receive() {
	t := inExample()
	defer t.end()

	shop := checkouttest.New(t)
	shop.Receive(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := webhook.Read(r, shop.WebhookSecret(), webhook.WithClock(shop.Now))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Println("the host hears", e.Type)
	}))
	shop.Chaos(checkouttest.Chaos{Twice: true})
	shop.CreateSession(checkout.SessionParams{})
	// Output:
	// the host hears checkout.session.created
	// the host hears checkout.session.created
}

func ExampleProvider() {
	t := inExample()
	defer t.end()

	company := checkouttest.NewProvider("acme")
	shop := checkouttest.New(t, checkouttest.WithProvider(company))
	order := shop.CreateSession(checkout.SessionParams{Mode: checkout.Live})
	company.Next(checkouttest.Succeed().LoseAnswer()) // the money moves, and nobody knows

	fmt.Println(shop.Pay(order.ID, checkouttest.NoCard).PaymentStatus)
	shop.Advance(time.Minute)
	fmt.Println(shop.Session(order.ID).PaymentStatus, company.Balance(order.ID))
	// Output:
	// processing
	// paid 2500
}

func ExampleTestProvider() {
	test := func(t *testing.T) {
		checkouttest.TestProvider(t, func(*testing.T) checkouttest.Subject {
			company := checkouttest.NewProvider("acme") // yours: the adapter, and a fake of its company
			return checkouttest.Subject{
				Provider: company,
				Livemode: true,
				Prepare: func(a checkouttest.Answer, _ *checkout.BeginRequest) bool {
					switch a {
					case checkouttest.AnswerSucceeds:
						company.Next(checkouttest.Succeed())
					case checkouttest.AnswerUnreachable:
						company.Next(checkouttest.Unreachable())
					default:
						return false // left out, and printed
					}
					return true
				},
			}
		})
	}
	_ = test // go test calls it
}

// exampleT stands for the *testing.T that examples do not get.
type exampleT struct {
	testing.TB
	ctx  context.Context
	ends []func()
}

func inExample() *exampleT {
	ctx, cancel := context.WithCancel(context.Background())
	return &exampleT{ctx: ctx, ends: []func(){cancel}}
}

func (e *exampleT) Helper()                  {}
func (e *exampleT) Context() context.Context { return e.ctx }
func (e *exampleT) Cleanup(f func())         { e.ends = append(e.ends, f) }
func (e *exampleT) Logf(f string, a ...any)  { fmt.Fprintf(os.Stderr, f+"\n", a...) }
func (e *exampleT) Fatalf(f string, a ...any) {
	panic(fmt.Sprintf(f, a...))
}

func (e *exampleT) end() {
	for _, f := range e.ends {
		f()
	}
}

func serve(h http.Handler, address string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
	return w
}
