// Parley's own scripts. Pages are usable without them, except for live updates.
import "./socket.js";
import "./theme.js";
import { enhance as marks } from "./marks.js";
import { enhance as drafts } from "./drafts.js";
import { enhance as mentions } from "./mentions.js";
import "./notes.js";
import "./scroll.js";
import "./notify.js";
import "./palette.js";
import "./keyboard.js";

const enhance = (root) => [marks, drafts, mentions].forEach((module) => module(root));
enhance(document);
document.body.addEventListener("htmx:load", (event) => enhance(event.detail.elt));
