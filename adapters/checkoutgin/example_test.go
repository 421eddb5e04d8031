package checkoutgin_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/gin-gonic/gin"
	"github.com/glebarez/sqlite"
	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/adapters/checkoutgin"
)

func ExampleMount() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{}) // the host's own
	if err != nil {
		panic(err)
	}
	pool, err := db.DB()
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	if err := checkout.Migrate(context.Background(), db, ""); err != nil {
		panic(err)
	}
	co, err := checkout.New(checkout.Config{DB: db, BaseURL: "https://shop.example/pay"})
	if err != nil {
		panic(err)
	}

	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	checkoutgin.Mount(r.Group("/pay"), co)
	r.GET("/pay/checkout/shipping", func(c *gin.Context) { c.String(200, "a page of the host") })

	for _, path := range []string{"/pay/api/checkout/v1/health", "/pay/checkout/shipping"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"status":"ok"}
	// 200 a page of the host
}
