// The lobby page: lists the rooms, and leads to the page of a game in a room.

const PAUSE = 2000; // milliseconds between two looks at the lists

const byId = (id) => document.getElementById(id);
const games = [...document.querySelectorAll(".game")];

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function setState(state, text) {
  byId("state").dataset.state = state;
  if (byId("state-text").textContent !== text) byId("state-text").textContent = text;
}

async function ask(path, wishes) {
  const options = wishes && { method: "POST", body: JSON.stringify(wishes), headers: { "Content-Type": "application/json" } };
  const response = await fetch(`lobby/${path}`, { ...options, cache: "no-store" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message ?? `the server answers with status ${response.status}`);
  return answer;
}

// ------------------------------------------------------------------------------------------------ coming in

function enter(kind, code) {
  location.href = `${kind}/?room=${code}`;
}

// The page of the game joins with a session key of its own, by which it gets its place back after a lost connection.
// A seat is kept for some seconds only, and a page that loads Python may take longer.
function enterSeat(seat) {
  const code = new URL(seat.url).pathname.split("/").pop();
  enter(kindOf(seat.url), code);
}

// The seat is a JWT, which names the kind of the room; only the server can check it.
function kindOf(url) {
  const claims = new URL(url).searchParams.get("seat").split(".")[1];
  return JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).knd;
}

async function take(path, wishes) {
  byId("problem").textContent = "";
  try {
    enterSeat(await ask(path, wishes));
  } catch (problem) {
    byId("problem").textContent = `That did not work: ${problem.message}`;
  }
}

byId("by-code").addEventListener("submit", (event) => {
  event.preventDefault();
  const code = byId("code").value.trim();
  if (code) take(`join/${encodeURIComponent(code)}`, {});
});

for (const game of games) {
  const { kind } = game.dataset;
  game.querySelector(".quick").addEventListener("click", () => take(`${kind}/quick`, {}));
  for (const button of game.querySelectorAll(".create")) {
    button.addEventListener("click", () => take(`${kind}/create`, { private: button.classList.contains("private") }));
  }
}

// ------------------------------------------------------------------------------------------------ the lists

function row(room) {
  const made = element("li");
  const join = element("button", "plain", "Join");
  join.type = "button";
  join.setAttribute("aria-label", `Join ${room.code}`);
  join.addEventListener("click", () => enter(room.kind, room.code));
  made.append(element("code", "", room.code), element("span", "taken", `${room.taken} of ${room.max_peers}`), join);
  return made;
}

function show(game, rooms) {
  const shown = JSON.stringify(rooms);
  if (game.dataset.shown === shown) return; // a finger that presses a button must not lose it
  game.dataset.shown = shown;
  game.querySelector(".count").textContent = rooms.length;
  const none = element("li", "none", "No open room: play now, and a room is made.");
  game.querySelector(".open").replaceChildren(...(rooms.length ? rooms.map(row) : [none]));
}

async function look() {
  try {
    const lists = await Promise.all(games.map((game) => ask(game.dataset.kind)));
    games.forEach((game, place) => show(game, lists[place].rooms.map((room) => ({ kind: game.dataset.kind, ...room }))));
    setState("connected", "Open");
  } catch {
    setState("waiting", "No connection");
  }
  setTimeout(look, PAUSE);
}

look();
