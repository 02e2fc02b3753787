"""A Python program for a sandbox that answers HTTP, and who asks it."""

from __future__ import annotations

import urllib.request

from support.sandboxes import Sandbox
from support.waiting import eventually

_PORT = 8080
# Counts its steps, fifty a second, in memory.
STEPPING = """
import threading, time
steps = 0
def walk():
    global steps
    while True:
        steps += 1
        time.sleep(0.02)
threading.Thread(target=walk, daemon=True).start()
"""


class Silent(AssertionError):
    """There is no answer."""


def program(setup: str, body: str) -> str:
    """Answers each GET with BODY, an expression over what the statements of SETUP have made."""
    return f"""
import http.server
{setup}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = str({body}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", {_PORT}), Handler).serve_forever()
"""


def spec(running: str) -> dict:
    """Of a sandbox that runs such a program."""
    return {"command": ["python3", "-c", running], "resources": {"memory": "256Mi", "disk": "256Mi"}}


def fetch(sandbox: Sandbox, timeout: float = 2) -> str:
    """What the program in it answers within TIMEOUT seconds."""
    addresses = sandbox.status.get("podIPs")
    assert addresses, f"{sandbox.name} has no address"
    # Whatever proxy the machine has: the address is on this node.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{addresses[0]}:{_PORT}/", timeout=timeout) as answer:
            return answer.read().decode()
    except OSError as trouble:
        raise Silent(str(trouble)) from trouble


def words(sandbox: Sandbox) -> list[str]:
    """What it answers as soon as it does. It is not asked again while it may only be slow: some count how often they are asked."""
    return eventually(lambda: fetch(sandbox, timeout=10).split(), 20, f"the server in {sandbox.name} answers")
