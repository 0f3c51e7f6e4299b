"""Rerun's web viewer, served so that the browser talks to this machine alone.

The page as Rerun serves it asks for fonts and reports its use to servers of others, which no setting forbids. A
Content-Security-Policy does: https://www.w3.org/TR/CSP3.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urlsplit

from enet_ros.errors import ConfigError

LOOPBACK = "127.0.0.1"
REMEDY = "end another viewer that has this port, save a file (--view FILE.rrd), or, of `view`, use another --port"
_FETCH_S = 30.0


def policy(host: str, data_port: int) -> str:
    """What the page may load, and where it may send. host: by which the browser reached us."""
    here = "'self'"
    return "; ".join(
        (
            f"default-src {here}",
            f"script-src {here} 'unsafe-inline' 'wasm-unsafe-eval'",
            f"style-src {here} 'unsafe-inline'",
            f"img-src {here} data: blob:",
            f"worker-src {here} blob:",
            f"connect-src {here} data: blob: http://{host}:{data_port}",
            "form-action 'none'",
        )
    )


@contextmanager
def served(bind: str, port: int, data_port: int, page_port: int) -> Iterator[None]:
    """The page on http://bind:port. data_port: of the gRPC server; page_port: of Rerun's own page, on loopback.

    Raises ConfigError where the port is taken.
    """

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = urlsplit(f"//{self.headers.get('Host', LOOPBACK)}").hostname or LOOPBACK
            if urlsplit(self.path).path == "/" and "url=" not in self.path:
                data = quote(f"rerun+http://{host}:{data_port}/proxy", safe="")
                self.send_response(302)
                self.send_header("Location", f"/?url={data}&hide_welcome_screen&persist=0")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._pass_on(policy(host, data_port))

        def _pass_on(self, allowed: str) -> None:
            rerun = HTTPConnection(LOOPBACK, page_port, timeout=_FETCH_S)
            try:
                rerun.request("GET", self.path)
                answer = rerun.getresponse()
                body = answer.read()
            except (OSError, HTTPException) as error:
                self.send_error(502, explain=f"Rerun's page cannot be had: {error}")
                return
            finally:
                rerun.close()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding", "rerun-final-length"):
                if (value := answer.headers[name]) is not None:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", allowed)
            self.end_headers()
            with suppress(ConnectionError):  # the tab was closed
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Not in our output."""

    try:
        server = ThreadingHTTPServer((bind, port), Page)
    except OSError as error:
        raise _refused(bind, port, error) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="viewer_page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def require_free(bind: str, port: int) -> None:
    """Raise ConfigError where nothing can listen there: whoever does would be taken for a viewer of ours."""
    try:
        socket.create_server((bind, port)).close()
    except OSError as error:
        raise _refused(bind, port, error) from error


def _refused(bind: str, port: int, error: OSError) -> ConfigError:
    return ConfigError(f"cannot serve the viewer on {bind}:{port}: {error.strerror}; {REMEDY}")
