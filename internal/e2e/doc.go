// Package e2e holds the tests that need what the product itself does not: other routers, browsers, doubles of payment
// companies. It is a module of its own, so that the product's go.mod names only what the product uses. make test runs it.
package e2e
