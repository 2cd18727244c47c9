// Nothing typed is ever lost: a draft lives in localStorage until its post was accepted.
const name = (field) => `draft:${location.host}:${field.dataset.draft}`;

export function enhance(root) {
  for (const field of root.querySelectorAll("[data-draft]")) {
    const kept = localStorage.getItem(name(field));
    if (kept && !field.value) field.value = kept;
  }
}
document.addEventListener("input", ({ target }) => {
  if (!target.dataset?.draft) return;
  if (target.value) localStorage.setItem(name(target), target.value);
  else localStorage.removeItem(name(target));
});
function drop(form) {
  for (const field of form.querySelectorAll("[data-draft]")) {
    localStorage.removeItem(name(field));
    field.value = "";
  }
  const key = form.querySelector("input[name=key]");
  if (key) key.value = crypto.randomUUID?.() || String(Math.random()).slice(2);
}
document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.elt.closest?.("form");
  if (form && detail.successful && detail.requestConfig.verb === "post") drop(form);
});
