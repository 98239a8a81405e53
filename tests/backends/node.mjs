// Runs cases in Pyodide in Node, with the package `ws` as the global WebSocket: Node 20 has none of its own.
//
//   node node.mjs ARCHIVE...      then a line of JSON for each case: ["module", "name", "ws://..."]; the answer is one, too

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { boot } from "./page.mjs";

const packages = process.env.GDPEER_NODE_MODULES;
globalThis.WebSocket = createRequire(packages + "/")("ws");
const { loadPyodide } = await import(pathToFileURL(packages + "/pyodide/pyodide.mjs"));
const archives = process.argv.slice(2).map((path) => new Uint8Array(readFileSync(path)));
const run = await boot(loadPyodide, { stdout: console.error, stderr: console.error }, archives);
console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(...JSON.parse(line))));
}
process.exit(0);
