// Light, dark, or as the system says: kept in a cookie, so that the server renders it without a flash.
const ORDER = ["system", "light", "dark"];
const root = document.documentElement;

const label = () => document.querySelectorAll("[data-theme-switch]").forEach((it) => { it.title = `Theme: ${root.dataset.theme || "system"}`; });
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const next = ORDER[(ORDER.indexOf(root.dataset.theme || "system") + 1) % ORDER.length];
  next === "system" ? delete root.dataset.theme : (root.dataset.theme = next);
  document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax`;
  label();
});
label();
