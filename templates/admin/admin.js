// The admin is complete without this file. It copies, and shows times in the reader's own zone.
(() => {
  const doc = document;
  for (const time of doc.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (isNaN(at)) continue;
    time.title = time.textContent;
    time.textContent = new Intl.DateTimeFormat(doc.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" }).format(at);
  }
  const status = doc.createElement("p");
  status.className = "vh";
  status.setAttribute("role", "status");
  doc.body.append(status);
  for (const code of doc.querySelectorAll(".copy")) {
    const button = doc.createElement("button");
    button.type = "button";
    button.className = "copier";
    button.title = button.ariaLabel = doc.body.dataset.copy || "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.dataset.copy || code.textContent);
      button.classList.add("ok");
      status.textContent = doc.body.dataset.copied || "Copied";
      setTimeout(() => button.classList.remove("ok"), 2000);
    });
    code.after(button);
  }
})();
