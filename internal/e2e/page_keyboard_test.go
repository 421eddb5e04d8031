package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// keyCodes are the Windows codes of keys that do something by themselves.
var keyCodes = map[string]int64{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowDown": 40}

// press types one key as a keyboard does; shift as well, where back is set.
func (b *tab) press(key string, back ...bool) {
	b.t.Helper()
	text, modifiers := "", int64(0)
	if key == "Enter" {
		text = "\r"
	}
	if key == " " {
		text = " "
	}
	if len(back) > 0 && back[0] {
		modifiers = 8
	}
	b.limited("press "+key, chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		for _, kind := range []input.DispatchKeyEventType{"keyDown", "keyUp"} {
			_, err := cdp.Call(ctx, s, input.DispatchKeyEvent, input.DispatchKeyEventParams{
				Type: kind, Key: key, Code: strings.Replace(key, " ", "Space", 1), Text: text, Modifiers: modifiers, WindowsVirtualKeyCode: keyCodes[key],
			})
			if err != nil {
				return err
			}
			text = ""
		}
		return nil
	}))
}

// here names what has the focus, for people.
const here = `(e => !e || e === document.body ? "page" : e.id ? "#" + e.id : e.tagName === "BUTTON" && !e.name ? "button" : e.name && e.value !== undefined && e.tagName === "BUTTON" ? e.name + "=" + e.value :
	e.className && e.tagName !== "A" ? e.tagName.toLowerCase() + "." + e.className.split(" ")[0] : e.tagName.toLowerCase() === "summary" ? "summary in ." + (e.parentNode.className || e.closest("aside")?.className) :
	e.className ? "a." + e.className.split(" ")[0] : "a in " + (e.closest("footer, .after, .langs, header")?.className || e.closest("footer, header")?.tagName.toLowerCase()))(document.activeElement)`

// stops are what the Tab key comes to until it leaves the page.
func (b *tab) stops() (list []string) {
	b.t.Helper()
	for range 60 {
		b.press("Tab")
		at := evaluate[string](b, here)
		if at == "page" {
			return list
		}
		list = append(list, at)
		b.outlined(at)
	}
	b.t.Errorf("the Tab key never leaves the page: %v", list)
	return list
}

// outlined holds what has the focus to a ring of 3 pixels, on the screen and not under anything.
func (b *tab) outlined(at string) {
	b.t.Helper()
	const look = `(e => {
		const seen = e.matches("input[type=radio]") || e.matches(":focus-visible"), style = getComputedStyle(e), box = e.getBoundingClientRect();
		const x = box.left + box.width / 2, y = box.top + box.height / 2, top = document.elementFromPoint(x, y);
		const covered = top && !(e === top || e.contains(top) || top.contains(e));
		return [seen, parseFloat(style.outlineWidth) >= 3 && style.outlineStyle !== "none", box.width > 0 && y >= 0 && y <= innerHeight && !covered].join(" ");
	})(document.activeElement)`
	if got := evaluate[string](b, look); got != "true true true" {
		b.t.Errorf("the focus at %s is marked %s (seen, ring, on top)", at, got)
	}
}

// The order of the Tab key is the order of reading, and every stop can be seen.
func TestPageKeyboardOrder(t *testing.T) {
	t.Parallel()
	proves(t, "1.3.2", "2.1.2", "2.4.3", "2.4.7", "2.4.11", "3.2.1")
	s, _ := openPreviews(t)
	for look, want := range map[string][]string{
		"open":            {"summary in .ribbon", "a.back", "summary in .langs", "#card_number", "#card_exp", "#card_cvc", "action=pay", "a in after", "a in footer", "a in footer", "a in footer"},
		"open_methods":    {"summary in .ribbon", "a.back", "summary in .langs", "#method-test_card", "#card_number", "#card_exp", "#card_cvc", "action=pay", "a in after", "a in footer", "a in footer", "a in footer"},
		"open_email":      {"summary in .ribbon", "a.back", "summary in .langs", "#email", "#card_number", "#card_exp", "#card_cvc", "action=pay", "a in after", "a in footer", "a in footer", "a in footer"},
		"open_hundred":    {"summary in .ribbon", "a.back", "summary in .langs", "summary in .more", "#card_number", "#card_exp", "#card_cvc", "action=pay", "a in after", "a in footer", "a in footer", "a in footer"},
		"open_ending":     {"summary in .ribbon", "a.back", "summary in .langs", "#card_number", "#card_exp", "#card_cvc", "action=pay", "action=extend", "a in after", "a in footer", "a in footer", "a in footer"},
		"requires_action": {"a.back", "summary in .langs", "a.button", "action=abandon", "a in footer", "a in footer", "a in footer"},
		"processing":      {"a.back", "summary in .langs", "a.button", "a in footer", "a in footer", "a in footer"},
		"completed":       {"summary in .langs", "a.button", "a in footer", "a in footer", "a in footer"},
		"expired":         {"a.back", "summary in .langs", "a.button", "a in footer", "a in footer", "a in footer"},
		"test_bank":       {"answer=approve", "answer=refuse", "a in footer", "a in footer", "a in footer"},
		"instructions":    {"a.back", "summary in .langs", "button", "button", "button", "a.button", "action=abandon", "a in footer", "a in footer", "a in footer"},
	} {
		t.Run(look, func(t *testing.T) {
			t.Parallel()
			axeTabs <- struct{}{}
			t.Cleanup(func() { <-axeTabs })
			b := openTab(t)
			b.open(s.preview(look, "en"))
			if got := b.stops(); !slices.Equal(got, want) {
				t.Errorf("stops are\n%q, want\n%q", got, want)
			}
		})
	}
}

