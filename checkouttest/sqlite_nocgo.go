//go:build !cgo

package checkouttest

import (
	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
)

func memory(name string) gorm.Dialector {
	return sqlite.Open("file:" + name + "?mode=memory&cache=shared&_txlock=immediate&_pragma=foreign_keys(1)")
}
