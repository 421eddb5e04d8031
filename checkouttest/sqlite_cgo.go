//go:build cgo

package checkouttest

import (
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

func memory(name string) gorm.Dialector {
	return sqlite.Open("file:" + name + "?mode=memory&cache=shared&_txlock=immediate&_foreign_keys=on")
}
