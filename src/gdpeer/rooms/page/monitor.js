// The page of a hall's monitor. Everything that it shows comes from strangers: it is set as text, never as HTML.

const PAUSE = 1000; // milliseconds between two looks at the rooms
const LONG_PAUSE = 5000;
const MANY = 1000;
const PAUSES = [1000, 2000, 5000]; // milliseconds before the next attempt
const KEPT = "gdpeer-monitor-token";

const byId = (id) => document.getElementById(id);
let token = "";
let chosen = ""; // the code of the room that is shown
let failures = 0;
let timer = 0;
let looks = 0; // counts the looks, so that a late answer does not replace a newer one
let isLocked = false;

function recall() {
  try { return sessionStorage.getItem(KEPT) ?? ""; } catch { return ""; }
}

function note(value) {
  try { sessionStorage.setItem(KEPT, value); } catch { /* storage is not allowed */ }
}

function say(id, text) {
  if (byId(id).textContent !== String(text)) byId(id).textContent = text;
}

function setState(state, text) {
  byId("state").dataset.state = state;
  say("state-text", text);
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

// ------------------------------------------------------------------------------------------------ the server

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, wishes) {
  const headers = { Authorization: `Bearer ${token}` };
  const options = wishes ? { method: "POST", headers, body: JSON.stringify(wishes) } : { headers };
  const response = await fetch(`api/rooms${path}`, { ...options, cache: "no-store" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.error ?? `status ${response.status}`);
  return answer;
}

async function look() {
  clearTimeout(timer);
  const mine = ++looks;
  let pause = PAUSE;
  try {
    const [rooms, room] = await Promise.all([
      ask(`?find=${encodeURIComponent(byId("find").value.trim())}`),
      chosen ? ask(`/${chosen}`).catch(gone) : null,
    ]);
    if (mine !== looks) return;
    failures = 0;
    show("rooms");
    setState("connected", rooms.draining ? "Draining" : "Live");
    showRooms(rooms);
    if (rooms.total > MANY) pause = LONG_PAUSE; // a list of many rooms holds up the games for a moment
    showRoom(room);
  } catch (problem) {
    if (mine !== looks) return;
    if (problem.status === 401 || problem.status === 429) {
      close(problem.status === 401 && !token ? "" : problem.status === 401 ? "This is not the token." : problem.message);
      return;
    }
    setState("waiting", "Connection lost");
    pause = PAUSES[Math.min(failures++, PAUSES.length - 1)];
  }
  timer = setTimeout(look, pause);
}

// The room has ended since the last look.
function gone(problem) {
  if (problem.status !== 404) throw problem;
  say("done", `The room ${chosen} has ended.`);
  chosen = "";
  return null;
}

// ------------------------------------------------------------------------------------------------ the token

function show(view) {
  byId("app").dataset.view = view;
  byId("gate").hidden = view !== "token";
}

function close(problem) {
  clearTimeout(timer);
  note("");
  token = "";
  show("token");
  setState("left", "Not connected");
  say("problem", problem);
  byId("room").hidden = byId("choose").hidden = true;
  byId("token").value = "";
  byId("token").focus();
}

byId("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  note(token);
  say("problem", "");
  if (token) look();
});

// ------------------------------------------------------------------------------------------------ the rooms

function showRooms(answer) {
  say("count", answer.total);
  say("players", answer.players);
  showWorkers(answer.workers ?? []);
  say("kinds", Object.entries(answer.kinds).map(([kind, count]) => `${count} ${kind}`).join(", "));
  const more = answer.found - answer.rooms.length;
  byId("more").hidden = more <= 0;
  say("more", `${more} more: find them by code, kind, label or player.`);
  fill(byId("rooms"), answer.rooms, roomRow, answer.total ? "No such room." : "There is no room.");
}

function showWorkers(workers) {
  byId("workers-part").hidden = !workers.length;
  fill(byId("workers"), workers, workerRow, "");
}

function workerRow(worker) {
  const row = element("li", "worker");
  row.append(
    element("code", "", worker.name),
    element("span", "marks", worker.draining ? "draining" : `${Math.round(100 * worker.load)} % busy`),
    element("span", "taken", `${worker.rooms} rooms, ${worker.players} players`),
  );
  return row;
}

// Changes only the rows that differ, so that the focus and a finger that presses stay where they are.
function fill(list, items, row, nobody) {
  const wanted = items.map((item) => JSON.stringify(item) + (item.code === chosen));
  const rows = [...list.children];
  items.forEach((item, place) => {
    if (rows[place]?.dataset.shown === wanted[place]) return;
    const isFocused = rows[place]?.contains(document.activeElement);
    const made = row(item);
    made.dataset.shown = wanted[place];
    rows[place] ? rows[place].replaceWith(made) : list.append(made);
    if (isFocused) made.querySelector("button")?.focus();
  });
  rows.slice(items.length).forEach((extra) => extra.remove());
  if (!items.length) list.replaceChildren(element("li", "none", nobody));
}

