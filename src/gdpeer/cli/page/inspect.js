// The page of gdpeer inspect. Everything that it shows comes from strangers: it is set as text, never as HTML.

import { isChosen, wanted } from "./choosing.js";
import { byId, part, put, save, tell } from "./common.js";
import * as detail from "./detail.js";
import { graph } from "./graph.js";
import { ARROWS, client, relay, summary } from "./words.js";

const MOST_KEPT = 2000; // rows that are searched and saved
const MOST_SHOWN = 600; // of these, rows that are drawn
const MOST_AT_ONCE = 40; // rows that are drawn between two frames, so that the page answers to its user
const TOTALS = 500; // milliseconds between two drawings of the tables
const PAUSES = [500, 1000, 2000, 5000]; // milliseconds before the next attempt

const rows = byId("rows");
let kept = [];
let waiting = []; // rows that came during a pause
let fresh = []; // rows that are to be drawn
let news = null; // the last message, whose totals are to be drawn
let takes = wanted();
let isPaused = false;
let isAsked = false; // for a frame
let totalsAt = 0;
let last = 0; // the number of the last row
let chosen = null; // the row that the keyboard is at
let isFollowing = true; // the newest row, until the user scrolls
let failures = 0;
let undecoded = 0;
let files = "";

const NUMBERS = new Intl.NumberFormat("en");

function setState(state, text) {
  byId("state").dataset.state = state;
  put("state-text", text);
}

// -- rows --------------------------------------------------------------------------------------------------------

function draw(row) {
  const item = document.createElement("li");
  item.role = "option";
  item.ariaSelected = "false";
  if (row.gap !== undefined) {
    item.className = "gap";
    item.ariaDisabled = "true";
    item.textContent = `${NUMBERS.format(row.gap)} rows are not shown here`;
    return item;
  }
  item.id = `row-${row.number}`;
  item.shows = row;
  if (row.direction) item.classList.add(row.direction);
  if (row.problem) item.classList.add("problem");
  const relayed = relay(row);
  const what = part("what", "");
  what.append(part("command", row.command), ` ${summary(row)}${relayed && ` (${relayed})`}${row.lost ? " (lost)" : ""}`);
  const size = row.size === undefined ? "" : `${row.size} B${row.opcode === "text" ? " text" : ""}`;
  item.append(
    part("time", row.time.toFixed(3), "time"),
    part("who", client(row)),
    part("arrow", ARROWS[row.direction] ?? ""),
    what,
    part("size", size),
  );
  return item;
}

const isAtEnd = () => rows.scrollHeight - rows.scrollTop - rows.clientHeight < 40;

function toEnd() {
  isFollowing = true;
  rows.scrollTop = rows.scrollHeight;
}

function drawRows() {
  const some = fresh.splice(0, MOST_AT_ONCE);
  if (!some.length) return;
  const follows = !chosen && isFollowing;
  rows.append(...some.map(draw));
  while (rows.childElementCount > MOST_SHOWN) rows.firstElementChild.remove();
  if (chosen && !chosen.isConnected) choose(null);
  if (follows) toEnd();
  else byId("newest").hidden = isAtEnd();
}

function show(some) {
  // Older rows would be removed at once.
  fresh = fresh.concat(some.filter(takes)).slice(-MOST_SHOWN);
  ask();
}

function redraw() {
  takes = wanted();
  choose(null);
  rows.replaceChildren();
  isFollowing = true;
  fresh = [];
  show(kept);
  byId("newest").hidden = true;
  sayFound();
}

function sayFound() {
  const all = kept.filter((row) => row.gap === undefined);
  const text = isChosen() ? `${all.filter(takes).length} of ${all.length} rows match` : "";
  put("found", text);
  if (text) tell(text);
}

// -- drawing: at most once in a frame ----------------------------------------------------------------------------

function ask() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame((now) => {
    isAsked = false;
    drawRows();
    if (news && now - totalsAt >= TOTALS) {
      totalsAt = now;
      drawTotals();
      news = null;
    }
    if (fresh.length || news) ask();
  });
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

function drawTotals() {
  const { all, methods, peers } = news.totals;
  put("to", news.to);
  put("count", all.count);
  put("bytes", all.bytes);
  put("rate", Math.round(all.rate));
  put("undecoded", `${news.undecoded} undecoded`);
  byId("undecoded").className = news.undecoded ? "bad" : "fine";
  if (news.undecoded > undecoded) tell(`${news.undecoded} messages could not be decoded`);
  undecoded = news.undecoded;
  const missing = news.missing ? `the last ${NUMBERS.format(news.count - news.missing)} of ${NUMBERS.format(news.count)} rows` : "";
  put("kept", missing);
  fill("methods", methods);
  fill("peers", peers);
  graph(news.history);
}