// A whole purchase without a mouse: choose, fill in, be refused, correct, pay.
func TestPageIsPaidByKeyboard(t *testing.T) {
	t.Parallel()
	proves(t, "2.1.1", "3.3.7")
	eachBrowser(t, func(t *testing.T, b *tab) {
		s := openStore(t)
		order := s.order()
		b.open(order.CheckoutURL)
		b.focusOn("#card_number")
		b.enter("#card_number", "4000000000000002")
		b.enter("#card_exp", "12/34")
		b.enter("#card_cvc", "123")
		b.press("Enter")
		b.read("You have not been charged")
		b.until("focus on what went wrong", `document.activeElement.classList.contains("alert")`)
		b.focusOn("#card_number")
		b.enter("#card_number", "4242424242424242")
		b.enter("#card_exp", "12/34")
		b.enter("#card_cvc", "123")
		b.press("Enter")
		b.at(s.thanks(order))
	})
}

// focusOn goes on with the Tab key until it is there.
func (b *tab) focusOn(selector string) {
	b.t.Helper()
	for range 30 {
		if evaluate[bool](b, `document.activeElement.matches(`+quote(selector)+`)`) {
			return
		}
		b.press("Tab")
	}
	b.t.Fatalf("the Tab key does not come to %s", selector)
}

// What is wrong is told first, in the title, in a summary that has the focus and leads to the fields, and at the fields.
func TestPageErrorSummary(t *testing.T) {
	t.Parallel()
	proves(t, "3.3.1", "3.3.3")
	s, _ := openPreviews(t)
	eachBrowser(t, func(t *testing.T, b *tab) {
		b.open(s.preview("open_errors", "en"))
		b.until("focus on the summary", `document.activeElement.classList.contains("alert")`)
		if title := evaluate[string](b, `document.title`); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("the title is %q", title)
		}
		const same = `[...document.querySelectorAll(".alert a")].map(a => [a.innerText, document.querySelector(a.hash + "-error").innerText,
			document.querySelector(a.hash).getAttribute("aria-invalid"), document.querySelector(a.hash).getAttribute("aria-describedby").split(" ").every(id => document.getElementById(id))].join("|")).join("\n")`
		said := strings.Split(evaluate[string](b, same), "\n")
		if len(said) != 4 {
			t.Fatalf("the summary says %q", said)
		}
		for _, line := range said {
			parts := strings.Split(line, "|")
			if parts[0] == "" || parts[0] != parts[1] || parts[2] != "true" || parts[3] != "true" {
				t.Errorf("summary, field, invalid and described are %q", parts)
			}
		}
		b.press("Tab")
		b.press("Enter")
		b.until("come to the field", `document.activeElement.id === "email"`)
	})
}

func TestPageRadiosAndDetailsByKeyboard(t *testing.T) {
	t.Parallel()
	proves(t, "2.1.1", "3.2.2")
	s, _ := openPreviews(t)
	b := openTab(t)
	b.open(s.preview("open_methods", "en"))
	b.focusOn("#method-test_card")
	b.press("ArrowDown")
	b.until("choose the next method", `document.activeElement.id === "method-bank_transfer" && document.activeElement.checked`)
	b.gone("#card_number")
	b.open(s.preview("open_hundred", "en"))
	b.focusOn(".more summary")
	b.press(" ")
	b.until("open the rest", `document.querySelector(".more").open`)
}
