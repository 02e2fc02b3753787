"""The proxy between a plain client and a plain HTTPS server of the test's own."""

import http.client
import json
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from support.certificates import Certificates
from support.faults import Fault, Kind, call_of
from support.faulty_proxy import FaultyProxy
from support.waiting import eventually

POD = "/api/v1/namespaces/ns/pods/p"
PODS = "/api/v1/namespaces/ns/pods"
WATCH = "/api/v1/pods?watch=true"
LINE = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "x" * 100}}}).encode() + b"\n"


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked, and streams watches until told to end them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if "watch=" in self.path or "chunked=" in self.path:
            return self.stream()
        return self.answer(200)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.command, self.path, body, self.headers.get("Authorization")))
        return self.answer(201)

    def answer(self, code):
        content = json.dumps({"path": self.path, "padding": "." * 2000}).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in iter(self.server.next_line, None):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def __init__(self, context):
        super().__init__(("127.0.0.1", 0), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.taken, self._lines, self._more = [], [], threading.Condition()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def say(self, *lines):
        """For the watch; None ends it."""
        with self._more:
            self._lines += lines
            self._more.notify()

    def next_line(self):
        with self._more:
            self._more.wait_for(lambda: self._lines)
            return self._lines.pop(0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("server"))


@pytest.fixture
def server(certificates):
    made = Server(certificates.server())
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def proxy(server, certificates, tmp_path):
    made = FaultyProxy(f"https://localhost:{server.server_port}", certificates.authority.read_text(), tmp_path)
    yield made
    made.stop()


class Client:
    """One connection, with the proxy's own authority."""

    def __init__(self, proxy, folder):
        cluster = yaml.safe_load(proxy.kubeconfig("a-token").read_text())["clusters"][0]["cluster"]
        assert cluster["certificate-authority"] == str(folder / "ca.crt")
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.connection = http.client.HTTPSConnection("localhost", proxy.port, timeout=10, context=context)

    def send(self, method="GET", path=POD, body=None):
        self.connection.request(method, path, body, {"Authorization": "Bearer a-token"})

    def begin(self, *arguments):
        self.send(*arguments)
        return self.connection.getresponse()

    def ask(self, *arguments):
        answer = self.begin(*arguments)
        return answer.status, answer.read()

    def create(self):
        return self.ask("POST", PODS, json.dumps({"metadata": {"name": "p"}}))


@pytest.fixture
def client(proxy, tmp_path):
    return Client(proxy, tmp_path)


def always(kind, **options):
    return lambda call: Fault(kind, **options)


def test_without_faults_it_is_a_wire(proxy, client, server):
    assert json.loads(client.ask()[1])["path"] == POD
    assert client.create()[0] == 201
    assert server.taken == [("POST", PODS, b'{"metadata": {"name": "p"}}', "Bearer a-token")]
    assert [str(e) for e in proxy.exchanges] == ["get pods ns/p -> 200/200", "create pods ns/p -> 201/201"]


def test_a_watch_comes_line_by_line_and_ends(proxy, client, server):
    answer = client.begin("GET", WATCH)
    for _ in range(2):
        server.say(LINE)
        assert answer.readline() == LINE
    server.say(None)
    assert answer.readline() == b""


def test_a_watch_whose_client_left_is_left_though_nothing_happens(proxy, client, server):
    answer = client.begin("GET", WATCH)
    server.say(LINE)
    assert answer.readline() == LINE
    client.connection.sock.shutdown(socket.SHUT_RDWR)
    eventually(lambda: proxy.connections == 0, 5, "the connection is closed")


def test_an_answer_in_chunks_ends_where_it_ends(proxy, client, server):
    server.say(LINE, None)
    assert client.ask("GET", "/api/v1/pods?chunked=true") == (200, LINE)
    assert client.ask()[0] == 200, "on the same connection"


@pytest.mark.parametrize("kind, code", [(Kind.ERROR, 500), (Kind.UNAVAILABLE, 503), (Kind.TOO_MANY, 429),
                                        (Kind.CONFLICT, 409)])
def test_a_refusal_is_a_status_and_nothing_is_carried_out(proxy, client, server, kind, code):
    proxy.inject(always(kind))
    answer = client.begin("POST", PODS, "{}")
    assert answer.status == code == json.loads(answer.read())["code"]
    assert answer.getheader("Retry-After") == ("1" if code == 429 else None)
    assert server.taken == []
    proxy.calm()
    assert client.create()[0] == 201, "on the same connection"


def test_an_error_after_is_carried_out(proxy, client, server):
    proxy.inject(always(Kind.ERROR_AFTER))
    assert client.create()[0] == 500
    assert len(server.taken) == 1
    assert str(proxy.exchanges[0]) == "create pods ns/p -> 201/500 ERROR_AFTER"


@pytest.mark.parametrize("kind, carried_out", [(Kind.LOSE_REQUEST, 0), (Kind.LOSE_ANSWER, 1)])
def test_silence_until_the_client_gives_up(proxy, client, server, kind, carried_out):
    proxy.inject(always(kind))
    client.send("POST", PODS, "{}")
    eventually(lambda: [e.code for e in proxy.exchanges] == [201 * carried_out], 10, "the request has come as far as it does")
    client.connection.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.connection.getresponse()
    client.connection.close()
    eventually(lambda: proxy.connections == 0, 10, "the proxy gives up as well")
    assert len(server.taken) == carried_out and proxy.exchanges[0].answered == 0


def test_an_answer_cut_in_the_middle(proxy, client, server):
    proxy.inject(always(Kind.CUT, fraction=0.5))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        client.create()
    assert len(server.taken) == 1


def test_a_watch_cut_in_the_middle_of_a_line(proxy, client, server):
    proxy.inject(always(Kind.CUT, fraction=1.5 * len(LINE) / 8192))
    answer = client.begin("GET", WATCH)
    server.say(LINE, LINE)
    assert answer.readline() == LINE
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        assert answer.readline() == LINE, "a line that came whole was not cut"


def test_what_is_late_comes(proxy, client, server):
    proxy.inject(always(Kind.DELAY, seconds=0.05))
    assert client.create()[0] == 201
    answer = client.begin("GET", WATCH)
    server.say(LINE, None)
    assert answer.read() == LINE
    assert [e.fault for e in proxy.met()] == [Kind.DELAY, Kind.DELAY]


def test_a_lag_is_no_bottleneck(proxy, client, server):
    proxy.inject(always(Kind.DELAY, seconds=0.3))
    answer = client.begin("GET", WATCH)
    server.say(*[LINE] * 100, None)
    began = time.monotonic()
    assert answer.read() == LINE * 100
    assert time.monotonic() - began < 10, "one by one it would take a minute"


def test_a_lag_ends_with_the_calm(proxy, client, server):
    proxy.inject(always(Kind.DELAY, seconds=1000))
    answer = client.begin("GET", WATCH)
    proxy.calm()
    server.say(LINE)
    assert answer.readline() == LINE


def test_every_connection_can_be_broken(proxy, client, server):
    answer = client.begin("GET", WATCH)
    server.say(LINE)
    assert answer.readline() == LINE
    proxy.cut()
    assert answer.readline() == b"", "the end, which the server did not say"


def test_the_boundary_of_a_write_is_told_on_both_sides(proxy, client, server):
    told = []
    proxy.boundary = lambda call, carried_out: told.append((str(call), carried_out, len(server.taken)))
    client.ask()
    client.create()
    assert told == [("create pods ns/p", False, 0), ("create pods ns/p", True, 1)]


@pytest.mark.parametrize("side", [False, True])
def test_a_write_can_be_broken_off_on_either_side(proxy, client, server, side):
    proxy.boundary = lambda call, carried_out: carried_out == side
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        client.create()
    assert len(server.taken) == side


def test_writes_are_counted_without_leases(proxy, client):
    client.create()
    mark = proxy.mark()
    client.ask("POST", "/apis/coordination.k8s.io/v1/namespaces/ns/leases", "{}")
    client.ask()
    assert len(proxy.writes()) == 1 and proxy.writes(mark) == []


def test_a_server_of_another_authority_is_refused(server, tmp_path):
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    proxy = FaultyProxy(f"https://localhost:{server.server_port}", Certificates(stranger).authority.read_text(), tmp_path)
    try:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            Client(proxy, tmp_path).create()
        assert server.taken == []
    finally:
        proxy.stop()


def test_calls_are_named_as_the_plan_sees_them(proxy, client):
    seen = []
    proxy.inject(seen.append)
    client.ask()
    assert seen == [call_of("GET", POD)]
