// Graphs of messages and bytes a second, one line for each direction, drawn as SVG.

import { byId, part } from "./common.js";
import { ARROWS, WAYS } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const SECONDS = 120;
const HEIGHT = 40;
const DIRECTIONS = Object.keys(WAYS);

let drawn = -1;

function shape(kind, attributes) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function line(counts, most) {
  const first = SECONDS - counts.length;
  return counts.map((count, at) => `${first + at + 0.5},${(HEIGHT - 1 - (count / most) * (HEIGHT - 3)).toFixed(2)}`).join(" ");
}

function figure(id, unit, history) {
  const most = Math.max(1, ...DIRECTIONS.flatMap((way) => history[way][unit]));
  const svg = shape("svg", { viewBox: `0 0 ${SECONDS} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  const caption = part("", "", "figcaption");
  caption.append(part("", `${unit === "bytes" ? "Bytes" : "Messages"} a second`, "b"));
  const words = [];
  for (const way of DIRECTIONS) {
    const counts = history[way][unit];
    const now = counts.at(-1) ?? 0;
    svg.append(shape("polyline", { class: way, points: line(counts, most) }));
    caption.append(part(`key ${way}`, `${ARROWS[way]} ${now}`));
    words.push(`${WAYS[way]}: now ${now}, most ${Math.max(0, ...counts)}`);
  }
  caption.append(part("fine", `most ${most}`));
  svg.setAttribute("aria-label", `${caption.firstChild.textContent} in the last ${SECONDS} seconds, ${words.join("; ")}`);
  byId(id).replaceChildren(caption, svg);
}

export function graph(history) {
  if (history.end === drawn) return;
  drawn = history.end;
  figure("graph-messages", "messages", history);
  figure("graph-bytes", "bytes", history);
}
