"""Golden snapshots: who makes one, who begins from it, and what is not taken for one. The tests play the node's agent."""

from kubelet import condition
from support.sandboxes import Sandbox
from support.waiting import eventually

ON = {"snapshots": {"enabled": True}}
REF = {"templateRef": {"name": "python"}}
IMAGE = "example.com/python@sha256:" + "1" * 64


def template(bed):
    return bed.api.get("sandboxtemplates", "python", bed.namespace)


def golden_reason(bed):
    conditions = template(bed).get("status", {}).get("conditions", [])
    return next((c["status"] + " " + c["reason"] for c in conditions if c["type"] == "GoldenReady"), "")


def named(bed):
    return template(bed).get("status", {}).get("golden", {}).get("snapshotName")


def builder(bed, but=()):
    """The builder, once its pod is there."""
    def found():
        for each in bed.api.list("sandboxes", bed.namespace):
            owners = each["metadata"].get("ownerReferences", [])
            if owners and owners[0]["kind"] == "SandboxTemplate" and each["metadata"]["name"] not in but:
                return Sandbox(bed.api, bed.namespace, each["metadata"]["name"])
        return None
    return eventually(found, 10, "the builder")


def save(bed, node, of, image="example.com/python:3"):
    """The builder is warm; the agent saves it."""
    pod = bed.pod_of(of)
    node.run(pod)
    eventually(lambda: bed.api.get("sandboxsnapshots", of.name, bed.namespace), 10, "the golden snapshot")
    bed.api.patch("sandboxsnapshots", of.name, bed.namespace, {"status": {
        "phase": "Ready", "conditions": [condition("Ready", reason="Taken", message="")], "nodeName": node.name,
        "podUID": pod["metadata"]["uid"], "image": image, "imageID": IMAGE}}, "status")
    eventually(lambda: golden_reason(bed) == "True Golden" and named(bed) == of.name, 10, "the golden snapshot is named")
    return pod


def start(bed):
    bed.operator(**ON).wait_ready()
    node = bed.node()
    bed.template({"image": "example.com/python:3", "network": {"expose": [{"port": 80}]}}, golden={"readyCommand": ["test", "-e", "/tmp/warm"]})
    return node, builder(bed)


def asks_for(pod):
    return pod["metadata"].get("annotations", {}).get("cloister.dev/restore-from")


def test_it_is_made_of_a_builder_and_begun_from(bed):
    node, made = start(bed)
    early = bed.pod_of(bed.sandbox("early", **REF))
    assert asks_for(early) is None, "it does not wait for the golden snapshot"
    pod = save(bed, node, made)
    assert pod["spec"]["containers"][0]["startupProbe"]["exec"]["command"] == ["test", "-e", "/tmp/warm"]
    assert "cloister.dev/network" not in pod["metadata"]["labels"], "nobody reaches the builder"
    eventually(lambda: made.read() is None or made.read()["metadata"].get("deletionTimestamp"), 10, "the builder goes")
    later = bed.sandbox("later", **REF)
    begun = bed.pod_of(later)
    assert asks_for(begun) == f"golden/{made.name}" and begun["spec"]["containers"][0]["image"] == IMAGE
    assert "startupProbe" not in begun["spec"]["containers"][0]
    snapshot = bed.api.get("sandboxsnapshots", made.name, bed.namespace)
    assert later.status["golden"] == {"snapshotName": made.name, "snapshotUID": snapshot["metadata"]["uid"]}
    own = bed.pod_of(bed.sandbox("own", env=[{"name": "A", "value": "1"}], **REF))
    assert asks_for(own) is None, "its environment is its own"


def test_an_edit_makes_another_one_and_the_first_goes_then(bed):
    node, first = start(bed)
    save(bed, node, first)
    bed.api.patch("sandboxtemplates", "python", bed.namespace, {"spec": {"sandbox": {"image": "example.com/python:4"}}})
    second = builder(bed, but={first.name})
    assert asks_for(bed.pod_of(bed.sandbox("between", **REF))) is None
    assert bed.api.get("sandboxsnapshots", first.name, bed.namespace)
    save(bed, node, second, "example.com/python:4")
    eventually(lambda: bed.api.get("sandboxsnapshots", first.name, bed.namespace) is None, 10, "the first one goes")


def test_what_is_not_of_the_builder_is_not_taken(bed):
    node, made = start(bed)
    pod = bed.pod_of(made)
    node.run(pod)
    first = eventually(lambda: bed.api.get("sandboxsnapshots", made.name, bed.namespace), 10, "the golden snapshot")
    bed.api.patch("sandboxsnapshots", made.name, bed.namespace, {"status": {
        "phase": "Ready", "conditions": [condition("Ready", reason="Taken", message="")], "nodeName": node.name,
        "podUID": "of-another", "imageID": IMAGE}}, "status")

    def another():
        present = bed.api.get("sandboxsnapshots", made.name, bed.namespace)
        return present is None or present["metadata"]["uid"] != first["metadata"]["uid"]

    eventually(another, 10, "it is removed")
    assert named(bed) is None


def test_it_goes_with_the_field(bed):
    node, made = start(bed)
    save(bed, node, made)
    bed.api.patch("sandboxtemplates", "python", bed.namespace, {"spec": {"golden": None}})
    eventually(lambda: bed.api.get("sandboxsnapshots", made.name, bed.namespace) is None, 10, "it goes")
    assert golden_reason(bed) == "" and named(bed) is None


def test_it_says_where_there_can_be_none(bed):
    bed.operator().wait_ready()
    bed.template({"image": "example.com/python:3"}, golden={"readyCommand": ["true"]})
    eventually(lambda: golden_reason(bed) == "False Unsupported", 10, "it says so")
    assert asks_for(bed.pod_of(bed.sandbox("cold", **REF))) is None
