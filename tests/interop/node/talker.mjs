// A server on Node's `ws` that speaks first: node talker.mjs DEFLATE. It chooses the last protocol offered, sends a
// message in three fragments with a ping between them, and prints the pong and the close as JSON lines.
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(process.env.GDPEER_NODE_MODULES + "/")("ws");
const perMessageDeflate = process.argv[2] === "true" && { threshold: 0 };
const handleProtocols = (protocols) => [...protocols].pop() ?? false;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate, handleProtocols });
const say = (fields) => console.log(JSON.stringify(fields));

server.on("listening", () => say({ event: "listening", port: server.address().port }));
server.on("connection", (socket) => {
  socket.on("pong", (data) => say({ event: "pong", data: data.toString() }));
  socket.on("close", (code, reason) => say({ event: "closed", code, reason: reason.toString() }));
  socket.send("frag", { fin: false });
  socket.ping("are you there");
  socket.send("men", { fin: false });
  socket.send("ts", { fin: true });
});
