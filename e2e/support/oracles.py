"""What must hold whatever fails, as functions of what was seen from outside. Each returns what is wrong, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from support.faulty_proxy import Exchange
from support.sandboxes import condition_of, moment

# Seconds: one is promised, and the API server's times are whole seconds.
PROMPT = 2
# Of one verb to one object in one scenario; the busiest Sandbox is changed about ten times.
MOST_WRITES = 25
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds_of(duration: str) -> float:
    """Of a Go duration such as 1h30m."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", duration))


@dataclass
class PodLife:
    """All that was seen of one pod, by uid. OWNER is its Sandbox's uid; TOLD_TO_GO is the API server's time, in seconds."""

    name: str
    owner: str
    told_to_go: datetime | None = None
    gone: bool = False


@dataclass
class SandboxLife:
    """All that was seen of one Sandbox, by uid. GONE is when we saw it, so never too early."""

    name: str
    expiry: datetime | None = None
    gone: datetime | None = None
    starts: list[str] = field(default_factory=list)
    generations: list[int] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)


class History:
    """What a watch told, in its order. Events may be missing between two; what is left out then is not judged."""

    def __init__(self) -> None:
        self.pods: dict[str, PodLife] = {}
        self.sandboxes: dict[str, SandboxLife] = {}

    def within(self, namespaces: Iterable[str]) -> History:
        """What is of these namespaces; shared, not copied."""
        part, named = History(), tuple(f"{name}/" for name in namespaces)
        part.pods = {uid: pod for uid, pod in self.pods.items() if pod.name.startswith(named)}
        part.sandboxes = {uid: sandbox for uid, sandbox in self.sandboxes.items() if sandbox.name.startswith(named)}
        return part

    def saw_pod(self, event: str, pod: dict) -> None:
        meta = pod["metadata"]
        life = self.pods.setdefault(meta["uid"], PodLife(_name(meta), _owner(meta)))
        if going := meta.get("deletionTimestamp"):
            life.told_to_go = moment(going) - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)
        life.gone = life.gone or event == "DELETED"

    def saw_sandbox(self, event: str, sandbox: dict, at: datetime) -> None:
        meta, status = sandbox["metadata"], sandbox.get("status") or {}
        life = self.sandboxes.setdefault(meta["uid"], SandboxLife(_name(meta)))
        life.expiry = expiry_of(sandbox) or life.expiry
        for values, value in ((life.starts, status.get("startedAt")), (life.phases, status.get("phase")),
                              (life.generations, status.get("observedGeneration"))):
            if value is not None and values[-1:] != [value]:
                values.append(value)
        if event == "DELETED":
            life.gone = at

    def saw(self, event: str, thing: dict, at: datetime) -> None:
        if thing["kind"] == "Pod":
            self.saw_pod(event, thing)
        else:
            self.saw_sandbox(event, thing, at)

    def alive(self, kind: str) -> set[str]:
        """Uids."""
        lives = self.pods if kind == "Pod" else self.sandboxes
        return {uid for uid, life in lives.items() if not life.gone}

    def missed(self, kind: str, present: set[str], at: datetime) -> None:
        """Only these uids are there now: the others went while nobody saw it."""
        for uid in self.alive(kind) - present:
            if kind == "Pod":
                self.pods[uid].gone = True
            else:
                self.sandboxes[uid].gone = at


def _name(meta: dict) -> str:
    return f"{meta['namespace']}/{meta['name']}"


def _owner(meta: dict) -> str:
    """The uid of what controls it."""
    return next((o["uid"] for o in meta.get("ownerReferences", []) if o.get("controller")), "")


def expiry_of(sandbox: dict) -> datetime | None:
    """By the spec, not by what the operator says of it."""
    started = (sandbox.get("status") or {}).get("startedAt")
    ttl = sandbox["spec"].get("lifecycle", {}).get("ttl")
    return moment(started) + timedelta(seconds=seconds_of(ttl)) if started and ttl else None


def pods_too_many(history: History) -> list[str]:
    """At most one pod for a Sandbox, ever."""
    by_owner: dict[str, list[PodLife]] = {}
    for pod in history.pods.values():
        by_owner.setdefault(pod.owner, []).append(pod)
    return [f"Sandbox {owner} had {len(pods)} pods: {', '.join(pod.name for pod in pods)}"
            for owner, pods in by_owner.items() if owner and len(pods) > 1]


