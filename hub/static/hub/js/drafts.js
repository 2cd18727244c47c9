// Nothing typed is ever lost: a draft lives in localStorage until its post was accepted.
const name = (field) => `draft:${location.host}:${field.dataset.draft}`;

export function enhance(root) {
  for (const field of root.querySelectorAll("[data-draft]")) {
    const kept = localStorage.getItem(name(field));
    if (kept && !field.value) field.value = kept;
  }
}
document.addEventListener("input", ({ target }) => {
  if (target.dataset?.draft) target.value ? localStorage.setItem(name(target), target.value) : localStorage.removeItem(name(target));
});
// What was typed while the post was under way is a draft of its own and stays.
function drop(form, sent) {
  for (const field of form.querySelectorAll("[data-draft]")) {
    if (field.value !== String(sent.get(field.name)).replaceAll("\r\n", "\n")) continue;
    localStorage.removeItem(name(field));
    field.value = "";
  }
  const key = form.querySelector("input[name=key]");
  if (key) key.value = crypto.randomUUID?.() || String(Math.random()).slice(2);
}
document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.elt.closest?.("form");
  if (form && detail.successful && detail.requestConfig.verb === "post") drop(form, detail.requestConfig.formData);
});
