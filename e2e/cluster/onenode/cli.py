"""The command line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from onenode import (cleanup, components, images, lifecycle, lightplane, machine, preconditions, processes, record,
                     toolgroups, tools)
from onenode.settings import ClusterError, Settings

_STARTED = time.monotonic()


def say(text: str) -> None:
    """A progress line; standard output is kept for results."""
    print(f"{time.monotonic() - _STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


def cmd_build(args: argparse.Namespace) -> None:
    built = tools.ensure(args.group, say)
    if "coredns" in built:
        images.ensure(built["coredns"])
    say("all tools are built")


def cmd_tools(args: argparse.Namespace) -> None:
    for group in tools.selected(args.group):
        print(tools.location(group))


def cmd_up(args: argparse.Namespace) -> None:
    with record.lock(say):
        lifecycle.up(say)


def cmd_down(args: argparse.Namespace) -> None:
    with record.lock(say):
        lifecycle.clear(say)
    say("nothing of the cluster is left")


def cmd_check(args: argparse.Namespace) -> None:
    for note in preconditions.notes(Settings()):
        print(f"note: {note}")
    if found := preconditions.problems(Settings()):
        raise ClusterError("this machine cannot run the cluster:\n  " + "\n  ".join(found))
    print("this machine can run the cluster")


def cmd_status(args: argparse.Namespace) -> None:
    kept = record.require()
    s = kept.settings
    for name in components.all_components(s):
        pid = processes.find(s, name)
        print(f"{name:24} {'process ' + str(pid) if pid else 'does not run'}")
    print(f"{'started from':24} {kept.checkout}")
    if found := lifecycle.unhealthy(s):
        raise ClusterError("not healthy: " + "; ".join(found))
    print(f"healthy, server {s.server}")


def cmd_load(args: argparse.Namespace) -> None:
    s = record.require().settings
    for path in args.tar:
        for name in images.load(s, path):
            print(name)


def cmd_logs(args: argparse.Namespace) -> None:
    path = processes.log_file(record.require().settings, args.component)
    if not path.exists():
        raise ClusterError(f"{args.component} has not been started yet")
    sys.stdout.flush()
    os.execvp("tail", ["tail", "-n", str(args.lines), *(["-F"] if args.follow else []), str(path)])


def cmd_fault(args: argparse.Namespace) -> None:
    """start, stop, kill, restart: one component at a time, for tests of faults."""
    with record.lock(say):
        s = record.require().settings
        parts = components.all_components(s)
        name = args.component
        if args.command in ("stop", "restart"):
            processes.end(s, name, signal.SIGTERM)
        if args.command == "kill" and not processes.end(s, name, signal.SIGKILL):
            raise ClusterError(f"{name} does not run")
        if args.command in ("start", "restart"):
            if processes.find(s, name) is None:
                processes.start(s, parts[name])
            lifecycle.await_healthy(s, parts, name)
    say(f"{args.command} {name}: done")


def cmd_apiserver(args: argparse.Namespace) -> None:
    lightplane.run(args.dir.resolve(), args.controller_manager, args.scheduler, say)


def parser() -> argparse.ArgumentParser:
    names = list(components.all_components(Settings(tools=_AnyTool())))
    top = argparse.ArgumentParser(prog="cluster", description="The embedded one-node Kubernetes cluster.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run, words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        return command

    add("up", cmd_up, "start the cluster, or share the healthy one that another checkout started")
    add("down", cmd_down, "end and remove everything of it, after a crash too")
    add("status", cmd_status, "list its processes; exit code 1 unless it is healthy")
    add("check", cmd_check, "say whether this machine can run it")
    for name, run, words in (("build", cmd_build, "build the tools into the cache (all, or just these groups)"),
                             ("tools", cmd_tools, "print where the tools are in the cache")):
        add(name, run, words).add_argument("group", nargs="*", help=", ".join(toolgroups.groups(True)))
    add("load", cmd_load, "import image archives").add_argument("tar", nargs="+", type=Path)
    for name, words in (("start", "start a component that does not run"), ("stop", "end it in good order"),
                        ("kill", "kill -9 it"), ("restart", "stop and start it")):
        add(name, cmd_fault, words).add_argument("component", choices=names)
    logs = add("logs", cmd_logs, "show a component's log")
    logs.add_argument("component", choices=names)
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("-n", "--lines", type=int, default=50)
    plane = add("apiserver", cmd_apiserver,
                "run just etcd and an API server in the foreground until ended; several at once, without root")
    plane.add_argument("--dir", type=Path, required=True, help="its own folder; made if needed, emptied before")
    plane.add_argument("--controller-manager", action="store_true")
    plane.add_argument("--scheduler", action="store_true")
    return top


class _AnyTool(dict):
    """Stands in for the built tools where only the components' names matter."""

    def __missing__(self, name: str) -> str:
        return f"/{name}"


def main(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    if args.command in ("up", "down", "load", "start", "stop", "kill", "restart") and os.geteuid() != 0:
        print("cluster: this command needs root", file=sys.stderr)
        return 1
    try:
        args.run(args)
    except ClusterError as problem:
        print(f"cluster: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cluster: interrupted; `down` removes what was started", file=sys.stderr)
        return 130
    return 0
