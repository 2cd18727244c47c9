// What differs by viewer or by the minute, since parts are the same bytes for all: own messages, times, copying.
const me = document.body.dataset.member;
const hours = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const clocks = { clock: new Intl.DateTimeFormat(undefined, hours), second: new Intl.DateTimeFormat(undefined, { ...hours, second: "2-digit" }) };
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function ago(then, shape) {
  const seconds = (Date.now() - then) / 1000;
  const size = Math.abs(seconds);
  if (shape === "left" && seconds < 0 && size < 120) return `in ${Math.round(size)} s`;
  const [number, unit] = size < 3570 ? [Math.round(size / 60), "min"]
    : size < 86_400 ? [Math.round(size / 3600), "h"] : [Math.round(size / 86_400), "d"];
  if (size < 45) return seconds < 0 ? "in a moment" : "just now";
  return seconds < 0 ? `in ${number} ${unit}` : `${number} ${unit} ago`;
}
function tell(time) {
  const [then, shape] = [new Date(time.dateTime), time.dataset.when];
  time.textContent = clocks[shape]?.format(then) || ago(then, shape);
  time.title = exact.format(then);
}
const tellAll = (root) => root.querySelectorAll("time[data-when]").forEach(tell);

export function enhance(root) {
  tellAll(root);
  const own = `[data-author="${me}"]`;
  for (const it of [root, ...root.querySelectorAll(own)]) if (it.matches?.(own)) it.classList.add("mine");
  for (const block of root.querySelectorAll(".prose pre:not(:has(> .copy))")) {
    block.append(document.getElementById("copy-button").content.cloneNode(true));
  }
}
document.addEventListener("click", (event) => {
  const block = event.target.closest(".copy")?.parentElement;
  if (block) navigator.clipboard.writeText(block.innerText);
  if (event.target.closest("[data-dismiss]")) event.target.closest(".notice").remove();
});
setInterval(() => tellAll(document), 10_000);
