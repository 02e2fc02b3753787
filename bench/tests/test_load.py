import json

import pytest
from lib.controllers import Writes
from lib.load import LIMIT_SECONDS, Kind, read

ANSWER = json.dumps({"starts": [{"due": 0, "posted": 0.5, "ready": 20.5}, {"due": 200, "posted": 201}],
                     "writes": 8, "conflicts": 1, "failures": 2, "cpuMs": 12.5})


def test_a_start_is_measured_from_when_it_was_due():
    seen = read(ANSWER)
    assert seen.latencies[0] == 20.5
    assert seen.lags == [0.5, 1]


def test_what_never_got_ready_counts_as_the_limit():
    seen = read(ANSWER)
    assert (seen.unready, seen.latencies[1]) == (1, LIMIT_SECONDS * 1000)


def test_the_generator_tells_of_itself():
    seen = read(ANSWER)
    assert (seen.writes, seen.failures, seen.cpu_ms) == (Writes(8, 1), 2, 12.5)


@pytest.mark.parametrize("name, metadata", [(None, {}), ("box", {"metadata": {"name": "box"}})])
def test_a_plans_object_has_no_name(name, metadata):
    kind = Kind("g", "v1", "things", "Thing")
    assert kind.object({"a": 1}, name) == {"apiVersion": "g/v1", "kind": "Thing", **metadata, "spec": {"a": 1}}
    assert kind.path("ns") == "/apis/g/v1/namespaces/ns/things"
