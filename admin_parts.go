package checkout

import "net/url"

// pathID is the object of the path as a link can carry it.
func (a *adminCall) pathID() string { return url.PathEscape(a.r.PathValue("id")) }
