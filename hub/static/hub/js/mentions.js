// `@` in a message offers the members whose names begin so; arrows choose, enter or tab takes.
const MAX = 6;
let list, field, start;
const close = () => { list?.remove(); list = null; };
function people(begin) {
  const fits = (it) => it.value.toLowerCase().startsWith(begin.toLowerCase());
  return Array.from(document.querySelectorAll("#member-names option")).filter(fits).slice(0, MAX);
}
function choose(step) {
  const items = Array.from(list.children);
  const at = items.findIndex((it) => it.ariaSelected === "true");
  items[at].ariaSelected = "false";
  const next = items[(at + step + items.length) % items.length];
  next.ariaSelected = "true";
  field.setAttribute("aria-activedescendant", next.id);
}
function take(item) {
  field.setRangeText(`@${item.dataset.name} `, start, field.selectionStart, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  close();
}
function offer() {
  close();
  const typed = field.value.slice(0, field.selectionStart).match(/(?:^|\s)@([\w-]*)$/);
  const found = typed ? people(typed[1]) : [];
  if (!found.length) return;
  start = field.selectionStart - typed[1].length - 1;
  list = Object.assign(document.createElement("div"), { className: "mention-list", role: "listbox", ariaLabel: "Members" });
  found.forEach((it, at) => {
    const item = Object.assign(document.createElement("div"), { id: `mention-${at}`, role: "option", ariaSelected: String(at === 0), textContent: `${it.value} · ${it.label}` });
    item.dataset.name = it.value;
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(item); });
    list.append(item);
  });
  field.parentElement.append(list);
}
export function enhance(root) {
  for (const it of root.querySelectorAll("textarea[data-mentions]:not([data-ready])")) {
    it.dataset.ready = "";
    it.addEventListener("input", () => { field = it; offer(); });
    it.addEventListener("blur", close);
    it.addEventListener("keydown", (event) => {
      if (list && ["ArrowDown", "ArrowUp"].includes(event.key)) choose(event.key === "ArrowDown" ? 1 : -1);
      else if (list && ["Enter", "Tab"].includes(event.key)) take(list.querySelector('[aria-selected="true"]'));
      else if (list && event.key === "Escape") close();
      else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !matchMedia("(pointer: coarse)").matches) it.form.requestSubmit();
      else return;
      event.preventDefault();
    });
  }
}
