// The chat page: one WebSocket, the lines that it brings, and who is there.
//
// The server speaks to every client in lines of text: "[12] connected", "[12] Says: hello", "[12] disconnected" and
// "Server says: hello". It does not send a client's own text back. Who was there before, and which number is one's own,
// is told by GET /peers.

const PROTOCOL = 'demo-chat';
const PATH = '/test/';
const MAX_LENGTH = 500;       // characters of a message; the field's maxlength says the same
const MAX_ENTRIES = 500;      // older ones leave the page
const GROUP_SECONDS = 120;    // messages of one sender that follow each other closely share a head
const FACES_SHOWN = 3;

// Waiting before the next attempt: doubled each time, and spread out so that a server that comes back is not met by
// everyone at once. A connection that held for STABLE seconds begins anew.
const RETRY_FIRST = 0.5;
const RETRY_MOST = 15;
const STABLE = 5;
const CONNECT_LIMIT = 10;

const SVG = 'http://www.w3.org/2000/svg';
const byId = (id) => document.getElementById(id);
const seconds = () => performance.now() / 1000;


// --- Small parts ---------------------------------------------------------------------------------------------------

function element(name, className = '', text = '') {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function drawing(className, viewBox, path) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', className);
  svg.setAttribute('viewBox', viewBox);
  svg.setAttribute('aria-hidden', 'true');
  const shape = document.createElementNS(SVG, 'path');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}

function hash(id) {
  let value = Number(id) | 0;
  for (const factor of [0x85ebca6b, 0xc2b2ae35]) {
    value = Math.imul(value ^ (value >>> 15), factor);
  }
  return (value ^ (value >>> 16)) >>> 0;
}

// A face for a number: a 5 by 5 pattern, the same on both sides, and a hue.
function face(id) {
  const bits = hash(id);
  let path = '';
  for (let row = 0; row < 5; row += 1) {
    for (let column = 0; column < 3; column += 1) {
      if ((bits >>> (row * 3 + column)) & 1 || (row === 2 && column === 2)) {
        path += `M${column + 1.5} ${row + 1.5}h1v1h-1z`;
        if (column < 2) path += `M${5.5 - column} ${row + 1.5}h1v1h-1z`;
      }
    }
  }
  const svg = drawing('face', '0 0 8 8', path);
  svg.style.setProperty('--hue', String((bits >>> 15) % 360));
  return svg;
}


// --- Who is there --------------------------------------------------------------------------------------------------

const people = {
  ids: new Set(),
  you: null,
  changes: null,              // [id, present] seen while the list is being fetched; they win over what it says

  set(id, present) {
    if (this.changes) this.changes.push([id, present]);
    if (present) this.ids.add(id);
    else this.ids.delete(id);
    this.show();
  },

  clear() {
    this.ids.clear();
    this.you = null;
    this.changes = null;
    this.show();
  },

  async fetch(tag, stillWanted) {
    this.changes = [];
    const response = await fetch(`/peers?tag=${tag}`, { cache: 'no-store' });
    const answer = await response.json();
    if (!stillWanted()) return;
    const changes = this.changes;
    this.changes = null;
    this.ids = new Set(answer.peers);
    this.you = answer.you;
    for (const [id, present] of changes) this.set(id, present);
    this.show();
  },

  ordered() {
    const others = [...this.ids].filter((id) => id !== this.you);
    return this.ids.has(this.you) ? [this.you, ...others] : others;
  },

  show() {
    const ids = this.ordered();
    byId('count').textContent = byId('who-count').textContent = String(ids.length);
    byId('faces').replaceChildren(...ids.slice(0, FACES_SHOWN).map(face));
    const rows = ids.map((id) => this.row(id));
    byId('list').replaceChildren(...(rows.length ? rows : [element('li', 'none', 'You are not connected.')]));
  },

  row(id) {
    const row = element('li');
    row.dataset.id = String(id);
    row.append(face(id), element('span', 'id', String(id)));
    if (id === this.you) row.append(element('span', 'you', 'You'));
    return row;
  },
};


// --- Messages ------------------------------------------------------------------------------------------------------

