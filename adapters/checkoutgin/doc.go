// Package checkoutgin mounts the checkout in a gin app.
//
//	co, err := checkout.New(checkout.Config{DB: db, BaseURL: "https://shop.example"})
//	r := gin.Default()          // already there in the host
//	checkoutgin.Mount(r, co)    // POST /api/checkout/v1/sessions, GET /checkout/cs_…
//	go co.Run(ctx)              // webhooks, expiry
//
// Every address is a route of its own in gin: c.FullPath, middleware and metrics tell them apart, and the host's own routes
// may stand between them, like GET /checkout/shipping. The answers are those of the checkout under net/http, byte for byte.
//
// A group works as well when its path is that of BaseURL: with https://shop.example/pay it is r.Group("/pay"), and its
// middleware runs before the checkout. Keep middleware that asks for a login off these routes: buyers have none, and the
// API checks its own keys.
//
// The admin is mounted by itself, on a group that has the host's login in front of it: see [Admin].
//
// Hooks reach the *gin.Context of the request that caused them:
//
//	OnEvent: func(ctx context.Context, tx *gorm.DB, e checkout.Event) error {
//		if c, ok := checkoutgin.FromContext(ctx); ok {
//			log.Print(c.FullPath(), c.GetString("request_id"))
//		}
//		return orders.Paid(tx, e)
//	}
package checkoutgin
