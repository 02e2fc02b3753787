"""Requests fail between the operator and the API server, in every way in which they can."""

import os
import random

from support.faults import SILENT, Always, FirstTries, Kind, Mix, rates_of
from support.waiting import eventually

# The lease is taken over soon: what is tested here is what is written, not who writes.
FAST = {"leaseDuration": "3s", "renewDeadline": "2s", "retryPeriod": "250ms"}
SEEDS = range(first := int(os.environ.get("CLOISTER_FAULT_SEED", "0")), first + int(os.environ.get("CLOISTER_FAULT_SEEDS", "20")))
INTERNET, NONE = {"egress": {"mode": "Internet"}}, {"egress": {"mode": "None"}}
HOLD = "example.com/hold"

# All that the operator writes, but for the removal of a policy that nothing has used for ten minutes.
WRITES = {("create", "pods"), ("patch", "pods"), ("delete", "pods"), ("patch", "sandboxes/status"), ("delete", "sandboxes"),
          ("create", "networkpolicies"), ("patch", "networkpolicies"), ("create", "events")}
EVENTS = {("create", "events")}


def act(trial, namespace, seed, kept):
    """What users do while a seed's faults last."""
    dice = random.Random(seed)
    roles = dice.sample(("keep", "short", "gone"), 2)
    if "keep" in roles:
        kept.append(trial.create(namespace, f"keep-{seed:04}"))
    if "short" in roles:
        trial.create_short(namespace, f"short-{seed:04}", f"{dice.randint(1, 4)}s")
    if kept:
        dice.choice(kept).patch({"network": dice.choice((INTERNET, NONE))})
    if "gone" in roles:
        trial.delete(trial.create(namespace, f"gone-{seed:04}"))


def test_mixed_faults_while_sandboxes_come_and_go(start_trial, namespace, release):
    trial = start_trial(leaderElection={**release.config()["leaderElection"], **FAST})
    kept = []
    for seed in SEEDS:
        mark = trial.proxy.mark()
        trial.proxy.inject(Mix(seed, rates_of(seed)))
        trial.proxy.cut()  # watches are opened anew, and meet a fault or not
        act(trial, namespace, seed, kept)
        eventually(lambda: len(trial.proxy.met(mark)) >= 6, 60, f"6 requests meet a fault of seed {seed}")
    trial.settle()


def test_each_kind_of_fault_meets_each_write(start_trial, namespaces, release):
    """A namespace for each kind, all of them at once: a silent kind takes a deadline for every write."""
    trial = start_trial(leaderElection={**release.config()["leaderElection"], **FAST})
    spaces = {kind: namespaces() for kind in Kind}
    held = {kind: trial.create(space, "held") for kind, space in spaces.items()}
    opened = {kind: trial.create(space, "opened") for kind, space in spaces.items()}
    for sandbox in [*held.values(), *opened.values()]:
        sandbox.wait_ready(within=60)
    mark = trial.proxy.mark()
    trial.proxy.inject(FirstTries({space.name: kind for kind, space in spaces.items()}))
    trial.proxy.cut()
    for kind, space in spaces.items():
        trial.create(space, "new")
        opened[kind].patch({"network": INTERNET})
        # Held by a finalizer, it does not take its pod along: the operator must delete both.
        trial.api.patch("sandboxes", "held", space.name, {"metadata": {"finalizers": [HOLD]},
                                                           "spec": {"lifecycle": {"ttl": "1s"}}})
        trial.expects(held[kind], None)
        trial.api.patch("networkpolicies", "cloister-default-deny", space.name, {"spec": {"policyTypes": ["Egress"]}})

    def have_met(writes):
        met = {(e.call.namespace, e.call.what) for e in trial.proxy.met(mark)}
        missing = {(kind.name, what) for kind, space in spaces.items() for what in writes if (space.name, what) not in met}
        assert not missing, f"not met: {sorted(missing)}"
        return True

    # Nobody is told twice what a status says: that of the refused ones must arrive for an Event to follow.
    eventually(lambda: have_met(WRITES - EVENTS), 150, "each kind of fault has met each write")
    for space in spaces.values():
        trial.expects(trial.create(space, "refused", runtime="runc"), "Pending")
    eventually(lambda: have_met(EVENTS), 60, "each kind of fault has met an Event")
    trial.proxy.calm()
    for sandbox in held.values():
        eventually(lambda s=sandbox: "deletionTimestamp" in s.read()["metadata"], 90, "it is told to go")
        trial.api.patch("sandboxes", "held", sandbox.namespace, {"metadata": {"finalizers": []}})
    trial.settle()


def test_nothing_but_faults(start_trial, namespace, release):
    """Reads, watches and the lease too, and every connection breaks. The silent kinds are those of an API server that is frozen."""
    trial = start_trial(leaderElection={**release.config()["leaderElection"], **FAST})
    for kind in Kind:
        if kind in SILENT:
            continue
        mark = trial.proxy.mark()
        trial.proxy.inject(Always([kind]))
        trial.proxy.cut()
        trial.create(namespace, kind.name.lower().replace("_", "-"))
        eventually(lambda: len(trial.proxy.met(mark)) >= 12, 60, f"12 requests meet {kind.name}")
    trial.settle()
