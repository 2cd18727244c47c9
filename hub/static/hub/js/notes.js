// Notes on lines of a diff are drafts, kept on this device; the verdict takes them all along as one message.
const form = document.getElementById("verdict");
const shape = document.getElementById("note-row")?.content.querySelector("tr");
const home = `note:${location.host}${location.pathname}:`;
let made = 1;

function count() {
  const notes = Array.from(document.querySelectorAll("textarea[data-line]")).filter((it) => it.value.trim()).length;
  for (const place of form?.querySelectorAll("[data-notes-count]") || []) place.textContent = notes ? `${notes} note${notes > 1 ? "s" : ""} will go along` : "";
}
function open(opener) {
  const anchor = opener.dataset.note;
  let row = document.getElementById(`note-${anchor}`);
  if (!row) {
    row = shape.cloneNode(true);
    row.id = `note-${anchor}`;
    for (const it of row.querySelectorAll("[name]")) it.name = it.name.replace(".0.", `.${made}.`);
    made += 1;
    row.querySelectorAll("input").forEach((it, at) => { it.value = [opener.dataset.path, opener.dataset.number, opener.dataset.old][at]; });
    row.querySelector("textarea").id = `note-text-${anchor}`;
    row.querySelector("label").htmlFor = `note-text-${anchor}`;
    opener.closest("tr").after(row);
  }
  const field = row.querySelector("textarea");
  field.dataset.line = anchor;
  return field;
}
if (form && shape) {
  for (const opener of document.querySelectorAll("a[data-note]")) {
    const kept = localStorage.getItem(home + opener.dataset.note);
    if (kept) open(opener).value = kept;
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("a[data-note]");
    if (!opener) return;
    event.preventDefault();
    open(opener).focus();
  });
  document.addEventListener("input", ({ target }) => {
    if (!target.dataset?.line) return;
    target.value ? localStorage.setItem(home + target.dataset.line, target.value) : localStorage.removeItem(home + target.dataset.line);
    count();
  });
  form.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!detail.successful) return;
    for (const row of document.querySelectorAll("tr.note[id]")) {
      localStorage.removeItem(home + row.id.slice("note-".length));
      row.remove();
    }
    count();
  });
  count();
}
