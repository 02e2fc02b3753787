"""Builds the cluster's programs from their Go modules into a cache that outlives checkouts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from onenode import toolgroups
from onenode.machine import may_lower_oom_score
from onenode.settings import SOURCE, ClusterError, cache_root
from onenode.toolgroups import Group, Step

OLDEST_GO = (1, 26)
_UNUSED_DAYS = 14


def parse_go_version(text: str) -> tuple[int, int] | None:
    """(1, 26) from `go version go1.26.8 linux/amd64`."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def find_go() -> str:
    """A Go compiler that is new enough: from PATH, else the one that `make setup` put into the cache."""
    seen = []
    for candidate in (shutil.which("go"), str(cache_root() / "go" / "bin" / "go")):
        if not candidate or not os.access(candidate, os.X_OK):
            continue
        text = subprocess.run([candidate, "version"], capture_output=True, text=True, check=False).stdout
        version = parse_go_version(text)
        if version and version >= OLDEST_GO:
            return candidate
        seen.append(f"{candidate} is {text.strip() or 'broken'}")
    wanted = ".".join(map(str, OLDEST_GO))
    raise ClusterError(f"Go {wanted} or newer is needed ({'; '.join(seen) or 'none found'}): run `make setup`")


def location(group: Group) -> Path:
    """Where a group's binaries are or will be."""
    folder = SOURCE / "tools" / group.name
    sources = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return cache_root() / "tools" / toolgroups.cache_key(group, sources)


def selected(names: tuple[str, ...] | list[str]) -> list[Group]:
    known = toolgroups.groups(may_lower_oom_score())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ClusterError(f"no such group of tools: {', '.join(unknown)} (there are {', '.join(known)})")
    return [known[name] for name in names or known]


def ensure(names: tuple[str, ...] | list[str], say) -> dict[str, str]:
    """Builds what is missing; returns the path of each binary by its name."""
    paths = {}
    for group in selected(names):
        place = location(group)
        if not place.is_dir():
            started = time.monotonic()
            say(f"building {group.name} (once; the first time takes minutes)")
            _build(group, place)
            say(f"built {group.name} in {time.monotonic() - started:.0f} s")
        os.utime(place)
        for step in group.steps:
            paths.update({name: str(place / name) for name in step.binaries.values()})
    return paths


def _build(group: Group, place: Path) -> None:
    """Builds aside and renames, so that an interrupted build leaves nothing that looks finished."""
    place.parent.mkdir(parents=True, exist_ok=True)
    go = find_go()
    aside = Path(tempfile.mkdtemp(prefix=f".{group.name}-", dir=place.parent))
    try:
        aside.chmod(0o755)
        for step in group.steps:
            _run_step(go, group, step, aside)
        for module, folder, name in group.shipped:
            _ship(go, group, module, folder, aside / name)
        try:
            aside.rename(place)
        except OSError:
            if not place.is_dir():  # another checkout was quicker: its result is as good
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _run_step(go: str, group: Group, step: Step, out: Path) -> None:
    source = SOURCE / "tools" / group.name
    go_mod = (source / "go.mod").read_text()
    with tempfile.TemporaryDirectory(prefix=".vendor-", dir=out.parent) as scratch:
        if step.patch:
            source = _patched(go, source, Path(scratch), step.patch)
        argv = toolgroups.build_argv(step, go, go_mod, out, vendored=bool(step.patch))
        _go(argv, source, CGO_ENABLED="1" if step.cgo else "0")
    if len(step.binaries) > 1:
        for package, name in step.binaries.items():
            built = out / package.rsplit("/", 1)[-1]
            if built.name != name:
                built.rename(out / name)


def _patched(go: str, source: Path, scratch: Path, patch: tuple[str, str, str]) -> Path:
    """A copy of the group with its dependencies vendored and one place changed: the module cache is read-only."""
    for name in ("go.mod", "go.sum"):
        shutil.copy(source / name, scratch / name)
    _go([go, "mod", "vendor"], scratch)
    path, old, new = patch
    target = scratch / "vendor" / path
    text = target.read_text()
    if text.count(old) != 1:
        raise ClusterError(f"{path} no longer has `{old}` exactly once: look at its new version before patching it")
    target.write_text(text.replace(old, new))
    return scratch


def _ship(go: str, group: Group, module: str, folder: str, target: Path) -> None:
    argv = [go, "list", "-m", "-f", "{{.Dir}}", module]
    root = _go(argv, SOURCE / "tools" / group.name).strip()
    shutil.copytree(Path(root) / folder, target, copy_function=shutil.copyfile)


def _go(argv: list[str], folder: Path, **extra: str) -> str:
    # A go.work above the checkout, or a caller's GOFLAGS, must not change what is built.
    environment = {**os.environ, "GOWORK": "off", "GOFLAGS": "", **extra}
    done = subprocess.run(["nice", "-n", "5", *argv], cwd=folder, env=environment, capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        last = "\n  ".join(done.stderr.strip().splitlines()[-15:])
        raise ClusterError(f"`{' '.join(argv[:3])}` failed for {folder.name}:\n  {last}")
    return done.stdout


def prune(say) -> None:
    """Removes builds that no checkout has used for a while, and what interrupted builds left."""
    folder = cache_root() / "tools"
    oldest = time.time() - _UNUSED_DAYS * 86400
    for place in folder.iterdir() if folder.is_dir() else ():
        limit = time.time() - 7200 if place.name.startswith(".") else oldest
        if place.stat().st_mtime < limit:
            say(f"removing {place.name}, unused for long")
            shutil.rmtree(place, ignore_errors=True)
