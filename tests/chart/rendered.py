"""What the chart's tests say of the objects that were rendered."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/cloister"
NAMESPACE = "cloister-system"
# Values.
SNAPSHOTS = {"snapshots": {"enabled": True}}


def kinds(objects):
    return {kind for kind, _, _ in objects}


def of_kind(objects, kind):
    return [one for (its_kind, _, _), one in objects.items() if its_kind == kind]


def the(objects, kind):
    (one,) = of_kind(objects, kind)
    return one


def rights(role):
    return {(group, resource): set(rule["verbs"]) for rule in role["rules"]
            for group in rule["apiGroups"] for resource in rule["resources"]}
