from gdpeer import OK, WebSocketServer, http

server = WebSocketServer()


def scores(request):
    """Answer one address; None says that another handler may answer."""
    if request.path != "/scores" or request.method != "GET":
        return None
    return http.Response.json({"players": len(server.peers), "asked": request.query})


server.http_handler = http.chain(scores, http.StaticFolder("page"))
server.allowed_paths = ["/game"]  # WebSockets here only; others get 404
server.allowed_origins = ["http://localhost:8000"]  # pages of others get 403; programs send no Origin and are let in

if server.listen(8000) != OK:
    raise SystemExit(server.get_listen_error())
while True:
    server.poll(timeout=0.05)
