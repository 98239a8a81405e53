// Starts Python in a page: loads Pyodide, gdpeer and the page's own Python files, and runs its main.py.
//
//     <script type="module" src="gdpeer/boot.mjs"></script>
//     <script type="text/python" src="main.py"></script>
//     <script type="text/python" src="rules.py"></script>      for `import rules`
//
// The Python files are those of the script elements; without any it is main.py alone. What main.py prints goes to the
// console. The page stays as it is while it starts but for a panel, the element with the id `gdpeer-boot` (made where
// there is none, at the top of the page), which shows how far it has come, and what went wrong:
//
//     <section id="gdpeer-boot" data-state="loading | starting | problem">
//       <h2>, <p>, <progress>, <pre> and <button>, of which those that do not apply are hidden
//
// It is hidden at the end. A page that rather shows it itself listens to the events at `document`, and calls
// `event.preventDefault()` where the panel shall do nothing:
//
//     gdpeer:progress   detail: {state: 'loading' or 'starting', loaded, total}, in bytes; total is 0 until it is known
//     gdpeer:problem    detail: {kind: 'browser', 'missing', 'download' or 'python', title, text, code}
//     gdpeer:ready      detail: {pyodide}; main.py ran to its end, and gdpeer.run goes on
//
// It needs 'wasm-unsafe-eval' in the page's Content-Security-Policy beside 'self'.

const STALLED = 30_000;        // milliseconds without a byte, after which a download is given up
const KNOWN = 'gdpeer-boot';


// --- Problems ------------------------------------------------------------------------------------------------------

class Problem extends Error {
  constructor(kind, title, text, code = '') {
    super(`${title}: ${text}`);
    this.detail = { kind, title, text, code };
  }
}

const downloadFailed = (name, why) => new Problem(
  'download', 'A download failed', `${name}: ${why}. Is the server still there? What was loaded is kept.`);

const browserTooOld = (what) => new Problem(
  'browser', 'This browser cannot run the page',
  `${what}. The page needs a current browser with WebAssembly, which some privacy settings turn off.`);

const pyodideMissing = (files) => new Problem(
  'missing', 'Pyodide is not installed at the server',
  `It is what runs Python in a page. Install it in the folder where the server is started, or name its folder in ${
    files.environment}; then try again.`, files.install);

function checkBrowser() {
  if (typeof WebAssembly !== 'object') throw browserTooOld('It has no WebAssembly, or it is turned off');
  const needed = [WebAssembly.instantiateStreaming, globalThis.BigInt64Array, globalThis.ReadableStream];
  if (!needed.every(Boolean)) throw browserTooOld('It is too old');
}


// --- Showing -------------------------------------------------------------------------------------------------------

const inMegabytes = (bytes) => (bytes / 1e6).toFixed(1);

const panel = {
  parts: null,

  get() {
    if (!this.parts) {
      const root = document.getElementById(KNOWN) ?? this.add(document.body, 'section', 'prepend');
      root.id = KNOWN;
      const names = ['h2', 'p', 'progress', 'pre', 'button'];
      const made = names.map((name) => this.add(root, name));
      this.parts = { root, ...Object.fromEntries(names.map((name, place) => [name, made[place]])) };
      this.parts.progress.setAttribute('aria-label', 'Loading');
      this.parts.button.type = 'button';
      this.parts.button.addEventListener('click', () => location.reload());
    }
    return this.parts;
  },

  add(parent, name, how = 'append') {
    const made = document.createElement(name);
    parent[how](made);
    return made;
  },

  fill(state, title, text, code, button) {
    const parts = this.get();
    parts.root.dataset.state = state;
    parts.root.hidden = false;
    for (const [name, words] of Object.entries({ h2: title, p: text, pre: code, button })) {
      if (parts[name].textContent !== words) parts[name].textContent = words;
      parts[name].hidden = !words;
    }
    parts.progress.hidden = state === 'problem';
  },

  progress({ state, loaded, total }) {
    const isLoading = state === 'loading';
    const amount = isLoading && total ? `${inMegabytes(loaded)} of ${inMegabytes(total)} MB` : '';
    this.fill(state, isLoading ? 'Loading Python' : 'Starting Python', amount, '', '');
    const { progress } = this.get();
    if (amount) {
      progress.max = total;
      progress.value = loaded;
      progress.setAttribute('aria-valuetext', amount);
    } else {
      progress.removeAttribute('value');
      progress.removeAttribute('aria-valuetext');
    }
  },

  problem({ kind, title, text, code }) {
    this.fill('problem', title, text, code, kind === 'browser' ? '' : 'Try again');
    this.get().root.setAttribute('role', 'alert');
  },

  ready() { this.get().root.hidden = true; },
};

let isOver = false;

function tell(name, detail) {
  if (isOver) return;          // other downloads may still come in after one has failed
  isOver = name !== 'progress';
  const event = new CustomEvent(`gdpeer:${name}`, { detail, cancelable: true });
  if (document.dispatchEvent(event)) panel[name](detail);
}


// --- Loading -------------------------------------------------------------------------------------------------------

const fetchReally = globalThis.fetch?.bind(globalThis);
const nameOf = (url) => new URL(url).pathname.split('/').pop();