const log = {
  last: { sender: '', when: -Infinity },
  following: true,            // whether the newest message is in view; new ones then keep it so

  add(kind, sender, parts) {
    if (kind !== 'event') byId('empty').hidden = true;
    const item = element('li', `entry ${kind}`);
    const groups = kind === 'own' || kind === 'other';
    if (groups && this.last.sender === sender && seconds() - this.last.when < GROUP_SECONDS) item.classList.add('more');
    this.last = { sender: groups ? sender : '', when: seconds() };
    item.append(...parts);
    const list = byId('log');
    list.append(item);
    while (list.childElementCount > MAX_ENTRIES) list.firstElementChild.remove();
    if (this.following || kind === 'own') this.toEnd();
    else if (kind !== 'event') byId('newer').hidden = false;
  },

  head(name) {
    const now = new Date();
    const head = element('div', 'head');
    const time = element('time', '', now.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    time.dateTime = now.toISOString();
    head.append(element('span', 'id', name), time);
    return head;
  },

  text(words) {
    const text = element('div', 'text', words);
    text.dir = 'auto';
    return text;
  },

  other(id, words) { this.add('other', id, [face(id), this.head(id), this.text(words)]); },
  own(words) { this.add('own', 'you', [this.head('You'), this.text(words)]); },
  server(words) {
    const bell = drawing('bell', '0 0 24 24',
      'M4 10v4h3l6 4V6L7 10zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11');
    this.add('server', '', [bell, this.head('Server'), this.text(words)]);
  },
  event(words, id = '') {
    const name = id ? [element('code', '', id), ' '] : [];
    this.add('event', '', [...name, words]);
  },

  atEnd() {
    const box = byId('scroll');
    return box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  },

  scrolled() {
    this.following = this.atEnd();
    if (this.following) byId('newer').hidden = true;
  },

  toEnd() {
    const box = byId('scroll');
    box.scrollTop = box.scrollHeight;
    this.following = true;
    byId('newer').hidden = true;
  },
};

// One line of the server. A text can hold anything, but it always comes after its sender's number.
function receive(data) {
  if (typeof data !== 'string') {
    log.event(`${data.byteLength} bytes that are not text`);
    return;
  }
  const [, id, rest] = /^\[(\d+)\] (.*)$/s.exec(data) ?? [];
  if (rest === 'connected' || rest === 'disconnected') {
    people.set(Number(id), rest === 'connected');
    log.event(rest === 'connected' ? 'joined' : 'left', id);
  } else if (rest?.startsWith('Says: ')) {
    log.other(id, rest.slice('Says: '.length));
  } else if (data.startsWith('Server says: ')) {
    log.server(data.slice('Server says: '.length));
  } else {
    log.event(data);
  }
}


// --- Connection ----------------------------------------------------------------------------------------------------

const connection = {
  socket: null,
  failures: 0,                // in a row
  openedAt: 0,
  wasOpen: false,
  wanted: true,
  limit: 0,
  ticking: 0,
  retryAt: 0,

  get isOpen() { return this.socket?.readyState === WebSocket.OPEN; },

  connect() {
    clearInterval(this.ticking);
    this.wanted = true;
    show(this.wasOpen || this.failures ? 'waiting' : 'connecting', this.wasOpen ? 'Reconnecting' : 'Connecting');
    const tag = Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join('');
    const socket = new WebSocket(`${address()}?tag=${tag}`, PROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.limit = setTimeout(() => socket.close(), CONNECT_LIMIT * 1000);
    socket.onopen = () => { if (this.socket === socket) this.opened(socket, tag); };
    socket.onmessage = (event) => { if (this.socket === socket) receive(event.data); };
    socket.onclose = (event) => this.closed(socket, event);
  },

  opened(socket, tag) {
    clearTimeout(this.limit);
    this.openedAt = seconds();
    log.event(this.wasOpen ? 'You are connected again' : 'You are connected');
    this.wasOpen = true;
    show('connected', 'Connected');
    people.fetch(tag, () => this.socket === socket).catch(() => log.event('Who else is here could not be read'));
  },

  closed(socket, event) {
    if (this.socket !== socket) return;
    clearTimeout(this.limit);
    this.socket = null;
    const held = this.openedAt ? seconds() - this.openedAt : 0;
    if (held > 0) log.event(this.wanted ? `Connection lost${explained(event)}` : 'You left');
    if (held >= STABLE) this.failures = 0;
    this.openedAt = 0;
    people.clear();
    if (this.wanted) this.retryLater();
    else show('left', 'Not connected');
  },

  retryLater() {
    const wait = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.retryAt = seconds() + wait;
    show('waiting', this.wasOpen ? 'Reconnecting' : 'No connection');
    clearInterval(this.ticking);
    this.ticking = setInterval(() => this.tick(), 250);
    this.tick();
  },

  tick() {
    const left = this.retryAt - seconds();
    byId('notice-timer').textContent = left > 0.5 ? `Next try in ${Math.ceil(left)} s` : 'Trying…';
    if (left <= 0) this.connect();
  },

  retryNow() {
    if (!this.socket && this.wanted) this.connect();
  },

  leave() {
    this.wanted = false;
    clearInterval(this.ticking);
    const socket = this.socket;
    socket?.close(1000);
    if (socket) this.closed(socket, { reason: '' });
    else show('left', 'Not connected');
  },

  toggle() {
    if (this.wanted) {
      this.leave();
    } else {
      this.failures = 0;
      this.wasOpen = false;
      this.connect();
    }
  },

  send(words) {
    this.socket.send(words);
    log.own(words);
  },
};

function address() {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}${PATH}`;
}

function explained(event) {
  return event.reason ? `: ${event.reason}` : '';
}

function show(state, words) {
  byId('state').dataset.state = state;
  if (byId('state-text').textContent !== words) byId('state-text').textContent = words;
  byId('notice').hidden = state === 'connected' || state === 'connecting';
  byId('notice-timer').hidden = state === 'left';
  byId('notice-text').textContent = state === 'left' ? 'You left the chat.' : 'No connection to the server.';
  byId('retry').textContent = state === 'left' ? 'Join again' : 'Try now';
  byId('toggle').textContent = state === 'left' ? 'Join the chat' : 'Leave the chat';
  allowSending();
}


// --- Writing -------------------------------------------------------------------------------------------------------

function allowSending() {
  byId('send').disabled = !connection.isOpen || !byId('text').value.trim();
}

function fit() {
  const field = byId('text');
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight + 2}px`;
  const left = MAX_LENGTH - field.value.length;
  byId('left').textContent = String(left);
  byId('left').hidden = left > 100;
  byId('left').classList.toggle('few', left <= 20);
  allowSending();
}

function submit(event) {
  event.preventDefault();
  const field = byId('text');
  const words = field.value.trim();
  if (!words || !connection.isOpen) return;
  connection.send(words);
  field.value = '';
  fit();
  field.focus();
}

function typed(event) {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId('form').requestSubmit();
}

function togglePeople(open) {
  byId('people').classList.toggle('open', open);
  byId('who').setAttribute('aria-expanded', String(byId('people').classList.contains('open')));
}

byId('address').textContent = address();
byId('protocol').textContent = PROTOCOL;
byId('form').addEventListener('submit', submit);
byId('text').addEventListener('input', fit);
byId('text').addEventListener('keydown', typed);
byId('who').addEventListener('click', () => togglePeople());
byId('toggle').addEventListener('click', () => connection.toggle());
byId('retry').addEventListener('click', () => (connection.wanted ? connection.retryNow() : connection.toggle()));
byId('newer').addEventListener('click', () => log.toEnd());
byId('scroll').addEventListener('scroll', () => log.scrolled());
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !byId('people').classList.contains('open')) return;
  togglePeople(false);
  byId('who').focus();
});
new ResizeObserver(() => { if (log.following) log.toEnd(); }).observe(byId('scroll'));
addEventListener('online', () => connection.retryNow());
document.addEventListener('visibilitychange', () => { if (!document.hidden) connection.retryNow(); });

people.show();
fit();
connection.connect();
