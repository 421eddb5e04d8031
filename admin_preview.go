package checkout

import "net/http"

// previewScreen lists what the page can look like, with a link for each language.
type previewScreen struct {
	Looks []previewLook
	Langs []string
	Page  string // the address of the previews
}

// getPreviews is GET /test/settings/preview: all looks of the page. There is one page for both modes, so that live mode has none.
func (a *adminCall) getPreviews() error {
	if a.mode != Test {
		return ErrRouteUnknown
	}
	return a.show(http.StatusOK, "preview", "preview", previewScreen{previewLooks, a.pages.texts.tags, a.base + a.cfg.PagePath + "/" + previewPath})
}
