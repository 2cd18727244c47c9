// The title counts what needs the viewer; a notification tells of it only when the viewer asked for that.
const plain = document.title.replace(/^\(\d+\) /, "");
const favicon = document.getElementById("favicon");
let before = null;

function tell() {
  const strip = document.getElementById("needs-you");
  const count = Number(strip?.dataset.count || 0);
  document.title = count ? `(${count}) ${plain}` : plain;
  if (favicon) favicon.href = count ? favicon.dataset.asks : favicon.dataset.calm;
  const may = "Notification" in window && Notification.permission === "granted";
  if (before !== null && count > before && document.hidden && may) new Notification("Parley", { body: strip.innerText.trim(), tag: "needs-you" });
  before = count;
  for (const it of document.querySelectorAll("[data-needs-count]")) Object.assign(it, { textContent: count, hidden: !count });
}
document.body.addEventListener("htmx:wsAfterMessage", tell);
document.addEventListener("click", (event) => event.target.closest("[data-notify]") && Notification.requestPermission());
tell();
