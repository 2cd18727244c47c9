// ctrl-k: a list that the server gave, of pages and of every action the member may take, narrowed by typing.
const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const items = dialog ? Array.from(dialog.querySelectorAll("li")) : [];
const shown = () => items.filter((it) => !it.hidden);

function narrow() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const it of items) it.hidden = !words.every((word) => it.textContent.toLowerCase().includes(word));
  for (const it of items) it.firstElementChild.classList.toggle("first", it === shown()[0]);
}
export function open() {
  if (!dialog) return;
  input.value = "";
  narrow();
  dialog.showModal();
}
dialog?.addEventListener("input", narrow);
dialog?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target === input) shown()[0]?.firstElementChild.click();
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const links = shown().map((it) => it.firstElementChild);
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
