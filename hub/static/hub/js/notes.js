// Notes on lines of a diff are drafts; the verdict takes them all along as one message.
const fields = () => Array.from(document.querySelectorAll("textarea[data-line]"));

function count() {
  const place = document.getElementById("notes-json");
  if (!place) return;
  const notes = fields().filter((it) => it.value.trim()).map((it) => ({ path: it.dataset.path, line: Number(it.dataset.line), text: it.value.trim() }));
  place.value = JSON.stringify(notes);
  for (const it of document.querySelectorAll("[data-notes-count]")) it.textContent = notes.length ? `${notes.length} note${notes.length > 1 ? "s" : ""} will go along` : "";
  for (const it of fields()) it.closest(".note-form").classList.toggle("draft", Boolean(it.value.trim()));
}
export function enhance(root) {
  if (root.querySelector("textarea[data-line]")) count();
}
document.addEventListener("input", ({ target }) => target.dataset?.line && count());
document.addEventListener("draft", ({ target }) => target.dataset?.line && count());
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-note]");
  const form = document.getElementById(opener?.dataset.note);
  if (!form) return;
  event.preventDefault();
  form.classList.add("open");
  form.querySelector("textarea").focus();
});
