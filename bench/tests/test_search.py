import pytest
from lib.search import Search


def find(limit, search):
    """The bracket when every rate up to LIMIT is held, and how many tries it took."""
    tries = 0
    while not search.done:
        search.tell(search.rate <= limit)
        tries += 1
        assert tries < 50
    return search.bracket, tries


@pytest.mark.parametrize("limit", [3, 15, 16, 47, 140, 900])
def test_it_encloses_the_limit(limit):
    (held, failed), _ = find(limit, Search(20))
    assert held <= limit <= failed <= held * 1.2


def test_known_rates_are_not_tried_again():
    search = Search(15, least=10)
    tried = []
    while not search.done:
        tried.append(search.rate)
        search.tell(search.rate <= 12)
    assert min(tried) > 10
    assert Search(15, least=20).rate == 40


def test_one_failure_may_be_a_disturbance():
    search = Search(20, largest=80)
    search.tell(False)
    assert search.rate == 20
    search.tell(True)
    assert search.rate == 40
    assert search.bracket[0] == 20


def test_there_is_an_end_to_rates_that_are_held():
    bracket, _ = find(10_000, Search(20))
    assert bracket == (1000, 1000)


def test_an_arm_that_holds_nothing_is_found_out():
    (held, failed), _ = find(0, Search(20))
    assert held == 1 and failed <= 1.2
