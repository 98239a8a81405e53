// The page of gdpeer inspect. Everything that it shows comes from strangers: it is set as text, never as HTML.

const MOST = 1000; // rows that are kept
const PAUSES = [500, 1000, 2000, 5000]; // milliseconds before the next attempt

const byId = (id) => document.getElementById(id);
const rows = byId("rows");
const kept = [];
let isHeld = false;
let failures = 0;

function setState(state, text) {
  byId("state").dataset.state = state;
  byId("state-text").textContent = text;
}

// A glob as a shell has it: * and ?.
function glob(text) {
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "su");
}

// A packet of synchronizers has the states of several nodes.
function matched(row, id) {
  const states = id === "path" ? (row.states ?? []).map((state) => state.name) : [];
  return [row[id] ?? "", ...states];
}

function wanted() {
  const value = (id) => byId(id).value.trim();
  const globs = ["command", "path", "method"].filter(value).map((id) => [id, glob(value(id))]);
  const peer = value("peer").replace(/^#/, "");
  const direction = value("direction");
  return (row) =>
    (!peer || String(row.peer) === peer || String(row.id) === peer) &&
    (!direction || row.direction === direction) &&
    globs.every(([id, pattern]) => matched(row, id).some((text) => pattern.test(text)));
}

let takes = wanted();

function part(name, text, kind = "span") {
  const element = document.createElement(kind);
  element.className = name;
  element.textContent = text;
  return element;
}

function say(row) {
  if (row.problem) return `undecoded: ${row.problem}`;
  if (row.method) return `${row.path ?? ""}:${row.method}(${(row.arguments ?? []).join(", ")})`;
  const states = (row.states ?? []).map(sayState).join(", ");
  return [row.path, [row.detail, states].filter(Boolean).join(": ")].filter(Boolean).join(" ");
}

function sayState(state) {
  if (state.undecoded !== undefined) return `${state.name}(${state.undecoded} bytes, not decoded)`;
  const names = state.properties;
  return `${state.name}(${state.values.map((value, at) => (names ? `${names[at]} = ${value}` : value)).join(", ")})`;
}

function draw(row) {
  const item = document.createElement("li");
  if (row.direction) item.classList.add(row.direction);
  if (row.problem) item.classList.add("problem");
  const arrow = { to_server: "→", to_client: "←" }[row.direction] ?? "";
  const relay = row.relayed ? (row.direction === "to_server" ? ` (to ${row.target})` : ` (from ${row.source})`) : "";
  const what = part("what", "", "span");
  what.append(part("command", row.command), ` ${say(row)}${relay}${row.lost ? " (lost)" : ""}`);
  const size = row.size === undefined ? "" : `${row.size} B${row.opcode === "text" ? " text" : ""}`;
  item.append(
    part("time", row.time.toFixed(3), "time"),
    part("who", `#${row.peer}${row.id === undefined ? "" : ` ${row.id}`}`),
    part("arrow", arrow),
    what,
    part("size", size),
  );
  return item;
}

function append(fresh) {
  const isAtEnd = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 40;
  rows.append(...fresh.filter(takes).map(draw));
  while (rows.childElementCount > MOST) rows.firstElementChild.remove();
  byId("empty").hidden = kept.length > 0;
  if (isAtEnd) rows.scrollTop = rows.scrollHeight;
}

function redraw() {
  takes = wanted();
  rows.replaceChildren();
  append(kept);
  rows.scrollTop = rows.scrollHeight;
}

function fill(body, totals) {
  byId(body).replaceChildren(
    ...totals.map((total) => {
      const line = document.createElement("tr");
      for (const text of [total.name, total.count, total.bytes, Math.round(total.rate)]) line.append(part("", text, "td"));
      return line;
    }),
  );
}

function take(news) {
  byId("to").textContent = news.to;
  kept.push(...news.rows);
  kept.splice(0, Math.max(0, kept.length - MOST));
  if (!isHeld) append(news.rows);
  const { all, methods, peers } = news.totals;
  byId("count").textContent = all.count;
  byId("bytes").textContent = all.bytes;
  byId("rate").textContent = Math.round(all.rate);
  byId("undecoded").textContent = `${news.undecoded} undecoded`;
  byId("undecoded").className = news.undecoded ? "bad" : "fine";
  fill("methods", methods);
  fill("peers", peers);
  if (news.over) setState("over", "Inspector stopped");
}

function connect() {
  const socket = new WebSocket(location.href.replace(/^http/, "ws").replace(/[?#].*/, ""));
  socket.onopen = () => {
    failures = 0;
    kept.length = 0;
    rows.replaceChildren();
    setState("connected", "Live");
  };
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = (event) => {
    if (event.code === 1001) {
      setState("over", "Inspector stopped");
      return;
    }
    setState("waiting", "Connection lost");
    setTimeout(connect, PAUSES[Math.min(failures++, PAUSES.length - 1)]);
  };
}

byId("filters").addEventListener("input", redraw);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("hold").addEventListener("click", () => {
  isHeld = !isHeld;
  byId("hold").setAttribute("aria-pressed", isHeld);
  if (!isHeld) redraw();
});
connect();
