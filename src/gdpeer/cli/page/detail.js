// One message in full: its fields, and its bytes with offsets and ASCII.

import { byId, copy, part, put } from "./common.js";
import { WAYS, client, relay, stateValues } from "./words.js";

const dialog = byId("detail");
let asked = 0; // the number of the message that was asked for last: a late answer must not replace a newer one

export const isOpen = () => dialog.open;

export async function open(row, files) {
  asked = row.number;
  put("detail-title", `Message ${row.number}`);
  fill(row);
  if (!dialog.open) dialog.showModal();
  byId("inside").scrollTop = 0;
  byId("inside").focus();
  let found = null;
  try {
    const answer = await fetch(`${files}${row.number}.json`);
    found = answer.ok ? await answer.json() : null;
  } catch {
    // The inspector has stopped: the row itself is shown.
  }
  if (asked === row.number && dialog.open) fill(found ?? row, found === null);
}

function fill(row, isMissing = false) {
  const bytes = Uint8Array.from(atob(row.data ?? ""), (char) => char.charCodeAt(0));
  byId("fields").replaceChildren(...fields(row, bytes).flatMap(entry));
  byId("cut").hidden = !row.cut;
  const missing = "The inspector does not keep this message any more, or the message is very long: only its row is shown.";
  byId("detail-problem").hidden = !isMissing;
  put("detail-problem", isMissing ? missing : "");
  byId("bytes-part").hidden = row.data === undefined;
  const whole = bytes.length === row.size ? "" : `, the first ${bytes.length} of ${row.size}`;
  put("hex-title", `Bytes${whole}`);
  byId("hex").textContent = dump(bytes, matchMedia("(min-width: 700px)").matches ? 16 : 8);
}

function fields(row, bytes) {
  const size = row.size === undefined ? "" : [`${row.size} bytes`, row.opcode, row.compressed && "compressed", row.lost && "lost"];
  const states = (row.states ?? []).flatMap((state) => [
    [state.name, state.undecoded === undefined ? stateValues(state) : `${state.undecoded} bytes, not decoded`],
  ]);
  return [
    ["Time", `${row.time.toFixed(6)} s`],
    ["Client", client(row)],
    ["Direction", WAYS[row.direction]],
    ["Size", size && size.filter(Boolean).join(", ")],
    ["Command", row.command],
    ["Relayed", relay(row)],
    ["Source and target", row.source === undefined && row.target === undefined ? "" : `${row.source ?? "?"} to ${row.target ?? "?"}`],
    ["Path", row.path],
    ["Method", row.method],
    ["Arguments", row.arguments],
    ...states,
    ["Problem", row.problem],
    ["Text", row.opcode === "text" && row.data ? new TextDecoder().decode(bytes) : ""],
    ["Detail", row.opcode === "text" && row.data ? "" : row.detail],
  ].filter(([, value]) => value && value.length);
}

function entry([name, value]) {
  const values = Array.isArray(value) ? value : [value];
  return [part("", name, "dt"), ...values.map((one) => part("", one, "dd"))];
}

function dump(bytes, width) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += width) {
    const some = [...bytes.subarray(at, at + width)];
    const hex = some.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = some.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(width * 3 - 1)}  ${text}`);
  }
  return lines.join("\n");
}

function fieldsText() {
  const lines = [];
  for (const one of byId("fields").children) lines.push(one.localName === "dt" ? `${one.textContent}:` : `  ${one.textContent}`);
  return lines.join("\n");
}

export function prepare(step) {
  byId("earlier").addEventListener("click", () => step(-1));
  byId("later").addEventListener("click", () => step(1));
  byId("shut").addEventListener("click", () => dialog.close());
  byId("copy-fields").addEventListener("click", () => copy(fieldsText(), "Fields"));
  byId("copy-hex").addEventListener("click", () => copy(byId("hex").textContent, "Bytes"));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }); // beside the content
  dialog.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || event.target === byId("hex")) return;
    event.preventDefault();
    step(way);
  });
}