function roomRow(room) {
  const row = element("li");
  const button = element("button", "row");
  button.type = "button";
  button.dataset.code = room.code;
  if (room.code === chosen) button.setAttribute("aria-current", "true");
  const marks = [room.locked && "locked", room.private && "private", room.away && `${room.away} away`, room.worker];
  button.append(
    element("code", "", room.code),
    element("span", "kind", room.kind),
    element("span", "marks", marks.filter(Boolean).join(", ")),
    element("span", "taken", room.max_peers ? `${room.taken}/${room.max_peers}` : room.taken),
  );
  button.addEventListener("click", () => choose(room.code));
  row.append(button);
  return row;
}

function choose(code) {
  chosen = code;
  say("done", "");
  byId("app").dataset.room = code;
  look();
  if (code) byId("main").focus();
}

function showRoom(room) {
  byId("app").dataset.room = room?.code ?? "";
  byId("room").hidden = !room;
  byId("choose").hidden = Boolean(room);
  if (!room) return;
  isLocked = room.locked;
  say("code", room.code);
  say("kind", room.kind);
  const labels = Object.entries(room.labels).map(([name, value]) => `${name} ${value}`);
  const seats = room.seats ? `${room.seats} kept` : "";
  say("facts", [room.worker, room.locked && "locked", room.private && "private", seats, ...labels].filter(Boolean).join(", "));
  say("lock", room.locked ? "Unlock" : "Lock");
  say("here", room.here);
  say("turns", `${room.turns} turns of ${room.turn_ms} ms, the longest ${room.longest_turn_ms} ms`);
  const causes = Object.entries(room.refused).map(([cause, count]) => `${count} ${cause}`);
  say("refused", causes.length ? `Refused packets: ${causes.join(", ")}` : "No refused packets");
  say("nodes", room.nodes === 1 ? "1 node" : `${room.nodes} nodes`);
  const more = room.nodes - room.tree.length;
  say("tree", room.tree.join("\n") + (more > 0 ? `\n... and ${more} more` : ""));
  fill(byId("places"), room.players, playerRow, "Nobody is here.");
}

function playerRow(player) {
  const row = element("li");
  row.dataset.id = player.peer_id;
  const kick = element("button", "plain bad", "Kick");
  kick.type = "button";
  kick.setAttribute("aria-label", `Kick ${player.player ?? player.peer_id}`);
  kick.addEventListener("click", () => kickPlayer(player));
  const name = element("span", "name");
  name.append(element("b", "", player.player ?? ""), element("span", "id", player.peer_id));
  row.append(name, element("span", `place ${player.state}`, player.state === "taken" ? "seat kept" : player.state), kick);
  return row;
}

// ------------------------------------------------------------------------------------------------ what it can do

function prompt(title, label, yes) {
  say("ask-title", title);
  say("ask-label", label);
  say("ask-yes", yes);
  byId("ask-text").value = "";
  const dialog = byId("ask");
  dialog.returnValue = "";
  byId("ask-yes").value = "yes";
  dialog.showModal();
  return new Promise((settle) => {
    dialog.addEventListener("close", () => settle(dialog.returnValue === "yes" ? byId("ask-text").value.trim() : null), { once: true });
  });
}

async function act(name, wishes, done) {
  try {
    await ask(`/${chosen}/${name}`, wishes);
    say("done", done);
  } catch (problem) {
    say("done", `It failed: ${problem.message}`);
  }
  look();
}

async function kickPlayer(player) {
  const reason = await prompt(`Kick ${player.player ?? player.peer_id}?`, "Reason, for the player (optional)", "Kick");
  if (reason !== null) act("kick", { peer_id: player.peer_id, reason }, `${player.player ?? player.peer_id} was kicked.`);
}

byId("lock").addEventListener("click", () => {
  act("lock", { locked: !isLocked }, isLocked ? "The room is open." : "The room is locked: nobody new comes in.");
});
byId("message").addEventListener("click", async () => {
  const text = await prompt(`Message to ${chosen}`, "Text, for the room's on_message", "Send");
  if (text) act("message", { text }, "The message was sent.");
});
byId("close").addEventListener("click", async () => {
  const reason = await prompt(`Close ${chosen}?`, "Reason, for the players (optional)", "Close");
  if (reason !== null) act("close", { reason }, `The room ${chosen} was closed.`);
});
byId("ask-no").addEventListener("click", () => byId("ask").close());
byId("back").addEventListener("click", () => choose(""));
byId("find").addEventListener("input", look);

token = recall();
if (token) look();
else close("");
