// In a shop's frame: the origin that the order names hears what happens, and nobody else.
if (parent !== window) {
  const body = document.body, { frame, id, news, redirect, state, close } = body.dataset;
  const tell = (type, more) => parent.postMessage({ type: "checkout." + type, v: 1, id, ...more }, frame);

  // Without a loader, links are links.
  let loader;
  addEventListener("message", ({ origin, source, data }) => {
    if (origin === frame && source === parent && data?.type === "checkout.host") loader = data;
  });
  addEventListener("keydown", ({ key }) => key === "Escape" && loader?.dialog && tell("cancel"));
  addEventListener("click", (event) => {
    const link = loader && event.target.closest("[data-cancel]");
    if (!link) return;
    event.preventDefault();
    tell("cancel", { redirect: link.href });
  });

  // Every form says while it is being sent, a provider's too.
  new MutationObserver(([{ target }]) => tell(target.ariaBusy === "true" ? "submitting" : "failed"))
    .observe(body, { subtree: true, attributeFilter: ["aria-busy"] });
  new ResizeObserver(([{ contentRect }]) => tell("resize", { height: Math.ceil(contentRect.height) })).observe(body);

  tell("ready", { state, title: document.title, lang: document.documentElement.lang, close });
  if (news) tell(news, { redirect });
  // A frame of another origin gets no autofocus. After a form the focus is here already.
  if (document.hasFocus()) document.querySelector(".alert")?.focus();
}
