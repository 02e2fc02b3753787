import pytest
from bulk import Bulk, Kept, encoded, rows, running
from flatness import row
from support.metrics import Metrics


def test_what_is_kept_is_told_apart_by_kind_and_beyond_its_encoding():
    kept = Kept(nothing=10e6, sandboxes=30e6, both=70e6, encoded_sandbox=1500, encoded_pod=3000)
    found = {r.metric: r for r in rows(Bulk(10_000, 90.5, 1, 0.4, 60, [1.5, 1.0, 4.0], 2, kept))}
    assert (found["bytes_per_sandbox"].value, found["bytes_per_sandbox"].ours) == (500, 2000)
    assert (found["bytes_per_pod"].value, found["bytes_per_pod"].ours) == (1000, 4000)
    assert (found["resync_s"].value, found["resync_s"].ci95) == (1.5, (1.0, 4.0))
    assert (found["idle_writes_bulk"].value, found["idle_writes_bulk"].unit) == (1, "writes/60s")
    assert found["restart_writes"].value == 2


def test_an_encoding_has_no_blanks_and_no_managed_fields():
    thing = {"metadata": {"name": "a", "managedFields": [1, 2]}, "spec": {}}
    assert encoded([thing]) == len('{"metadata":{"name":"a"},"spec":{}}')


def test_sandboxes_that_do_not_run_do_not_count():
    assert running(Metrics('cloister_sandboxes{phase="Running"} 7\ncloister_sandboxes{phase="Pending"} 3\n')) == 7


def test_the_large_pool_is_held_against_the_small_one():
    found = row([([22, 24, 26], [20, 20, 20]), ([22, 24, 26], [20, 20, 20])])
    assert (found.value, found.ours, found.peer, found.n) == (pytest.approx(1.2), 24, 20, 6)
