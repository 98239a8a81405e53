// A row in words.

const MOST = 1000;

export const ARROWS = { to_server: "→", to_client: "←" };
export const WAYS = { to_server: "to the server", to_client: "to the client" };

export function summary(row) {
  if (row.problem) return `undecoded: ${row.problem}`;
  if (row.method) return `${row.path ?? ""}:${row.method}(${(row.arguments ?? []).join(", ")})`.slice(0, MOST);
  const states = (row.states ?? []).map(stateText).join(", ").slice(0, MOST);
  return [row.path, [row.detail, states].filter(Boolean).join(": ")].filter(Boolean).join(" ");
}

export function stateText(state) {
  if (state.undecoded !== undefined) return `${state.name}(${state.undecoded} bytes, not decoded)`;
  return `${state.name}(${stateValues(state).join(", ")})`;
}

export function stateValues(state) {
  const names = state.properties;
  return state.values.map((value, at) => (names?.[at] ? `${names[at]} = ${value}` : value));
}

export const client = (row) => `#${row.peer}${row.id === undefined ? "" : ` ${row.id}`}`;

export function relay(row) {
  if (!row.relayed) return "";
  return row.direction === "to_server" ? `to ${row.target}` : `from ${row.source}`;
}
