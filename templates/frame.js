// In a shop's frame: the origin that the order names hears what happens, and nobody else.
(() => {
  const doc = document, body = doc.body, { frame, id, news, redirect, state, close } = body.dataset;
  const tell = (type, more) => parent.postMessage({ type: "checkout." + type, v: 1, id, ...more }, frame);
  if (parent === window) return;

  let loader; // what it says of itself; without one, links are links
  addEventListener("message", ({ origin, source, data }) => {
    if (origin === frame && source === parent && data?.type === "checkout.host") loader = data;
  });
  addEventListener("keydown", ({ key }) => key === "Escape" && loader?.dialog && tell("cancel"));
  addEventListener("click", (event) => {
    const link = loader && event.target.closest("[data-cancel]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    tell("cancel", { redirect: link.href });
  });

  // Every form, a provider's too, says while it is being sent.
  new MutationObserver(([{ target }]) => tell(target.ariaBusy === "true" ? "submitting" : "failed"))
    .observe(body, { subtree: true, attributeFilter: ["aria-busy"] });
  new ResizeObserver(() => tell("resize", { height: Math.ceil(body.getBoundingClientRect().height) })).observe(body);

  tell("ready", { state, title: doc.title, close });
  if (news) tell(news, { redirect });
  // Browsers keep autofocus from frames of another origin. After a form the focus is here already.
  if (doc.hasFocus()) doc.querySelector("[autofocus]")?.focus();
})();