def outlived(history: History, working: datetime, recovery: float, now: datetime) -> list[str]:
    """Each pod is told to go within PROMPT seconds of its Sandbox's expiry, or RECOVERY seconds after everything was WORKING again."""
    found = []
    for pod in history.pods.values():
        sandbox = history.sandboxes.get(pod.owner)
        if sandbox is None or sandbox.expiry is None or (pod.gone and pod.told_to_go is None):
            continue
        limit = max(sandbox.expiry + timedelta(seconds=PROMPT), working + timedelta(seconds=recovery))
        end = pod.told_to_go or now
        if end > limit:
            late = (end - sandbox.expiry).total_seconds()
            found.append(f"pod {pod.name} was {'told to go' if pod.told_to_go else 'still there'} {late:.1f} s late")
    return found


def ended_early(history: History, removed: set[str]) -> list[str]:
    """None is deleted before its time but those that a user REMOVED. A second for the clocks' and the API's resolution."""
    return [f"Sandbox {s.name} was deleted {(s.expiry - s.gone).total_seconds():.1f} s before its time"
            for s in history.sandboxes.values()
            if s.gone and s.name not in removed and s.expiry and s.gone < s.expiry - timedelta(seconds=1)]


def told_wrong(history: History) -> list[str]:
    """What a status never does: another start, an older generation, a return from its end."""
    found = []
    for life in history.sandboxes.values():
        if len(life.starts) > 1:
            found.append(f"Sandbox {life.name} has had several startedAt: {', '.join(life.starts)}")
        if life.generations != sorted(life.generations):
            found.append(f"Sandbox {life.name}: observedGeneration went back: {life.generations}")
        ended = next((i for i, phase in enumerate(life.phases) if phase in ("Succeeded", "Failed")), None)
        if ended is not None and len(life.phases) > ended + 1:
            found.append(f"Sandbox {life.name} came back from its end: {', '.join(life.phases)}")
    return found


def repeated(writes: Iterable[Exchange]) -> list[str]:
    """No object is written over and over without a fault that asks for it, however much later a watch tells of it."""
    count = Counter((*e.call.what, e.call.namespace, e.call.name) for e in writes if e.fault is None)
    return [f"{' '.join(key[:2])} {key[2]}/{key[3]}: {number} times" for key, number in count.items() if number > MOST_WRITES]


def unsettled(sandboxes: list[dict], pods: list[dict], wanted: dict[str, str]) -> list[str]:
    """Just the WANTED Sandboxes are there (NAMESPACE/NAME: phase). Each says so, and one that runs has one pod of its own."""
    there = {_name(s["metadata"]): s for s in sandboxes}
    found = [f"Sandbox {name} is missing" for name in sorted(wanted.keys() - there.keys())]
    found += [f"Sandbox {name} is still there" for name in sorted(there.keys() - wanted.keys())]
    owned: dict[str, list[dict]] = {}
    for pod in pods:
        owned.setdefault(_owner(pod["metadata"]), []).append(pod)
    for name in sorted(wanted.keys() & there.keys()):
        own = owned.pop(there[name]["metadata"]["uid"], [])
        found += [f"Sandbox {name} {wrong}" for wrong in _not_as_wanted(there[name], own, wanted[name])]
    found += [f"pod {_name(pod['metadata'])} is still there" for pods in owned.values() for pod in pods]
    return found


def _not_as_wanted(sandbox: dict, pods: list[dict], phase: str) -> list[str]:
    status, ready, runs = sandbox.get("status") or {}, condition_of(sandbox, "Ready"), phase == "Running"
    checks = {
        f"is {status.get('phase')}, {ready['reason']}: {ready['message']}":
            status.get("phase") == phase and (ready["status"] == "True") == runs,
        "tells of an older generation": status.get("observedGeneration") == sandbox["metadata"]["generation"],
        f"has {len(pods)} pods": len(pods) == 1 or not runs and not pods,
    }
    if runs and len(pods) == 1:
        checks |= {
            "names another pod": status.get("podName") == pods[0]["metadata"]["name"],
            "has a pod that is not Ready": condition_of(pods[0], "Ready")["status"] == "True",
            "has a pod on its way out": "deletionTimestamp" not in pods[0]["metadata"],
        }
    return [wrong for wrong, holds in checks.items() if not holds]
