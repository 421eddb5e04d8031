"use strict";
(() => {
  const form = document.querySelector("form.embed[data-client]");
  if (!form || !window.Stripe) return;
  const client = JSON.parse(form.dataset.client);
  const back = new URL(form.dataset.return, location.href).href;
  const button = form.querySelector("button");
  const problem = form.querySelector(".error");
  const style = (element) => getComputedStyle(element || document.body);

  // The fields are drawn in the page's own colours; a transparent one says nothing.
  const variables = { colorText: style(form).color, fontFamily: style(form).fontFamily, borderRadius: style(button).borderRadius };
  const paint = (name, color) => {
    if (!/^rgba\(.*, 0\)$/.test(color)) variables[name] = color;
  };
  paint("colorBackground", style(form.closest(".panel")).backgroundColor);
  paint("colorPrimary", style(button).backgroundColor);

  const stripe = window.Stripe(client.key, { locale: client.locale || document.documentElement.lang || "auto" });
  const elements = stripe.elements({
    clientSecret: client.secret,
    appearance: { theme: matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe", variables },
  });
  const fields = elements.create("payment");

  let busy = false;
  const setBusy = (on, message) => {
    busy = on;
    button.ariaDisabled = String(on);
    form.ariaBusy = String(on);
    problem.textContent = message || "";
  };

  fields.on("ready", () => {
    form.classList.add("ready");
    button.hidden = false;
  });
  fields.on("loaderror", () => form.classList.remove("ready"));
  fields.mount(form.querySelector(".fields"));

  const pay = async () => {
    const checked = await elements.submit();
    if (checked.error) return checked.error;
    const paid = await stripe.confirmPayment({
      elements, clientSecret: client.secret, confirmParams: { return_url: back }, redirect: "if_required",
    });
    return paid.error;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const failed = await pay().catch((error) => error);
    if (failed) setBusy(false, failed.message);
    else location.assign(back);
  });

  // Back from a redirect, out of the browser's memory.
  addEventListener("pageshow", (event) => event.persisted && setBusy(false));
})();
