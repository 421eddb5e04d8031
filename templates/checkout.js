// The page is complete without this file. It saves a round trip, a second click and a reload.
(() => {
  const doc = document, body = doc.body, data = body.dataset;
  const $ = (selector) => doc.querySelector(selector);
  const $$ = (selector) => [...doc.querySelectorAll(selector)];

  // A page restored by Back may show what is no longer true.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  // A shop that leads on to yet another site is stopped by the page's policy: the page has a link there, once it is paid.
  doc.addEventListener("securitypolicyviolation", (event) => event.effectiveDirective === "form-action" && location.reload());
  // The answer to a form becomes an ordinary page: browsers would ask whether to send the form again.
  history.replaceState(null, "");

  const waits = (data.poll || "").split(",").filter(Number);
  let turn = 0;
  const later = () => {
    if (turn < waits.length + 8) setTimeout(ask, 1000 * waits[Math.min(turn++, waits.length - 1)]);
  };
  const ask = async () => {
    try {
      const { state } = await (await fetch(data.status, { cache: "no-store" })).json();
      if (state && state !== data.state) return location.reload();
    } catch {} // the next turn asks again
    later();
  };
  if (waits.length) later();

  const say = (input, message) => {
    const box = $("#" + input.id + "-error");
    box.textContent = message;
    box.hidden = !message;
    input.parentNode.classList.toggle("wrong", !!message);
    input.ariaInvalid = message ? "true" : null;
  };
  const fault = ({ value, dataset, offsetParent }) => {
    if (!offsetParent) return "";
    if (!value.trim()) return dataset.required;
    return dataset.invalid && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value.trim()) ? dataset.invalid : "";
  };
  const fields = $$("[data-required]");
  for (const input of fields) {
    input.addEventListener("focusout", () => input.value && say(input, fault(input)));
    input.addEventListener("input", () => input.ariaInvalid && !fault(input) && say(input, ""));
  }

  // The number pad of a phone has no slash.
  const exp = $("#card_exp");
  exp?.addEventListener("input", () => {
    if (/^\d{3,4}$/.test(exp.value)) exp.value = exp.value.slice(0, 2) + "/" + exp.value.slice(2);
  });

  const form = $("[data-busy]");
  if (form) {
    form.noValidate = true;
    if (form.elements.scripts) form.elements.scripts.value = 1;
    form.addEventListener("submit", (event) => {
      const button = event.submitter;
      if (form.ariaBusy) return event.preventDefault();
      if (!button || !button.formNoValidate) {
        for (const input of fields) say(input, fault(input));
        const wrong = fields.find(fault);
        if (wrong) {
          event.preventDefault();
          return wrong.focus();
        }
        form.querySelector(".busy").textContent = form.dataset.busy;
      }
      form.ariaBusy = "true";
      for (const each of form.querySelectorAll("button")) each.ariaDisabled = "true";
    });
  }

  // The server says how many seconds are left; the clock of this device may be wrong, and asleep.
  const note = $("[data-seconds]");
  if (note) {
    const box = note.parentNode, more = box.querySelector("button"), clock = doc.createElement("span");
    clock.ariaHidden = "true";
    let end, timer, alone = false;
    const tick = () => {
      clearTimeout(timer);
      const left = Math.ceil((end - performance.now()) / 1000);
      if (left <= 0) return location.reload();
      if (left <= 300) {
        if (!clock.isConnected) {
          box.classList.remove("later");
          note.textContent = note.dataset.text + " ";
          note.append(clock);
        }
        clock.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
      }
      timer = setTimeout(tick, 1000);
    };
    const start = (seconds) => {
      end = performance.now() + 1000 * seconds;
      tick();
    };
    // What is typed stays where it is while the server is asked how long the page is open now.
    const look = async (form) => {
      const answer = await fetch(location, form);
      if (!answer.ok) throw 0;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html"), now = page.querySelector("[data-seconds]");
      if (!now) return location.reload();
      if (clock.isConnected && now.dataset.seconds > 300) note.textContent = page.querySelector(".still").textContent;
      if (more && !page.querySelector("[value=extend]")) {
        if (doc.activeElement === more) note.tabIndex = -1, note.focus();
        more.remove();
      }
      start(now.dataset.seconds);
    };
    more?.addEventListener("click", (event) => {
      if (alone) return;
      event.preventDefault();
      look({ method: "POST", body: new URLSearchParams({ token: form.elements.token.value, action: "extend" }) })
        .catch(() => {
          alone = true; // the form goes its own way
          more.click();
        });
    });
    doc.addEventListener("visibilitychange", () => doc.hidden || form.ariaBusy || look().catch(() => {}));
    start(note.dataset.seconds);
  }

  // A test number fills the card field, or is copied where there is none.
  const put = (id, value) => {
    const input = $("#" + id);
    if (input && !(id !== "card_number" && input.value)) {
      input.value = value;
      say(input, "");
    }
  };
  for (const code of $$(".ribbon code, dl code")) {
    const button = doc.createElement("button");
    button.type = "button";
    code.replaceWith(button);
    button.append(code);
    button.addEventListener("click", async () => {
      const number = $("#card_number"), radio = number?.closest(".method")?.querySelector("[type=radio]");
      if (radio) radio.checked = true;
      put("card_number", code.textContent);
      put("card_exp", "12/34");
      put("card_cvc", "123");
      if (number) {
        code.closest("details").open = false;
        return number.focus();
      }
      await navigator.clipboard.writeText(code.dataset.copy || code.textContent);
      $("[data-copied]").textContent = $("[data-copied]").dataset.copied;
    });
  }
})();
