// An echo server on Node's `ws`: node server.mjs DEFLATE. The text "bye!" makes it close with 4003.
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(process.env.GDPEER_NODE_MODULES + "/")("ws");
const deflate = process.argv[2] === "true" ? { threshold: 0 } : false;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: deflate });
const say = (fields) => console.log(JSON.stringify(fields));

server.on("listening", () => say({ event: "listening", port: server.address().port }));
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => {
    if (data.toString() === "bye!") socket.close(4003, "from node");
    else socket.send(data, { binary });
  });
  socket.on("close", (code, reason) => say({ event: "closed", code, reason: reason.toString() }));
});
