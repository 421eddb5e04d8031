// What shops write. Each line below a ts-expect-error must be an error, and no other.
addEventListener("checkout:completed", (event) => {
  event.preventDefault();
  const where: string = event.detail.redirect;
  event.detail.close();
  console.log(event.detail.id.toUpperCase(), where);
});
document.addEventListener("checkout:resize", ({ detail }) => console.log(detail.height.toFixed(0)));
document.querySelector("a")!.addEventListener("checkout:cancel", ({ detail }) => console.log(detail.redirect?.length));
document.querySelector("#pay")!.addEventListener("checkout:ready", ({ detail }) => {
  switch (detail.state) {
    case "open":
    case "completed":
      break;
    // @ts-expect-error no such state
    case "paid":
  }
});
for (const type of ["checkout:submitting", "checkout:failed", "checkout:expired"] as const) {
  addEventListener(type, ({ detail }) => console.log(detail.id));
}
// @ts-expect-error a resize leads nowhere
addEventListener("checkout:resize", ({ detail }) => console.log(detail.redirect));
// @ts-expect-error nobody may write into an event
addEventListener("checkout:completed", ({ detail }) => (detail.redirect = "https://shop.example"));
// @ts-expect-error a cancel need not know the way
addEventListener("checkout:cancel", ({ detail }) => location.assign(detail.redirect));
