"""socketify (uWebSockets underneath)."""

from _common import MAX_SIZE, arguments
from socketify import App, AppListenOptions, CompressOptions


def echo(ws, message, opcode):
    ws.send(message, opcode)


def join(ws):
    ws.subscribe("all")


def main(port):
    app = App()

    def fanout(ws, message, opcode):
        app.publish("all", message, opcode)

    common = {
        "compression": CompressOptions.DISABLED,
        "max_payload_length": MAX_SIZE,
        "max_backpressure": MAX_SIZE,
        "idle_timeout": 120,
        "send_pings_automatically": False,
    }
    app.ws("/fanout", {**common, "open": join, "message": fanout})
    app.ws("/*", {**common, "message": echo})
    app.listen(AppListenOptions(port=port, host="127.0.0.1"), lambda config: None)
    app.run()


if __name__ == "__main__":
    main(arguments().port)
