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

// contrasts are functions of the page that tell how far two computed colours are apart, as WCAG 2.2 reckons it.
const contrasts = `
	const parts = colour => { const n = colour.match(/[\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1] };
	const light = colour => { const [r, g, b] = parts(colour).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
	const ratio = (a, b) => { const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y); return (bright + .05) / (dark + .05) };
	const ground = e => { while (e && parts(getComputedStyle(e).backgroundColor)[3] < 1) e = e.parentElement; return e ? getComputedStyle(e).backgroundColor : "rgb(255, 255, 255)" };`

// outlined holds what has the focus to a ring of 3 pixels that stands out 3:1 from what is around it, on the screen and not
// under anything.
func (b *tab) outlined(at string) {
	b.t.Helper()
	const look = `(() => {` + contrasts + `
		const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect(), wrong = [];
		if (!e.matches(":focus-visible")) wrong.push("not marked");
		if (!(parseFloat(style.outlineWidth) >= 3 && style.outlineStyle === "solid")) wrong.push("ring of " + style.outline);
		const grounds = [ground(e.parentElement), ...parseFloat(style.outlineOffset) < 0 ? [ground(e)] : []];
		for (const colour of grounds) if (ratio(style.outlineColor, colour) < 3) wrong.push("contrast " + ratio(style.outlineColor, colour).toFixed(2) + " with " + colour);
		const x = box.left + box.width / 2, y = box.top + box.height / 2, top = document.elementFromPoint(x, y);
		if (!(box.width > 0 && y >= 0 && y <= innerHeight)) wrong.push("off the screen");
		if (top && !(e === top || e.contains(top) || top.contains(e))) wrong.push("under " + top.outerHTML.slice(0, 80));
		return wrong.join(", ");
	})()`
	if wrong := evaluate[string](b, look); wrong != "" {
		b.t.Errorf("the focus at %s: %s", at, wrong)
	}
}

// The order of the Tab key is the order of reading, and every stop can be seen.
func TestPageKeyboardOrder(t *testing.T) {
	t.Parallel()
	proves(t, "2.4.3", "3.2.1")
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
			takeTurn(t)
			b := openTab(t)
			b.open(s.preview(look, "en"))
			if got := b.stops(); !slices.Equal(got, want) {
				t.Errorf("stops are\n%q, want\n%q", got, want)
			}
		})
	}
}

// tabStops are all things that can be used, in the order in which they stand; of a group of radio buttons the chosen one.
const tabStops = `window.tabStops = [...document.querySelectorAll("a[href], button, input, select, summary, iframe")].filter(e =>
	e.type !== "hidden" && e.checkVisibility({visibilityProperty: true}) && !(e.type === "radio" && !e.checked && document.querySelector("[name=" + e.name + "]:checked"))), window.tabStops.length`

// In every state the Tab key comes to everything there is, downwards and in order, leaves the page, and comes back the same
// way; and each stop can be seen, in light and in dark colours.
func TestPageKeyboardComesToEverything(t *testing.T) {
	t.Parallel()
	proves(t, "1.3.2", "2.1.1", "2.1.2", "2.4.3", "2.4.7", "2.4.11")
	s, states := openPreviews(t)
	for i, state := range states {
		t.Run(state, func(t *testing.T) {
			takeTurn(t)
			b := openTab(t)
			b.size(390, 844)
			b.scheme(i%2 == 1)
			b.open(s.preview(state, []string{"en", "ar"}[i/2%2]))
			count := evaluate[int](b, tabStops)
			from := evaluate[int](b, `tabStops.findIndex(e => document.activeElement === document.body || document.activeElement.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)`)
			b.walk(from, count, false)
			b.walk(0, count, true)
			conformance.hold("Tab key forwards and backwards: nothing left out, no trap, a ring of 3 pixels and 3:1 at each stop", state)
		})
	}
}

// walk presses Tab through tabStops, backwards from the last, and once more to leave the page.
func (b *tab) walk(from, to int, backwards bool) {
	b.t.Helper()
	const where = `(e => { const stop = tabStops.indexOf(e), before = tabStops[stop - 1]?.getBoundingClientRect();
		return e === document.body ? -1 : before && e.getBoundingClientRect().bottom < before.top ? -2 : stop === -1 ? -3 : stop })(document.activeElement)`
	for i := from; i < to; i++ {
		want := i
		if backwards {
			want = to - 1 - i
		}
		b.press("Tab", backwards)
		if got := evaluate[int](b, where); got != want {
			b.t.Fatalf("stop %d of %d (backwards: %t) is %d: %s", want, to, backwards, got, evaluate[string](b, here))
		}
		b.outlined(evaluate[string](b, here))
	}
	b.press("Tab", backwards)
	// Without a window around it the page follows upon itself; in a window the browser's own controls come in between.
	if got := evaluate[int](b, where); got != -1 && !(backwards && got == to-1) {
		b.t.Errorf("after the last stop the focus is at %d (backwards: %t)", got, backwards)
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
		for _, field := range []string{"email", "card_number", "card_exp", "card_cvc"} {
			b.focusOn(`.alert a[href="#` + field + `"]`)
			b.press("Enter")
			b.until("come to the field "+field, `document.activeElement.id === `+quote(field))
			b.outlined(field)
			evaluate[any](b, `document.querySelector(".alert").focus()`)
		}
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
	b.press("Enter")
	b.until("close it again", `!document.querySelector(".more").open`)
}

// A click that is moved off the button before it is let go does nothing.
func TestPagePointerCanBeTakenBack(t *testing.T) {
	t.Parallel()
	proves(t, "2.5.2")
	eachBrowser(t, func(t *testing.T, b *tab) {
		s := openStore(t)
		order := s.order()
		b.open(order.CheckoutURL)
		b.fill(goodCard)
		at := evaluate[[]float64](b, `(r => [r.x + 20, r.y + 20])(document.querySelector("button[value=pay]").getBoundingClientRect())`)
		b.mouse("mousePressed", at[0], at[1])
		b.mouse("mouseMoved", 5, 300)
		b.mouse("mouseReleased", 5, 300)
		if got := evaluate[string](b, "("+shows+`) + " " + document.querySelector("form").ariaBusy`); got != "open null" {
			t.Errorf("it is %s", got)
		}
		b.mouse("mousePressed", at[0], at[1])
		b.mouse("mouseReleased", at[0], at[1])
		b.at(s.thanks(order))
	})
}

func (b *tab) mouse(kind input.DispatchMouseEventType, x, y float64) {
	b.t.Helper()
	b.limited(string(kind), chromedp.Func(func(ctx context.Context, s *chromedp.Target) error {
		_, err := cdp.Call(ctx, s, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: "left", ClickCount: 1})
		return err
	}))
}
