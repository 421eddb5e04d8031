// Package checkout is a checkout that lives in a Go team's own server and own database.
package checkout
