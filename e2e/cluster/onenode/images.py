"""The two images that the cluster itself needs, made here: there is no registry to pull from."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from onenode.settings import COREDNS_IMAGE, PAUSE_IMAGE, SOURCE, ClusterError, Settings, cache_root

_OCI = "application/vnd.oci.image"


@dataclass(frozen=True)
class Recipe:
    """An image of single files. `files` maps a path inside to its content; all are executable."""

    name: str
    files: dict[str, bytes]
    entrypoint: list[str]


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    """A tar without times and owners: equal content gives equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _descriptor(kind: str, content: bytes) -> dict:
    digest = hashlib.sha256(content).hexdigest()
    return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(content)}


def archive(recipe: Recipe, architecture: str = "amd64") -> bytes:
    """The image as an OCI layout in a tar, as `ctr images import` reads it."""
    layer = _tar(recipe.files, 0o755)
    layer_ref = _descriptor("layer.v1.tar", layer)
    config = json.dumps({"architecture": architecture, "os": "linux",
                         "config": {"Entrypoint": recipe.entrypoint, "Env": ["PATH=/"]},
                         "rootfs": {"type": "layers", "diff_ids": [layer_ref["digest"]]}}).encode()
    config_ref = _descriptor("config.v1+json", config)
    manifest = json.dumps({"schemaVersion": 2, "mediaType": f"{_OCI}.manifest.v1+json",
                           "config": config_ref, "layers": [layer_ref]}).encode()
    manifest_ref = _descriptor("manifest.v1+json", manifest) | {
        "platform": {"architecture": architecture, "os": "linux"},
        "annotations": {"io.containerd.image.name": recipe.name,
                        "org.opencontainers.image.ref.name": recipe.name.rsplit(":", 1)[1]}}
    blobs = {"blobs/sha256/" + ref["digest"].removeprefix("sha256:"): content
             for ref, content in ((layer_ref, layer), (config_ref, config), (manifest_ref, manifest))}
    return _tar({"oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
                 "index.json": json.dumps({"schemaVersion": 2, "manifests": [manifest_ref]}).encode()} | blobs, 0o644)


def _compile_pause(source: Path) -> bytes:
    compiler = next((c for c in ("cc", "gcc", "clang", "clang-19") if shutil.which(c)), None)
    if not compiler:
        raise ClusterError("a C compiler is needed for the pause image: run `make setup`")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pause"
        done = subprocess.run([compiler, "-static", "-Os", "-s", "-o", str(out), str(source)], capture_output=True,
                              text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"{compiler} cannot build {source.name}: {done.stderr.strip()}")
        return out.read_bytes()


def ensure(coredns: str) -> list[Path]:
    """The tar files of both images, made once and kept in the cache."""
    source = SOURCE / "images" / "pause.c"
    return [
        _cached("pause", [source.read_bytes()], lambda: Recipe(
            PAUSE_IMAGE, {"pause": _compile_pause(source)}, ["/pause"])),
        # The binary's path names its exact build: no need to read 60 MB for a key.
        _cached("coredns", [coredns.encode()], lambda: Recipe(
            COREDNS_IMAGE, {"coredns": Path(coredns).read_bytes()}, ["/coredns"])),
    ]


def _cached(name: str, inputs: list[bytes], recipe) -> Path:
    digest = hashlib.sha256(b"\0".join([Path(__file__).read_bytes(), *inputs])).hexdigest()[:16]
    place = cache_root() / "cluster-images" / f"{name}-{digest}.tar"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_suffix(f".{os.getpid()}")
        aside.write_bytes(archive(recipe()))
        aside.rename(place)
    return place


def ctr(s: Settings, *arguments: str) -> str:
    argv = [s.tools["ctr"], f"--address={s.containerd_socket}", "--namespace=k8s.io", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"ctr {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
    return done.stdout


def names_in(path: Path) -> list[str]:
    """The image names that a tar carries, from its OCI index or its Docker manifest."""
    with tarfile.open(path) as layout:
        members = set(layout.getnames())
        if "index.json" in members:
            manifests = json.load(layout.extractfile("index.json"))["manifests"]
            names = [m.get("annotations", {}).get("io.containerd.image.name") for m in manifests]
            if any(names):
                return [name for name in names if name]
        if "manifest.json" in members:
            return [tag for image in json.load(layout.extractfile("manifest.json")) for tag in image["RepoTags"] or []]
    return []


def load(s: Settings, path: Path, seconds: float = 20) -> list[str]:
    """Imports a tar and waits until the kubelet can see its images, which is a moment later."""
    try:
        names = names_in(path)
    except (OSError, tarfile.TarError, ValueError, KeyError) as problem:
        raise ClusterError(f"{path} is no image archive: {problem}") from problem
    if not names:
        raise ClusterError(f"{path} names no image: give it an io.containerd.image.name annotation or a tag")
    ctr(s, "images", "import", str(path))
    deadline = time.monotonic() + seconds
    for name in names:
        while "io.cri-containerd.image=managed" not in ctr(s, "images", "ls", f"name=={name}"):
            if time.monotonic() > deadline:
                raise ClusterError(f"{path} was imported but {name} is not among the kubelet's images")
            time.sleep(0.05)
    return names
