// A channel opens at its end and follows it only while the reader is there; reading it is remembered.
const [list, jump] = [document.querySelector(".messages[data-follow]"), document.getElementById("jump")];
const page = document.scrollingElement;
const atEnd = () => page.scrollHeight - page.scrollTop - page.clientHeight < 80;
let following = true;

// A thread opens in the panel where there is one.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-panel]");
  if (!link || event.ctrlKey || event.metaKey || !matchMedia("(min-width: 1100px)").matches || !list) return;
  event.preventDefault();
  htmx.ajax("GET", link.href, { target: "#panel", select: "#thread", swap: "innerHTML" });
});
const form = document.getElementById("mark-read");
function seen() {
  const last = list?.querySelector(".message:last-of-type");
  const upto = form?.querySelector("[name=upto]");
  if (!upto || !last || document.hidden || !following || Number(upto.value) >= Number(last.dataset.seq)) return;
  upto.value = last.dataset.seq;
  htmx.trigger(form, "seen");
}
if (list) {
  const target = location.hash.startsWith("#message-") && document.getElementById(location.hash.slice(1));
  const fresh = document.querySelector(".new-line");
  if (target) target.scrollIntoView({ block: "center" });
  else if (fresh && fresh.offsetTop < page.scrollHeight - page.clientHeight) fresh.scrollIntoView({ block: "start" });
  else page.scrollTop = page.scrollHeight;
  following = atEnd();
  addEventListener("scroll", () => { following = atEnd(); if (following) { jump.hidden = true; seen(); } }, { passive: true });
  document.body.addEventListener("htmx:wsAfterMessage", () => {
    if (following) page.scrollTop = page.scrollHeight;
    else jump.hidden = false;
    seen();
  });
  jump.addEventListener("click", () => { page.scrollTop = page.scrollHeight; jump.hidden = true; });
  document.addEventListener("visibilitychange", seen);
  seen();
}
