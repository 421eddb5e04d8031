// The shop's own script: it writes down what it hears. It needs none of this to take money.
const list = document.querySelector("#heard");
let shown = 0;
for (const type of ["ready", "resize", "submitting", "failed", "completed", "cancel", "expired"]) {
  addEventListener("checkout:" + type, ({ detail }) => {
    const item = document.createElement("li");
    const facts = ["state", "height", "redirect"].filter((name) => detail[name] !== undefined);
    item.textContent = ["checkout:" + type, ...facts.map((name) => `${name} ${detail[name]}`)].join("  ");
    list.append(item);
    if (++shown > 6) list.firstElementChild.remove();
  });
}
