// The page of the push example: one WebSocket, and the notifications that it brings. What travels says server.py.

const RETRY_FIRST = 0.5;      // seconds before the next attempt; doubled each time ...
const RETRY_MOST = 30;        // ... up to this, and spread, so that a server that comes back is not met by all at once
const PATIENCE = 10;          // seconds for a connection to open
const SILENCE = 45;           // seconds without a word on an open one: it is dead, the server beats every 20
const SHOWN = 200;            // older ones leave the page

const byId = (id) => document.getElementById(id);

let socket = null;
let heardAt = 0;
let failures = 0;             // in a row
let retry = 0;                // the timer of the next attempt
let run = '';                 // whose numbers they are: a server that began anew is another run
let last = 0;                 // the newest number shown; the next one has to be the one after it

// --- Connection ----------------------------------------------------------------------------------------------------

function connect() {
  leave();
  showState('connecting', failures ? 'Reconnecting' : 'Connecting');
  const own = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/notifications?run=${run}&after=${last}`);
  socket = own;
  heardAt = Date.now();
  own.onmessage = (event) => receive(JSON.parse(event.data));
  own.onclose = () => { if (own === socket) retryLater(); };
}

// From `close` on no message comes, whatever is under way: the next connection brings it again.
function leave() {
  clearTimeout(retry);
  const old = socket;
  socket = null;
  old?.close();
}

function retryLater() {
  leave();
  const pause = Math.min(RETRY_MOST, RETRY_FIRST * 2 ** failures) * (0.5 + Math.random() / 2);
  failures += 1;
  retry = setTimeout(connect, pause * 1000);
  showState('waiting', 'Reconnecting');
}

// A network that is gone says nothing. The clock on the wall goes on while the machine sleeps, timers do not.
function isDead() {
  const limit = socket?.readyState === WebSocket.OPEN ? SILENCE : PATIENCE;
  return socket !== null && Date.now() - heardAt > limit * 1000;
}

function wake() {
  if (!document.hidden && (!socket || isDead())) connect();
}

// --- What the server says ------------------------------------------------------------------------------------------

function receive(message) {
  heardAt = Date.now();
  if ('run' in message) {
    begin(message);
  } else if ('beat' in message) {
    failures = 0;             // a connection that lives so long is a good one
    if (message.beat !== last) retryLater();
  } else if (message.number === last + 1) {
    last = message.number;
    showNotification(message);
  } else {
    retryLater();             // the server had no room for one: fetch it
  }
}

function begin(message) {
  const first = run === '';
  if (run !== message.run) {
    if (!first) showRow('event', 'The server began anew');
    last = 0;
    run = message.run;
  }
  const lost = message.after - last;
  if (lost && !first) showRow('event', `Missed ${lost}: older than what the server keeps`);
  last = message.after;
  showState('connected', 'Connected');
}

// --- What is seen --------------------------------------------------------------------------------------------------

function showRow(kind, ...parts) {
  const row = document.createElement('li');
  row.className = kind;
  row.append(...parts);
  byId('list').prepend(row);
  while (byId('list').childElementCount > SHOWN) byId('list').lastElementChild.remove();
}

function showNotification({ text, time }) {
  const words = document.createElement('p');
  words.dir = 'auto';
  words.textContent = text;
  const when = document.createElement('time');
  when.dateTime = new Date(time * 1000).toISOString();
  when.textContent = new Date(time * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  showRow('notification', words, when);
  if (document.hidden && allowed() === 'granted') tellSystem(text);
}

function showState(state, words) {
  byId('state').dataset.state = state;
  byId('state').textContent = words;
  byId('notice').hidden = state !== 'waiting';
}

// --- The system's notifications ------------------------------------------------------------------------------------

function allowed() {
  return isSecureContext && 'Notification' in window ? Notification.permission : 'denied';
}

function tellSystem(text) {
  try {                       // one tag: of several that come at once the newest stays, also from two tabs
    const shown = new Notification('gdpeer push', { body: text, tag: 'gdpeer-push' });
    shown.onclick = () => { window.focus(); shown.close(); };
  } catch {
    byId('told').textContent = 'This browser lets only service workers show notifications.';
  }
}

function showPermission() {
  byId('allow').hidden = allowed() !== 'default';
  byId('told').textContent = {
    default: '',
    granted: 'The system shows what comes while this page is in the background.',
    denied: isSecureContext ? 'This browser shows no notifications of this page.' : 'Notifications of the system need https.',
  }[allowed()];
}

byId('address').textContent = `${location.origin}/notify`;
byId('retry').addEventListener('click', connect);
byId('allow').addEventListener('click', () => Notification.requestPermission().then(showPermission));
document.addEventListener('visibilitychange', wake);
addEventListener('online', wake);
setInterval(() => { if (isDead()) retryLater(); }, 5000);
showPermission();
connect();
