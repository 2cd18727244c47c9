// ctrl-k: what the server gave, pages and actions; typing narrows it, what has the typed words earliest comes first.
const dialog = document.getElementById("palette");
const input = dialog.querySelector("input");
const items = Array.from(dialog.querySelectorAll("li"));
let shown = [];
function narrow() {
  const typed = input.value.trim().toLowerCase();
  const text = (it) => it.textContent.trim().toLowerCase(), at = (it) => text(it).indexOf(typed) >>> 0;
  shown = items.filter((it) => typed.split(/\s+/).every((word) => text(it).includes(word))).sort((one, other) => at(one) - at(other));
  for (const it of items) [it.hidden, it.className] = [!shown.includes(it), it === shown[0] ? "first" : ""];
  dialog.querySelector("ul").append(...shown);
}
export function open() {
  input.value = "";
  narrow();
  dialog.showModal();
}
dialog.addEventListener("input", narrow);
dialog.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target === input) shown[0]?.firstElementChild.click();
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const links = shown.map((it) => it.firstElementChild);
    const at = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    (links[at] || input).focus();
  } else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) opener.dataset.dialog === "palette" ? open() : document.getElementById(opener.dataset.dialog)?.showModal();
  else if (event.target.matches("dialog[open]")) event.target.close();
});