// -- the inspector -----------------------------------------------------------------------------------------------

function keep(some) {
  kept = kept.concat(some).slice(-MOST_KEPT);
}

function take(message) {
  news = message;
  files = message.files;
  byId("save-recording").href = `${files}session.jsonl`;
  const some = [];
  for (const row of message.rows) {
    if (row.number > last + 1) some.push({ gap: row.number - last - 1 });
    last = row.number;
    some.push(row);
  }
  if (isPaused) {
    waiting = waiting.concat(some).slice(-MOST_KEPT);
    put("pause", `Resume (${waiting.length})`);
  } else {
    keep(some);
    show(some);
  }
  byId("empty").hidden = last > 0;
  ask();
  if (message.over) over();
}

function over() {
  setState("over", "Inspector stopped");
  byId("save-recording").removeAttribute("href");
}

function connect() {
  const socket = new WebSocket(location.href.replace(/^http/, "ws").replace(/[?#].*/, ""));
  socket.onopen = () => {
    failures = 0;
    last = 0;
    kept = [];
    waiting = [];
    redraw();
    setState("connected", "Live");
  };
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = (event) => {
    if (event.code === 1001) {
      over();
      return;
    }
    setState("waiting", "Connection lost");
    setTimeout(connect, PAUSES[Math.min(failures++, PAUSES.length - 1)]);
  };
}

// -- the user ----------------------------------------------------------------------------------------------------

function choose(item) {
  chosen?.setAttribute("aria-selected", "false");
  chosen = item;
  if (!item) {
    rows.removeAttribute("aria-activedescendant");
    return;
  }
  item.setAttribute("aria-selected", "true");
  rows.setAttribute("aria-activedescendant", item.id);
  item.scrollIntoView({ block: "nearest" });
}

// Goes over rows that are left out.
function beside(item, way) {
  let next = item;
  do next = way < 0 ? next?.previousElementSibling : next?.nextElementSibling;
  while (next && !next.shows);
  return next;
}

function step(way, count = 1) {
  if (!chosen) {
    const end = rows.lastElementChild;
    choose(end && !end.shows ? beside(end, -1) : end);
    return;
  }
  for (let left = count; left; left--) choose(beside(chosen, way) ?? chosen);
}

function openChosen() {
  if (chosen) detail.open(chosen.shows, files);
}

function follow() {
  choose(null);
  toEnd();
}

const KEYS = {
  ArrowUp: () => step(-1),
  ArrowDown: () => step(1),
  PageUp: () => step(-1, 10),
  PageDown: () => step(1, 10),
  Home: () => step(-1, MOST_SHOWN),
  End: () => step(1, MOST_SHOWN),
  Enter: openChosen,
  Escape: follow,
};

rows.addEventListener("keydown", (event) => {
  if (!KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  KEYS[event.key]();
});
rows.addEventListener("click", (event) => {
  const item = event.target.closest("li");
  if (!item?.shows || String(getSelection())) return; // who marks a text wants to copy it
  choose(item);
  openChosen();
});
rows.addEventListener("scroll", () => {
  isFollowing = isAtEnd();
  byId("newest").hidden = isFollowing;
});
new ResizeObserver(() => { if (isFollowing && !chosen) toEnd(); }).observe(rows);
byId("newest").addEventListener("click", () => {
  follow();
  rows.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || detail.isOpen() || event.target.closest("input, select, textarea")) return;
  event.preventDefault();
  byId("search").focus();
});
byId("search").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  if (!byId("search").value) {
    rows.focus();
    return;
  }
  byId("search").value = "";
  redraw();
});

byId("filters").addEventListener("input", redraw);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", () => {
  byId("more").setAttribute("aria-expanded", byId("filters").classList.toggle("all"));
});
byId("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", isPaused);
  put("pause", isPaused ? "Resume" : "Pause");
  tell(isPaused ? "Paused" : "Live");
  if (isPaused) return;
  keep(waiting);
  waiting = [];
  redraw();
});
byId("save-rows").addEventListener("click", () => {
  const lines = kept.filter((row) => row.gap === undefined && takes(row)).map(({ number, searched, ...row }) => JSON.stringify(row));
  save("rows.jsonl", lines.map((line) => `${line}\n`).join(""));
  tell(`${lines.length} rows saved`);
});
detail.prepare((way) => {
  step(way);
  openChosen();
});
connect();
