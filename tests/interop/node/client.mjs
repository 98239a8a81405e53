// A client on Node's `ws`: node client.mjs URL DEFLATE. Sends one of everything, prints what comes back as JSON lines.
import { createRequire } from "node:module";

const { WebSocket } = createRequire(process.env.GDPEER_NODE_MODULES + "/")("ws");
const socket = new WebSocket(process.argv[2], ["demo"], { perMessageDeflate: process.argv[3] === "true" });
const say = (fields) => console.log(JSON.stringify(fields));
let wanted = 5;

socket.on("open", () => {
  say({ event: "open", protocol: socket.protocol, extensions: socket.extensions });
  socket.send("text");
  socket.send(Buffer.from([0, 255]));
  socket.send("");
  socket.send("x".repeat(70000));
  socket.send("frag", { fin: false });
  socket.send("ments", { fin: true });
  socket.ping("are you there");
});
socket.on("pong", (data) => say({ event: "pong", data: data.toString() }));
socket.on("message", (data, binary) => {
  say({ event: "message", binary, length: data.length, start: data.subarray(0, 9).toString("latin1") });
  if (--wanted === 0) socket.close(4001, "from node");
});
socket.on("close", (code, reason) => say({ event: "closed", code, reason: reason.toString() }));
socket.on("error", (error) => say({ event: "error", what: String(error) }));