// Counts what comes. `failed` is rejected by the first download that fails, and never fulfilled: Pyodide itself would
// wait for ever.
const downloads = {
  loaded: 0,
  total: 0,
  watch: 0,

  begin(total) {
    this.total = total;
    this.failed = new Promise((_, reject) => { this.fail = reject; });
    this.failed.catch(() => {});
    this.count(0);
  },

  count(bytes) {
    this.loaded += bytes;
    clearTimeout(this.watch);
    if (this.loaded < this.total && !isOver) {
      this.watch = setTimeout(() => this.fail(downloadFailed('The server', 'nothing came for half a minute')), STALLED);
    }
    tell('progress', { state: 'loading', loaded: Math.min(this.loaded, this.total), total: this.total });
  },

  // What `load` gives; where it throws, that is why all failed.
  async guard(url, load) {
    try {
      return await load();
    } catch (error) {
      const problem = downloadFailed(nameOf(url), error.message);
      this.fail(problem);
      throw problem;
    }
  },

  fetch(url, options) {
    return this.guard(url, async () => {
      const response = await fetchReally(url, options);
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      return response;
    });
  },

  // A response whose bytes are counted as they come, whether somebody reads them already or not.
  async counted(url) {
    const response = await this.fetch(url);
    const reader = response.body.getReader();
    const pull = (controller) => this.guard(url, async () => {
      const { done, value } = await reader.read();
      if (done) {
        controller.close();
      } else {
        this.count(value.byteLength);
        controller.enqueue(value);
      }
    });
    return new Response(new ReadableStream({ pull }, { highWaterMark: Infinity }), { headers: response.headers });
  },

  // A module: how much of it has come the browser does not tell.
  module(url, size) {
    return this.guard(url, async () => {
      const module = await import(url);
      this.count(size);
      return module;
    });
  },
};

// Pyodide fetches by itself, one after the other, and only prints what goes wrong. So everything is fetched here, at
// once, and handed to it as it asks; and what becomes of its WebAssembly is watched.
async function loadPyodide(base, sizes) {
  const names = Object.keys(sizes);
  const isModule = (name) => name.endsWith('.mjs');
  const modules = names.filter(isModule).map((name) => downloads.module(base + name, sizes[name]));
  const files = new Map(names.filter((name) => !isModule(name)).map((name) => [name, downloads.counted(base + name)]));
  for (const promise of [...modules, ...files.values()]) promise.catch(() => {});
  await Promise.all(modules);
  const { loadPyodide: load } = await import(`${base}pyodide.mjs`);

  const { fetch } = globalThis;
  const { instantiateStreaming } = WebAssembly;
  globalThis.fetch = (what, options) => {
    const url = String(what);
    return (url.startsWith(base) && files.get(url.slice(base.length))) || fetch(what, options);
  };
  WebAssembly.instantiateStreaming = (...what) => {
    const made = instantiateStreaming.apply(WebAssembly, what);
    made.catch((error) => downloads.fail(browserTooOld(`Its WebAssembly failed: ${error.message}`)));
    return made;
  };
  try {
    return await load({ indexURL: base });
  } finally {
    Object.assign(globalThis, { fetch });
    Object.assign(WebAssembly, { instantiateStreaming });
  }
}

function pythonFiles() {
  const named = [...document.querySelectorAll('script[type="text/python"][src]')];
  const addresses = named.map((element) => element.getAttribute('src'));
  return (addresses.length ? addresses : ['main.py']).map((address) => new URL(address, document.baseURI).href);
}

async function fetchBytes(response) {
  return new Uint8Array(await (await response).arrayBuffer());
}


// --- Starting ------------------------------------------------------------------------------------------------------

async function load() {
  const listed = await fetchReally(new URL('files.json', import.meta.url), { cache: 'no-store' })
    .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`))))
    .catch((error) => { throw downloadFailed('files.json', error.message); });
  const { pyodide: installed, python } = listed;
  if (!installed) throw pyodideMissing(listed);

  const sizes = Object.values(installed.sizes);
  downloads.begin(sizes.reduce((sum, size) => sum + size, python.size));
  const addresses = pythonFiles();
  const sources = [
    downloads.counted(new URL(python.address, import.meta.url).href),
    ...addresses.map((address) => downloads.fetch(address, { cache: 'no-cache' })),
  ].map(fetchBytes);
  const all = Promise.all([loadPyodide(new URL(installed.address, import.meta.url).href, installed.sizes), ...sources]);
  const [pyodide, archive, ...files] = await Promise.race([all, downloads.failed]);
  pyodide.unpackArchive(archive, 'zip');
  files.forEach((bytes, place) => pyodide.FS.writeFile(nameOf(addresses[place]), bytes));
  return pyodide;
}

async function run(pyodide) {
  try {
    const source = pyodide.FS.readFile('main.py', { encoding: 'utf8' });
    await pyodide.runPythonAsync(source, { filename: 'main.py' });
  } catch (error) {
    console.error(error);
    const lines = error.message.trim().split('\n');
    throw new Problem('python', 'The program of this page failed', 'More stands in the console.', lines.pop());
  }
}

async function start() {
  checkBrowser();
  tell('progress', { state: 'loading', loaded: 0, total: 0 });
  const pyodide = await load();
  tell('progress', { state: 'starting', loaded: downloads.loaded, total: downloads.total });
  await run(pyodide);
  tell('ready', { pyodide });
}

start().catch((error) => {
  if (!(error instanceof Problem)) console.error(error);
  tell('problem', (error instanceof Problem ? error : browserTooOld(`Starting Python failed: ${error.message}`)).detail);
});
