"""The operator, etcd, the API server, the kubelet and containerd die or stand still while sandboxes start, run and expire."""

import random
import signal
import threading

from support.waiting import eventually, throughout

SECONDS_AWAY = 20


class Strike:
    """Kills the operator at its write number COUNT from now on, before the API server has seen it or after it has carried it out."""

    def __init__(self, trial, count, after):
        self._trial, self._left, self._after, self.struck = trial, count, after, threading.Event()
        trial.proxy.boundary = self

    def __call__(self, call, carried_out):
        if carried_out != self._after or self.struck.is_set():
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self._trial.operator.signal(signal.SIGKILL)
        self.struck.set()
        return True


def test_kill_9_twenty_times_at_a_write(start_trial, namespace):
    """Without leader election: a killed leader's lease would give the next one seconds in which nothing is at work."""
    trial, dice = start_trial(leaderElection={"enabled": False}), random.Random(1)
    for number in range(20):
        if number % 5 < 2:
            trial.create(namespace, f"keep-{number:02}")
        else:
            trial.create_short(namespace, f"short-{number:02}", f"{dice.randint(1, 4)}s")
        strike = Strike(trial, dice.randint(0, 2), after=dice.random() < 0.5)
        eventually(strike.struck.is_set, 30, f"the operator is killed, {number + 1} of 20")
        trial.operator.kill()
        trial.operator.start()
    trial.settle()


def work(trial, namespace):
    """Sandboxes in every state: one runs on, one's time will be over soon, others have just been asked for."""
    trial.create(namespace, "runs").wait_ready()
    trial.create_short(namespace, "short", "5s").wait_ready()
    for number in range(4):
        trial.create(namespace, f"new-{number}")


def lives_through(trial, seconds):
    """What must not happen: the operator ends, or asks to be restarted, which would not help."""
    throughout(lambda: trial.operator.process.poll() is None and trial.operator.fetch("/healthz")[0] == 200, seconds,
               "the operator lives")


def test_etcd_stops_at_work(start_trial, namespace, cluster):
    trial = start_trial()
    work(trial, namespace)
    cluster.control("stop", "etcd")
    try:
        lives_through(trial, SECONDS_AWAY)
    finally:
        cluster.control("start", "etcd")
    trial.settle()


def test_etcd_is_killed_at_work(start_trial, namespace, cluster):
    trial = start_trial()
    work(trial, namespace)
    cluster.control("kill", "etcd")
    cluster.control("start", "etcd")
    trial.settle()


def test_the_api_server_freezes_at_work(start_trial, namespace, cluster):
    trial = start_trial()
    work(trial, namespace)
    with cluster.frozen("kube-apiserver"):
        lives_through(trial, SECONDS_AWAY)
        assert trial.operator.metrics().total("cloister_leader") == 0, "it does not lead without the API server's word"
    trial.settle()


def test_kubelet_and_containerd_are_killed_at_work(start_trial, namespace, cluster):
    trial = start_trial()
    crashed, removed = (trial.create(namespace, name) for name in ("crashed", "removed"))
    for sandbox in (crashed, removed):
        sandbox.wait_ready()
    pod = crashed.pod()
    work(trial, namespace)
    cluster.control("kill", "kubelet")
    try:
        cluster.kill_container(pod, "sandbox")  # while nobody looks
        trial.expects(crashed, "Failed")
        trial.delete(removed)
        cluster.control("kill", "containerd")
    finally:
        cluster.control("start", "containerd")
        cluster.control("start", "kubelet")
    trial.settle()
