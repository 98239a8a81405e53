// Node's `ws` where the other side closes: node our_close.mjs URL DEFLATE SIZE MODE. MODE: "close" asks an echo server
// to close, after an echo of SIZE bytes; "send" only sends SIZE bytes. Prints JSON lines.
import { createRequire } from "node:module";

const { WebSocket } = createRequire(process.env.GDPEER_NODE_MODULES + "/")("ws");
const [, , url, deflate, size, mode] = process.argv;
const perMessageDeflate = deflate === "true" && { threshold: 0 };
const socket = new WebSocket(url, ["demo"], { perMessageDeflate, maxPayload: 1 << 24 });
const say = (fields) => console.log(JSON.stringify(fields));
const payload = Buffer.alloc(Number(size), "gdpeer");

socket.on("open", () => socket.send(payload));
socket.on("message", (data, binary) => {
  say({ event: "message", binary, length: data.length, same: Buffer.compare(data, payload) === 0 });
  if (mode === "close") socket.send("bye!");
});
socket.on("close", (code, reason) => say({ event: "closed", code, reason: reason.toString() }));
socket.on("error", (error) => say({ event: "error", what: String(error) }));
