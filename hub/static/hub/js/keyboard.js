// g and a letter to go, j k to move, 1–9 to choose, a approve, r reply, / search, ? help, esc closes.
import { open } from "./palette.js";

let going = 0;
const typing = (it) => it.closest("input, textarea, select, [contenteditable]");
const places = () => Array.from(document.querySelectorAll("[data-item]")).filter((it) => it.offsetParent);
const focused = () => document.activeElement?.closest("[data-item]");
const here = () => focused() || (places().length === 1 ? places()[0] : null);

function move(step) {
  const all = places(), at = all.indexOf(focused());
  go(all[Math.max(0, Math.min(all.length - 1, at + step))]);
}
function go(next) {
  if (!next) return;
  next.tabIndex = -1;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
// In the list of what needs a person an answer under way hands the focus on to the next open card.
document.body.addEventListener("htmx:beforeRequest", ({ detail }) => {
  const [card, list] = [detail.elt.closest(".card.open"), detail.elt.closest("[data-onward]")];
  if (!card || !list) return;
  const open = Array.from(list.querySelectorAll(".card.open:not([data-sent])"));
  card.dataset.sent = "";
  go(open[open.indexOf(card) + 1] || open.find((it) => it !== card));
});
document.body.addEventListener("htmx:afterRequest", ({ detail }) => detail.failed && delete detail.elt.closest(".card")?.dataset.sent);
function press(selector) {
  const found = here()?.querySelector(selector) || document.querySelector(`.verdict :is(${selector})`);
  if (found) found.matches("textarea, input") ? found.focus() : found.click();
  return Boolean(found);
}
const keys = {
  j: () => move(1), k: () => move(-1),
  a: () => press('[data-key="a"], .recommended'),
  r: () => press('[data-key="r"]') || document.querySelector(".composer textarea")?.focus(),
  "/": open,
  "?": () => document.getElementById("keyboard-help")?.showModal(),
  g: () => { going = Date.now(); },
};
document.addEventListener("keydown", (event) => {
  const { key } = event;
  if ((event.ctrlKey || event.metaKey) && key === "k") {
    event.preventDefault();
    open();
  } else if (key === "Escape") {
    document.activeElement?.blur();
    if (location.hash === "#rail" || location.hash === "#more") location.hash = "content";
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  const link = Date.now() - going < 1500 && document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  going = 0;
  if (link) link.click();
  else if (/^[1-9]$/.test(key)) press(`[data-key="${key}"]`);
  else if (keys[key]) keys[key]();
  else return;
  event.preventDefault();
});
