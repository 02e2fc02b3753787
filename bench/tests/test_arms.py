from lib.arms import OURS, Arm, count


class Api:
    """Answers with the objects of one collection."""

    def __init__(self, *things):
        self.things = things

    def get(self, path):
        if path.endswith("?limit=1"):
            return {"items": self.things[:1], "metadata": {"remainingItemCount": len(self.things) - 1} if self.things[1:] else {}}
        return {"items": self.things}


def sandbox(name, warm):
    status = {} if warm is None else {"conditions": [{"type": "WarmStart", "status": str(warm)}]}
    return {"metadata": {"name": name}, "status": status}


def test_only_who_says_so_started_cold():
    api = Api(sandbox("a-0", True), sandbox("a-1", False), sandbox("a-2", None), sandbox("a-3", False), sandbox("b-0", False))
    arm = Arm("ours", api, "ns", OURS, {}, None, lambda: None)
    assert arm.cold("a-") == 2


def test_the_rest_of_a_page_is_counted():
    assert [count(Api(*range(n)), "/things") for n in (0, 1, 5)] == [0, 1, 5]
