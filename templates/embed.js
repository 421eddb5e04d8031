// Shows the checkout in a shop's page. What it tells the shop is news, never proof of payment.
(() => {
  const doc = document, src = new URL(doc.currentScript.src), origin = src.origin;
  const base = origin + src.pathname.replace(/[^/]*$/, ""), shown = new Map();
  const make = (name, css, more) => {
    const element = doc.createElement(name);
    // Through the CSSOM, which policies allow.
    element.style.cssText = css;
    return Object.assign(element, more);
  };
  const idOf = (value, href = "") => (value || href.replace(base, "")).match(/^cs_\w+/)?.[0];

  const show = (host, id, dialog) => {
    const { lang, checkoutSandbox } = host.dataset, known = shown.get(host);
    (known?.dialog || known?.frame)?.remove();
    const frame = make("iframe", "display:block;width:100%;min-height:20rem;border:0", { title: "Checkout", allow: "payment *" });
    if (checkoutSandbox) frame.sandbox = checkoutSandbox;
    const it = { host, id, frame, dialog };
    // Also after the browser's own page for a lost connection.
    frame.onload = () => it.busy = false;
    frame.src = base + id + "?embed=1" + (lang ? "&lang=" + lang : "");
    shown.set(host, it);
    return it;
  };

  const tell = ({ host, id, dialog }, type, more) => host.dispatchEvent(new CustomEvent("checkout:" + type, {
    bubbles: true, cancelable: /^c/.test(type), detail: { id, ...more, close: () => dialog?.close() },
  }));
  const go = (url) => /^https?:/.test(url) && location.assign(url);
  const ask = (it, redirect) => it.busy || tell(it, "cancel", { redirect }) && (it.dialog ? it.dialog.close() : go(redirect));

  const scan = () => {
    for (const host of doc.querySelectorAll("[data-checkout]")) {
      const id = idOf(host.dataset.checkout);
      if (id && shown.get(host)?.id !== id) host.prepend(show(host, id).frame);
    }
    // What the page has thrown away.
    for (const [host, { dialog }] of shown) {
      if (host.isConnected || dialog?.open) continue;
      dialog?.remove();
      shown.delete(host);
    }
  };

  const open = (host, id) => {
    const dialog = make("dialog", "width:32rem;max-width:100%;max-height:calc(100dvh - var(--r)*2);--r:clamp(0px,(100vw - 32rem)*9,14px);border-radius:var(--r);margin:auto;padding:0;border:0;overflow:auto;background:Canvas;color:CanvasText;color-scheme:light dark");
    const it = show(host, id, dialog);
    it.button = make("button", "display:block;position:sticky;top:0;width:44px;height:44px;margin-inline-start:auto;padding:0;border:0;background:Canvas;color:CanvasText;font-size:28px", { type: "button", textContent: "×", ariaLabel: "Close", onclick: () => ask(it) });
    dialog.ariaLabel = it.frame.title;
    dialog.append(it.button, it.frame);
    dialog.oncancel = (event) => {
      event.preventDefault();
      ask(it);
    };
    dialog.onclose = () => {
      // Browsers let a second Esc through.
      if (it.busy) return enter(it);
      doc.documentElement.style.overflow = "";
      host.focus();
    };
    doc.body.append(dialog);
    return it;
  };
  const enter = ({ dialog, frame }) => {
    doc.documentElement.style.overflow = "hidden";
    dialog.showModal();
    frame.focus();
  };
  addEventListener("click", (event) => {
    const host = event.target.closest?.("[data-checkout-open]"), id = host && idOf(host.dataset.checkoutOpen, host.href);
    if (!id || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const known = shown.get(host);
    enter(known?.id === id ? known : open(host, id));
  });

  const hear = (it, type, { title, lang, close, state, height, redirect }) => {
    const { host, frame, dialog, button } = it;
    if (type === "cancel") return ask(it, redirect);
    if (type === "ready") {
      // What was paid before this page was opened must not lead on by itself.
      it.done ??= state === "completed";
      frame.title = title;
      frame.lang = lang;
      if (dialog) dialog.ariaLabel = title, button.ariaLabel = close;
      else for (const other of host.children) other.hidden = other !== frame;
      frame.contentWindow.postMessage({ type: "checkout.host", v: 1, dialog: !!dialog }, origin);
    }
    if (type === "resize") frame.style.height = Math.min(height, 1e5) + "px";
    else it.busy = type === "submitting";
    if (tell(it, type, { state, height, redirect }) && type === "completed" && !it.done) {
      it.done = true;
      go(redirect);
    }
  };
  addEventListener("message", ({ origin: from, source, data }) => {
    const type = from === origin && source && data?.v === 1 && /^checkout\.(ready|resize|submitting|failed|completed|cancel|expired)$/.exec(data.type)?.[1];
    for (const it of shown.values()) if (type && it.frame.contentWindow === source && it.id === data.id) hear(it, type, data);
  });

  new MutationObserver(scan).observe(doc, { childList: true, subtree: true, attributeFilter: ["data-checkout"] });
  scan();
})();
