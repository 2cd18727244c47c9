// The one live socket of a page: resumes after the newest number the page has, and says when it is away.
const SHAKE_MS = 10_000;
const state = document.getElementById("live-state");

// The page says how far it had read the log when it was rendered; each batch of parts brings the newest number.
const newest = () => document.getElementById("live-seq")?.dataset.seq || "0";

htmx.config.wsReconnectDelay = (tries) => Math.min(15_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2);
htmx.createWebSocket = (url) => {
  const full = new URL(url);
  full.searchParams.set("after", newest());
  const socket = new WebSocket(full);
  setTimeout(() => socket.readyState === WebSocket.CONNECTING && socket.close(), SHAKE_MS);
  return socket;
};

let wait;
function say(words) {
  clearTimeout(wait);
  if (!words && state) state.hidden = true;
  else if (state) wait = setTimeout(() => { state.hidden = false; state.lastElementChild.textContent = words; }, 600);
}
document.body.addEventListener("htmx:wsOpen", () => say(""));
document.body.addEventListener("htmx:wsClose", ({ detail }) => {
  const words = { 4401: "signed out: reload to log in", 4403: "you have no access any more" };
  if (detail.event.code !== 1001) say(words[detail.event.code] || "reconnecting…");
});
window.addEventListener("pagehide", () => clearTimeout(wait));

// Every failed request says so; a refusal of the hub brings its own words.
const failed = (words) => document.getElementById("refusals").append(Object.assign(document.createElement("div"), { className: "notice bad", role: "alert", textContent: words }));
document.body.addEventListener("htmx:sendError", () => failed("Parley cannot be reached. What you typed is kept; send it again in a moment."));
document.body.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (!xhr.getResponseHeader("HX-Retarget") && xhr.status !== 401) failed(`That did not work (${xhr.status}). What you typed is kept; reload the page and send it again.`);
});

// Parts come for all pages alike. One without a place here is left out; an appended one replaces what is there of it;
// a reply goes to its open thread too.
function arrange(text) {
  const parts = document.createElement("template");
  parts.innerHTML = text;
  for (const part of Array.from(parts.content.children)) {
    const [how, where] = part.getAttribute("hx-swap-oob").split(":");
    const place = document.querySelector(where || `#${CSS.escape(part.id)}`);
    const child = where && part.firstElementChild;
    const thread = document.getElementById(`thread-${child?.dataset.thread}`);
    if (thread && thread !== place) {
      thread.querySelector(`#${CSS.escape(child.id)}`)?.remove();
      const copy = part.cloneNode(true);
      copy.setAttribute("hx-swap-oob", `beforeend:#${thread.id}`);
      parts.content.append(copy);
    }
    if (how === "delete") place?.remove();
    if (!place || how === "delete") part.remove();
    else if (child?.id) place.querySelector(`#${CSS.escape(child.id)}`)?.remove();
  }
  return parts.innerHTML;
}
htmx.defineExtension("parts", { transformResponse: arrange });
