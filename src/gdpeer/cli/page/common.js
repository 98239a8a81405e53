// What the scripts of this page share. Everything that the page shows comes from strangers: it is set as text only.

export const byId = (id) => document.getElementById(id);

export function part(name, text, kind = "span") {
  const element = document.createElement(kind);
  element.className = name;
  element.textContent = text;
  return element;
}

export function put(id, text) {
  if (byId(id).textContent !== String(text)) byId(id).textContent = text;
}

const QUIET = 3000; // milliseconds between two texts for screen readers
let next = "";
let timer = 0;

// Tells screen readers a text. Of several texts within a short time only the last is told, so that they never queue up.
export function tell(text) {
  next = text;
  if (timer) return;
  const speak = () => {
    timer = 0;
    if (!next) return;
    byId("news").textContent = next;
    next = "";
    timer = setTimeout(speak, QUIET);
  };
  timer = setTimeout(speak, 300);
}

export function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// The clipboard is closed to pages of other machines without TLS; an old command works there.
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = part("hidden", "", "textarea");
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  tell(`${what} copied`);
}
