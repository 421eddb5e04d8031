package stripefake

import "net/http"

const (
	invalidRequest = "invalid_request_error"
	cardError      = "card_error"
)

// apiError is an error in Stripe's shape.
type apiError struct {
	Status      int
	Type        string
	Code        string
	DeclineCode string
	Message     string
	Param       string
	Charge      string
	Method      string // the payment method that was tried
	Intent      map[string]any
}

func (e *apiError) object() map[string]any {
	o := map[string]any{"type": e.Type, "message": e.Message}
	for key, v := range map[string]string{"code": e.Code, "decline_code": e.DeclineCode, "param": e.Param, "charge": e.Charge} {
		if v != "" {
			o[key] = v
		}
	}
	if e.Code != "" {
		o["doc_url"] = "https://docs.stripe.com/error-codes#" + e.Code
	}
	if e.Method != "" {
		o["payment_method"] = map[string]any{
			"id": e.Method, "object": "payment_method", "type": "card", "created": 0, "livemode": false, "customer": nil, "metadata": map[string]any{},
			"billing_details": map[string]any{"address": nil, "email": nil, "name": nil, "phone": nil, "tax_id": nil},
		}
	}
	if e.Intent != nil {
		o["payment_intent"] = e.Intent
	}
	return o
}

func invalid(param, code, message string) *apiError {
	return &apiError{Status: http.StatusBadRequest, Type: invalidRequest, Code: code, Param: param, Message: message}
}

func missing(param string) *apiError {
	return invalid(param, "parameter_missing", "Missing required param: "+param+".")
}

// noSuch is an id of the path that is not known; in a form it is a bad parameter instead.
func noSuch(what, param, id string) *apiError {
	e := invalid(param, "resource_missing", "No such "+what+": '"+id+"'")
	e.Status = http.StatusNotFound
	return e
}
