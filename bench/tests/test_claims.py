import pytest
from claimrows import lines, rows
from lib.controllers import Writes
from lib.load import LIMIT_SECONDS, Seen, Start
from lib.search import Search
from warmstart import Trial, known_rate, served_writes
from support.metrics import Metrics


def trial(arm, rate, latencies, round=0, cold=0, writes=0, conflicts=0, cpu_ms=1.0, rss_mib=1.0):
    starts = tuple(Start(10.0 * i, 10.0 * i + 1, None if ms is None else 10.0 * i + ms) for i, ms in enumerate(latencies))
    return Trial(round, arm, rate, Seen(starts, Writes(0, 0), 0, 5.0), cold, Writes(writes, conflicts), cpu_ms, rss_mib)


def searched(held, failed):
    return Search(held, least=held, largest=failed)


TRIALS = [trial("ours", 5, [10, 12], writes=8, cpu_ms=2, rss_mib=20),
          trial("peer", 5, [20, 24], writes=22, cpu_ms=50, rss_mib=60), trial("bare", 5, [8, 10], writes=6),
          trial("ours", 20, [11, 13], writes=6, conflicts=1, cpu_ms=4, rss_mib=21),
          trial("peer", 20, [110, 1300], writes=24, conflicts=3, cpu_ms=80, rss_mib=70), trial("bare", 20, [9, 11], writes=6)]


def by_name(trials=TRIALS, searches=None):
    return {row.metric: row for row in rows(trials, [5, 20], searches or {})}


def test_low_and_high_rate_are_told_apart():
    found = by_name()
    assert found["p50_ratio_low"].value == pytest.approx(11 / 22)
    assert found["p50_ratio"].value == pytest.approx(12 / 705)
    assert found["p99_ratio"].value == pytest.approx(12.98 / 1288.1)
    assert found["vs_bare_writes"].value == pytest.approx(11 / 9)


def test_writes_are_per_start_and_conflicts_are_counted():
    found = by_name()
    assert (found["writes_per_warm_start"].value, found["writes_per_warm_start"].peer) == (14 / 4, 46 / 4)
    assert (found["conflicts"].value, found["conflicts"].peer) == (1, 3)


def test_costs_are_those_at_the_highest_rate():
    found = by_name()
    assert found["cpu_ratio"].value == pytest.approx(4 / 80)
    assert found["cpu_ratio"].ours == 2
    assert found["rss_ratio"].value == pytest.approx(21 / 70)


def test_what_was_searched_for_is_left_out_of_the_rest():
    more = [*TRIALS, trial("ours", 90, [700, 800], writes=100, conflicts=9)]
    assert by_name(more)["conflicts"].value == 1


def test_rates_are_compared_with_what_the_brackets_leave_open():
    found = by_name(searches={"ours": searched(60, 66), "peer": searched(12, 15), "bare": searched(70, 80)})
    assert found["rate_ratio"].value == 5
    assert found["rate_ratio"].ci95 == (60 / 15, 66 / 12)
    assert found["rate_vs_bare"].value == pytest.approx(60 / 70)


def test_every_arm_is_drawn_over_every_rate():
    drawn = {line.name: [point[0] for point in line.points] for line in lines(TRIALS)}
    assert drawn == {f"{arm} p{percent}": [5, 20] for arm in ("ours", "peer", "bare") for percent in (50, 99)}


@pytest.mark.parametrize("latencies, held", [([20] * 100, True), ([20] * 98 + [900] * 2, False), ([20] * 99 + [None], False)])
def test_a_rate_is_held_when_nearly_all_are_quick_and_all_are_ready(latencies, held):
    assert trial("ours", 20, latencies).held == held


def test_cold_starts_are_counted_and_hold_no_rate():
    made = trial("ours", 20, [20] * 100, cold=2)
    assert not made.held
    assert by_name([*TRIALS[:3], made, *TRIALS[4:]])["cold_starts"].value == 2


def test_a_rate_is_known_when_it_was_held_each_time():
    trials = [trial("ours", 5, [20]), trial("ours", 20, [20]), trial("ours", 20, [LIMIT_SECONDS * 1000]), trial("peer", 40, [20])]
    assert known_rate(trials, "ours") == 5
    assert known_rate(trials, "bare") == 1


def test_the_api_servers_count_leaves_out_nodes_and_scheduler():
    def line(verb, resource, subresource, count):
        labels = f'code="200",resource="{resource}",subresource="{subresource}",verb="{verb}"'
        return f"apiserver_request_total{{{labels}}} {count}"

    theirs = [line("PATCH", "pods", "", 10), line("POST", "pods", "", 10), line("PATCH", "sandboxes", "status", 10),
              line("PATCH", "sandboxclaims", "", 10), line("PUT", "sandboxpools", "status", 1)]
    others = [line("POST", "pods", "binding", 10), line("PATCH", "pods", "status", 20), line("DELETE", "pods", "", 10),
              line("PUT", "leases", "", 5), line("LIST", "sandboxes", "", 3)]
    assert served_writes(Metrics("\n".join(theirs + others))) == 41
