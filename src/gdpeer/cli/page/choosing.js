// Which rows are shown: by client, direction, globs and a text.

import { byId } from "./common.js";
import { summary } from "./words.js";

// A glob as a shell has it: * and ?. In steps of at most the product of both lengths, whatever they hold: a regular
// expression can take years for a hostile text.
export function fits(glob, text) {
  let [at, place, star, mark] = [0, 0, -1, 0];
  while (place < text.length) {
    if (glob[at] === "*") {
      star = at++;
      mark = place;
    } else if (at < glob.length && (glob[at] === "?" || glob[at] === text[place])) {
      at++;
      place++;
    } else if (star >= 0) {
      at = star + 1;
      place = ++mark;
    } else return false;
  }
  return [...glob.slice(at)].every((rest) => rest === "*");
}

// A packet of synchronizers has the states of several nodes.
function named(row, id) {
  const states = id === "path" ? (row.states ?? []).map((state) => state.name) : [];
  return [row[id] ?? "", ...states];
}

// The text of a row is made once, when it is first searched.
function searched(row) {
  row.searched ??= `#${row.peer} ${row.id ?? ""} ${row.command} ${summary(row)}`.toLowerCase();
  return row.searched;
}

export function wanted() {
  const value = (id) => byId(id).value.trim().slice(0, 200);
  const globs = ["command", "path", "method"].filter(value).map((id) => [id, value(id)]);
  const peer = value("peer").replace(/^#/, "");
  const direction = byId("direction").value;
  const text = value("search").toLowerCase();
  return (row) =>
    row.gap !== undefined ||
    ((!peer || String(row.peer) === peer || String(row.id) === peer) &&
      (!direction || row.direction === direction) &&
      globs.every(([id, glob]) => named(row, id).some((one) => fits(glob, one))) &&
      (!text || searched(row).includes(text)));
}

export const isChosen = () => ["search", "peer", "command", "path", "method", "direction"].some((id) => byId(id).value.trim());
