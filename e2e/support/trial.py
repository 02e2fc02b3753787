"""A scenario with faults: what users want while they last, and the verdict once they are over."""

from __future__ import annotations

from support.api import AWAY, Api
from support.faulty_proxy import Exchange, FaultyProxy
from support.operator_process import Operator
from support.oracles import PROMPT, ended_early, outlived, pods_too_many, repeated, told_wrong, unsettled
from support.sandboxes import Namespace, Sandbox, now
from support.waiting import eventually, throughout
from support.witness import Witness

# Seconds after the last fault in which everything must be as wanted: a request that hangs holds its Sandbox for 15, one whose
# writes failed again and again waits for up to 60 (docs/reliability.md), and then pods must still start or stop, on a machine
# that has other things to do.
RECOVERY = 90
SMALL = {"cpu": "200m", "memory": "64Mi", "disk": "16Mi"}
QUIET = 5  # seconds


class Trial:
    """OPERATOR works through PROXY; the trial itself speaks with the API server directly."""

    def __init__(self, api: Api, proxy: FaultyProxy, operator: Operator, witness: Witness) -> None:
        self.api, self.proxy, self.operator, self.witness = api, proxy, operator, witness
        self._began = proxy.mark()
        self._namespaces: dict[str, Namespace] = {}
        self._wanted: dict[str, str] = {}
        self._removed: set[str] = set()

    def create(self, namespace: Namespace, name: str, **spec) -> Sandbox:
        """A Sandbox that is to run until something else is said of it."""
        self._namespaces[namespace.name] = namespace
        self._wanted[f"{namespace.name}/{name}"] = "Running"
        return namespace.sandbox(name, **{"resources": SMALL, **spec})

    def create_short(self, namespace: Namespace, name: str, ttl: str, **spec) -> Sandbox:
        """One that is to be gone in the end by itself."""
        made = self.create(namespace, name, lifecycle={"ttl": ttl}, **spec)
        self.expects(made, None)
        return made

    def expects(self, sandbox: Sandbox, phase: str | None) -> None:
        """In the end it is in PHASE, or gone."""
        self._wanted.pop(f"{sandbox.namespace}/{sandbox.name}", None)
        if phase:
            self._wanted[f"{sandbox.namespace}/{sandbox.name}"] = phase

    def delete(self, sandbox: Sandbox) -> None:
        self.expects(sandbox, None)
        self._removed.add(f"{sandbox.namespace}/{sandbox.name}")
        sandbox.delete()

    def settle(self, within: float = RECOVERY) -> None:
        """No faults from here on. Everything comes to be as wanted, nothing forbidden has happened, and then nothing does."""
        self.proxy.calm()
        working = now()

        def as_wanted() -> bool:
            try:
                wrong = self._unsettled()
            except AWAY as trouble:  # the API server itself comes back from a fault
                wrong = [f"the API server: {trouble}"]
            assert not wrong, "; ".join(wrong[:6])
            return True

        eventually(as_wanted, within, "everything is as wanted", every=0.5)
        self.witness.catch_up(self.api)
        history = self.witness.saw(self._namespaces)
        wrong = [*pods_too_many(history), *outlived(history, working, RECOVERY, now()),
                 *ended_early(history, self._removed), *told_wrong(history), *repeated(self._writes(self._began))]
        assert not wrong, "\n".join(wrong)
        self._assert_prompt()
        self._assert_quiet()

    def _writes(self, since: int) -> list[Exchange]:
        """Not those in the namespaces of an earlier trial, which may still be on their way out."""
        return [e for e in self.proxy.writes(since) if e.call.namespace in self._namespaces]

    def _unsettled(self) -> list[str]:
        spaces = self._namespaces.values()
        return unsettled([s for space in spaces for s in space.sandboxes()], [p for space in spaces for p in space.pods()],
                         self._wanted)

    def _assert_prompt(self) -> None:
        """A Sandbox lives and ends as if nothing had ever happened, by the API server's clock: ours may be told late."""
        namespace = next(iter(self._namespaces.values()))
        probe = self.create_short(namespace, "probe", "3s")
        uid = probe.read()["metadata"]["uid"]
        probe.wait_gone(within=30)
        self.witness.catch_up(self.api)
        seen = self.witness.saw(self._namespaces)
        (pod,) = (pod for pod in seen.pods.values() if pod.owner == uid)
        late = (pod.told_to_go - seen.sandboxes[uid].expiry).total_seconds()
        assert 0 <= late <= PROMPT, f"the probe's pod was told to go {late:.0f} s after its expiry"

    def _assert_quiet(self) -> None:
        """The operator looks at each Sandbox once more, and finds nothing to write.

        So a short while is enough: what waits for a later try is looked at now, since a change does not wait for the backoff."""
        def looked() -> float:
            return self.operator.metrics().total("cloister_reconcile_duration_seconds_count", controller="sandbox")

        mark, before, touched = self.proxy.mark(), looked(), 0
        for space in self._namespaces.values():
            for sandbox in space.sandboxes():
                self.api.patch("sandboxes", sandbox["metadata"]["name"], space.name,
                               {"metadata": {"annotations": {"example.com/touched": "1"}}})
                touched += 1
        eventually(lambda: looked() >= before + touched, 10, f"the operator looks at {touched} Sandboxes")
        throughout(lambda: not self._writes(mark), QUIET, "nothing is written")

    def end(self) -> None:
        """In good order, so that the next operator need not wait for this one's lease to be over."""
        self.witness.stop()
        if self.operator.process.poll() is None:
            self.operator.stop()

    def report(self) -> str:
        """For a person who reads of a failure."""
        made, met = self.proxy.exchanges[self._began:], self.proxy.met(self._began)
        count = {kind: sum(e.fault is kind for e in met) for kind in sorted({e.fault for e in met}, key=lambda k: k.name)}
        return "\n".join([f"{len(made)} requests, faults met: "
                          + (", ".join(f"{kind.name} {number}" for kind, number in count.items()) or "none"),
                          "--- the last requests", *[str(e) for e in made if e.call.resource != "leases"][-40:],
                          "--- the operator", *self.operator.log().splitlines()[-40:]])
