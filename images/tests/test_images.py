"""What is in the images: run after `images/build`, as root (the programs are run in their own file systems)."""

import io
import json
import os
import re
import signal
import stat
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()
MEGABYTE = 1_000_000


class Image:
    """An OCI archive, unpacked as a runtime would do it."""

    def __init__(self, archive, rootfs):
        self.size = archive.stat().st_size
        self.rootfs = rootfs
        self.files = {}  # path -> tar member of the topmost layer that has it
        with tarfile.open(archive) as tar:

            def blob(descriptor):
                return tar.extractfile("blobs/" + descriptor["digest"].replace(":", "/")).read()

            (entry,) = json.load(tar.extractfile("index.json"))["manifests"]
            self.reference = entry["annotations"]["io.containerd.image.name"]
            manifest = json.loads(blob(entry))
            self.config = json.loads(blob(manifest["config"]))["config"]
            self.environment = dict(setting.split("=", 1) for setting in self.config["Env"])
            for descriptor in manifest["layers"]:
                self.apply(blob(descriptor))
        # What a runtime adds: a root directory that all may enter, and the device that shells and git open.
        rootfs.chmod(0o755)
        if "dev/null" not in self.files:
            (rootfs / "dev").mkdir(exist_ok=True)
            os.mknod(rootfs / "dev/null", stat.S_IFCHR, os.makedev(1, 3))
            (rootfs / "dev/null").chmod(0o666)

    def apply(self, layer):
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar:
                path = os.path.normpath(member.name)
                directory, name = os.path.split(path)
                if name.startswith(".wh."):
                    gone = os.path.join(directory, name.removeprefix(".wh."))
                    self.files = {p: m for p, m in self.files.items() if p != gone and not p.startswith(gone + "/")}
                    subprocess.run(["rm", "-rf", self.rootfs / gone], check=True)
                else:
                    self.files[path] = member
                    tar.extract(member, self.rootfs, numeric_owner=True)

    def text(self, path):
        return (self.rootfs / path).read_text()

    def command(self, *words):
        return ["/usr/sbin/chroot", f"--userspec={self.config['User']}", self.rootfs, *words]

    def run(self, *words):
        done = subprocess.run(
            self.command(*words), env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


def unpacked(name, tmp_path_factory):
    archive = ROOT / f"build/images/{name}.tar"
    assert archive.exists(), "run images/build first"
    return Image(archive, tmp_path_factory.mktemp(name))


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    return unpacked("operator", tmp_path_factory)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    return unpacked("sandbox-base", tmp_path_factory)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    return unpacked("node", tmp_path_factory)


@pytest.fixture(params=["operator", "node", "sandbox"])
def image(request):
    return request.getfixturevalue(request.param)


def machine_only_authorities():
    """Certificates that this machine trusts and Debian's package does not know."""

    def certificates(text):
        return set(re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL))

    shipped = "".join(file.read_text() for file in Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    return certificates(Path("/etc/ssl/certs/ca-certificates.crt").read_text()) - certificates(shipped)


def test_name_and_labels(image):
    assert re.fullmatch(rf".+/(operator|node|sandbox-base):{re.escape(VERSION)}", image.reference)
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in image.config["Labels"].items()}
    assert labels["version"] == VERSION
    assert labels["licenses"] == "Apache-2.0"
    assert "Cloister" in labels["title"] and labels["description"]


def test_nothing_raises_privileges(image):
    assert [path for path, member in image.files.items() if member.isfile() and member.mode & 0o6000] == []
    assert [path for path, member in image.files.items() if "SCHILY.xattr.security.capability" in member.pax_headers] == []


def test_others_can_write_only_temporary_directories(image):
    writable = {path for path, member in image.files.items() if member.mode & 0o002 and not member.issym()}
    writable = {path for path in writable if not path.startswith("dev/")}
    assert writable <= {"tmp", "var/tmp", "run/lock"}


def test_no_traces_of_the_build_machine(image):
    for path in ["etc/resolv.conf", "etc/hostname", "etc/hosts"]:
        if path in image.files:
            assert image.text(path) == "", path
    assert image.files.get("etc/machine-id") is None or image.text("etc/machine-id") in ("", "uninitialized\n")
    left = ("var/lib/apt/lists/", "var/cache/apt/", "var/log/", "mnt/", "root/.cache/", "root/.buildah", "src/")
    assert [path for path in image.files if path.startswith(left)] == []
    authorities = image.text("etc/ssl/certs/ca-certificates.crt")
    assert authorities.count("BEGIN CERTIFICATE") > 100
    assert [certificate for certificate in machine_only_authorities() if certificate in authorities] == []


def test_sandbox_apt_knows_no_mirror_and_no_proxy(sandbox):
    lists = [path for path in sandbox.files if re.match(r"etc/apt/sources\.list", path) and sandbox.files[path].isfile()]
    assert lists == ["etc/apt/sources.list"]
    hosts = set(re.findall(r"https?://([^/\s]+)", sandbox.text("etc/apt/sources.list")))
    assert hosts == {"deb.debian.org"}
    assert "bookworm-security" in sandbox.text("etc/apt/sources.list")
    settings = [path for path in sandbox.files if path.startswith("etc/apt/apt.conf") and sandbox.files[path].isfile()]
    assert not re.search("proxy|verify", "".join(map(sandbox.text, settings)), re.IGNORECASE)


