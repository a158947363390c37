"""A web server on this machine that behaves, and one way of misbehaving for each folder."""
import http.server
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /WAY/FILE: the file of server.files, in that way."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):  # noqa: N802 (the name is http.server's)
        _, way, name = self.path.split("/", 2)
        with self.server.lock:
            self.server.seen.append((way, name, self.headers.get("Range")))
            count = len(self.server.seen)
        if name not in self.server.files or way == "absent":
            self.send_error(404)
        else:
            getattr(self, "way_" + way)(self.server.files[name], count)

    def begin(self, data, tag='"one"', ranges=True):
        """The header; returns what of the data is to be sent."""
        wanted, status, first = self.headers.get("Range"), 200, 0
        if wanted and ranges and self.headers.get("If-Range", tag) == tag:
            status, first = 206, int(wanted[len("bytes="):-1])
        if first >= len(data) > 0:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return b""
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        if tag:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        return data[first:]

    def cut(self, rest, most):
        self.wfile.write(rest[:most])
        if len(rest) > most:
            self.wfile.flush()
            self.close_connection = True

    def way_good(self, data, _):
        self.wfile.write(self.begin(data))

    def way_cut(self, data, _):
        """A quarter of the file at a time, then the connection breaks."""
        self.cut(self.begin(data), len(data) // 4 + 1)

    def way_forgetful(self, data, _):
        """Breaks off, and always begins anew."""
        self.cut(self.begin(data, ranges=False), len(data) // 4 + 1)

    def way_changing(self, data, count):
        """Breaks off once, and has another version by then."""
        rest = self.begin(data if count > 1 else data[::-1], f'"{count}"')
        self.cut(rest, len(data) if count > 1 else len(data) // 2)

    def way_lying(self, data, count):
        """Breaks off once, then sends another part than was asked for."""
        if count == 1:
            self.cut(self.begin(data), len(data) // 2)
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 0-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def way_careless(self, data, count):
        """Breaks off once, has another version then, and goes on in it whatever If-Range says."""
        if count == 1:
            self.cut(self.begin(data[::-1]), len(data) // 2)
            return
        del self.headers["If-Range"]
        self.wfile.write(self.begin(data, '"two"'))

    def way_wrong(self, data, _):
        self.wfile.write(self.begin(data[:-1] + bytes([data[-1] ^ 1])))

    def way_page(self, _, __):
        self.wfile.write(self.begin(b"<html>Please log in</html>"))

    def way_empty(self, _, __):
        self.begin(b"")

    def way_busy(self, _, __):
        self.send_error(503)

    def way_loop(self, _, __):
        self.send_response(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def way_moved(self, _, __):
        self.send_response(302)
        self.send_header("Location", self.path.replace("/moved/", "/good/"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def way_slow(self, data, _):
        """Late, but never silent for long."""
        rest = self.begin(data)
        for at in range(0, len(rest), len(rest) // 8 + 1):
            self.wfile.write(rest[at:at + len(rest) // 8 + 1])
            self.wfile.flush()
            time.sleep(0.1)

    def way_unsized(self, data, _):
        """Does not say how long it is."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def way_stuck(self, data, _):
        """Begins, and falls silent; the rest never comes."""
        rest = self.begin(data)
        self.wfile.write(rest[:100] if len(rest) == len(data) else b"")
        self.wfile.flush()
        self.server.stop.wait(20)
        self.close_connection = True

    def way_huge(self, _, __):
        self.send_response(200)
        self.send_header("Content-Length", str(5 << 30))
        self.end_headers()
        self.close_connection = True


class Quiet(http.server.ThreadingHTTPServer):
    """One that does not complain about clients that go."""
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Server:
    """`files`: name → bytes; `seen`: the requests."""

    def __init__(self, files):
        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.http.files, self.http.seen, self.http.lock = files, [], threading.Lock()
        self.http.stop = threading.Event()
        self.seen = self.http.seen
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, way, name):
        return f"http://127.0.0.1:{self.http.server_port}/{way}/{name}"

    def close(self):
        self.http.stop.set()
        self.http.shutdown()
        self.http.server_close()