def test_sandbox_user(sandbox):
    assert sandbox.config["User"] == "1000:1000"
    assert sandbox.config["WorkingDir"] == "/workspace"
    for path in ["home/user", "workspace"]:
        member = sandbox.files[path]
        assert (member.uid, member.gid, member.mode & 0o777) == (1000, 1000, 0o755), path
    assert sandbox.run("sh", "-c", "id -un; id -G; cd; pwd") == "user\n1000\n/home/user\n"


def test_sandbox_programs(sandbox):
    for program in ["bash", "git", "curl", "python", "python3", "pip", "less", "nano"]:
        assert sandbox.run(program, "--version"), program
    assert sandbox.run("sh", "-c", "command -v ps top")  # they don't so much as tell their version without /proc
    assert sandbox.run("python3", "-c", "print('\\N{SNOWMAN}', open.__name__)").startswith("\N{SNOWMAN}")


def test_sandbox_works_for_its_user(sandbox):
    author = "-c user.name=a -c user.email=a@example.org"
    sandbox.run("sh", "-c", f"cd /workspace && git init -q && git {author} commit -q --allow-empty -m first")
    assert "pip" in sandbox.run("sh", "-c", "python3 -m venv ~/venv && ~/venv/bin/pip --version")
    with zipfile.ZipFile(sandbox.rootfs / "tmp/hi-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("hi.py", "print(42)")
        wheel.writestr("hi-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: hi\nVersion: 1\n")
        wheel.writestr("hi-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("hi-1.dist-info/RECORD", "")
    sandbox.run("pip", "install", "--quiet", "--no-index", "/tmp/hi-1-py3-none-any.whl")
    assert sandbox.run("python3", "-m", "hi") == "42\n"


def test_sandbox_python_starts_from_compiled_files(sandbox):
    """A sandbox can't write /usr: a compiled file that doesn't fit its source would be compiled again at every start."""
    stale, seen = [], 0
    for path, member in sandbox.files.items():
        if match := re.fullmatch(r"(usr/lib/python3\S*/)__pycache__/([^/.]+)\.cpython-311\.pyc", path):
            source = sandbox.files.get(f"{match[1]}{match[2]}.py")
            _, flags, mtime = struct.unpack("<4sII", (sandbox.rootfs / path).read_bytes()[:12])
            seen += 1
            if source and flags == 0 and mtime != int(source.mtime):
                stale.append(path)
    assert seen > 100 and stale == []


def test_sandbox_command_ends_at_once_when_told_to(sandbox):
    """As process 1, which the kernel spares every signal it has no handler for."""
    command = ["unshare", "--pid", "--fork", "--kill-child", *sandbox.command(*sandbox.config["Cmd"])]
    with subprocess.Popen(command, env=sandbox.environment) as unshare:
        children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
        for _ in range(100):
            for child in children.read_text().split() if children.exists() else []:
                os.kill(int(child), signal.SIGTERM)
            try:
                assert unshare.wait(timeout=0.05) == 0
                return
            except subprocess.TimeoutExpired:
                pass  # perhaps the shell had not set its trap yet
        unshare.kill()
        pytest.fail("still there after 5 s of SIGTERM")


def test_operator_holds_the_operator_and_nothing_to_break_in_with(operator):
    assert operator.config["User"] == "65532:65532"
    assert operator.config["Entrypoint"] == ["/cloister-operator"]
    assert {path.split("/")[0] for path in operator.files} <= {"cloister-operator", "etc", "lib", "lib64", "tmp", "usr"}
    programs = {path for path, member in operator.files.items() if member.isfile() and member.mode & 0o111}
    assert {path for path in programs if not re.search(r"\.so(\.|$)", path)} == {"cloister-operator"}
    assert all(member.uid == member.gid == 0 for member in operator.files.values())


def test_operator_finds_its_libraries(operator):
    operator.run("/cloister-operator", "--help")


def test_node_holds_its_two_programs_and_nothing_to_break_in_with(node):
    assert node.config["User"] == "0:0"
    assert node.config["Entrypoint"] == ["/cloister-node"]
    programs = {path for path, member in node.files.items() if member.isfile() and member.mode & 0o111}
    assert {path for path in programs if not re.search(r"\.so(\.|$)", path)} == {"cloister-node", "cloister-runsc"}
    assert all(member.uid == member.gid == 0 for member in node.files.values())


def test_node_finds_its_libraries_and_cloister_runsc_needs_none(node):
    node.run("/cloister-node", "--help")
    asked = subprocess.run(["ldd", node.rootfs / "cloister-runsc"], text=True, capture_output=True, check=False)
    assert "not a dynamic executable" in asked.stderr, "nodes have libraries of their own, or none"


def test_sizes(operator, node, sandbox):
    assert operator.size < 16 * MEGABYTE
    assert node.size < 20 * MEGABYTE
    assert sandbox.size < 100 * MEGABYTE
