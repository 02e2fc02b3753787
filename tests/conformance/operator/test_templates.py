"""Templates: what a Sandbox gets from one, what it may set itself, and what an edit does."""

from support.sandboxes import moment
from support.waiting import eventually, throughout

REF = {"templateRef": {"name": "python"}}


def container_of(pod):
    (container,) = pod["spec"]["containers"]
    return container


def env_of(pod):
    return {variable["name"]: variable.get("value", "") for variable in container_of(pod)["env"]}


def test_a_sandbox_gets_what_its_template_says(bed):
    bed.operator().wait_ready()
    bed.template({"image": "example.com/python:3", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                  "lifecycle": {"ttl": "10m"}})
    sandbox = bed.started(bed.node(), env=[{"name": "B", "value": "own"}], lifecycle={"maxLifetime": "1h"}, **REF)
    pod, status = sandbox.pod(), sandbox.status
    assert container_of(pod)["image"] == "example.com/python:3"
    assert {"A": "1", "B": "own"}.items() <= env_of(pod).items()
    assert (moment(status["expiresAt"]) - moment(status["startedAt"])).total_seconds() == 600
    revision = bed.api.get("controllerrevisions", status["templateRevision"], bed.namespace)
    assert revision["data"]["sandbox"]["image"] == "example.com/python:3"
    assert revision["metadata"]["ownerReferences"][0]["kind"] == "SandboxTemplate"
    assert pod["metadata"]["labels"]["cloister.dev/revision"] == status["templateRevision"]
    # Its own spec stays what its owner wrote.
    assert "image" not in sandbox.read()["spec"]


def test_a_start_from_a_template_is_two_writes(bed, writes):
    bed.operator().wait_ready()
    node = bed.node()
    bed.template({"image": "example.com/python:3"})
    bed.started(node, "first", **REF)  # keeps the template's revision
    count = writes()
    bed.started(node, "second", **REF)
    made = count.since()
    assert {**made, "template status": 0} == {"pods POST": 1, "status": 1, "template status": 0}


def test_what_the_template_does_not_leave_open_is_refused_by_name(bed):
    bed.operator().wait_ready()
    bed.template({}, overridable=["env"])
    for field, value in {"image": "example.com/own", "lifecycle": {"ttl": "1h"}}.items():
        sandbox = bed.sandbox(field, **{field: value}, **REF)
        refusal = sandbox.wait("NotOverridable", kind="Accepted", within=5)
        assert refusal["status"] == "False" and f"spec.{field}" in refusal["message"] and "overridable" in refusal["message"]
        assert sandbox.pods() == []
    assert bed.pod_of(bed.sandbox("allowed", env=[{"name": "A"}], **REF))


def test_no_egress_is_no_egress_whatever_the_template_says(bed):
    bed.operator().wait_ready()
    bed.template({"network": {"egress": {"mode": "Internet"}}}, overridable=["network"])
    inherits = bed.pod_of(bed.sandbox("inherits", network={"expose": [{"port": 80}]}, **REF))
    closed = bed.pod_of(bed.sandbox("closed", network={"egress": {}}, **REF))
    assert "cloister.dev/network" in inherits["metadata"]["labels"]
    assert "cloister.dev/network" not in closed["metadata"]["labels"]


def test_a_template_that_comes_later_is_waited_for(bed):
    bed.operator().wait_ready()
    sandbox = bed.sandbox(**REF)
    missing = sandbox.wait("TemplateNotFound", kind="Accepted", within=5)
    assert '"python"' in missing["message"]
    assert sandbox.pods() == []
    bed.template({"image": "example.com/python:3"})
    assert container_of(bed.pod_of(sandbox))["image"] == "example.com/python:3"
    sandbox.wait("Accepted", kind="Accepted", within=8)


def test_a_template_of_another_namespace_is_none(bed, admin):
    other = f"{bed.namespace}-other"
    admin.must("create", "namespace", other)
    try:
        admin.must("create", "-f", "-", stdin={"apiVersion": "cloister.dev/v1alpha1", "kind": "SandboxTemplate",
                                               "metadata": {"name": "python", "namespace": other}})
        bed.operator(watchNamespaces=[bed.namespace, other]).wait_ready()
        bed.sandbox(**REF).wait("TemplateNotFound", kind="Accepted", within=5)
    finally:
        admin("delete", "namespace", other, "--wait=false")


def test_an_edit_leaves_what_runs_alone(bed):
    bed.operator().wait_ready()
    node = bed.node()
    template = bed.template({"env": [{"name": "A", "value": "old"}], "lifecycle": {"ttl": "10m"}})
    old = bed.started(node, "old", **REF)
    pod, before = old.pod(), old.status
    template.patch({"sandbox": {"env": [{"name": "A", "value": "new"}], "lifecycle": {"ttl": "1s"}}})
    new = bed.started(node, "new", lifecycle={"ttl": "1h"}, **REF)
    assert env_of(new.pod())["A"] == "new"
    throughout(lambda: (old.pod()["metadata"]["uid"], old.status["expiresAt"]) == (pod["metadata"]["uid"], before["expiresAt"]),
               3, "what runs is left alone")
    assert env_of(old.pod())["A"] == "old"
    assert old.status["templateRevision"] == before["templateRevision"]

    def told():
        status = template.status
        assert (status["sandboxes"], status["outdated"], status["observedGeneration"]) == (2, 1, 2), status
        return status["revision"] == new.status["templateRevision"] != before["templateRevision"]
    eventually(told, 15, "the template tells who is old")


def test_a_template_that_nothing_can_be_made_from_says_so(bed):
    bed.operator().wait_ready()
    template = bed.template({"runtime": "runc"})
    refused = template.wait("NotAllowed", kind="Accepted", within=5)
    assert refused["status"] == "False" and "runtimes.runc.allowed" in refused["message"]
    template.patch({"sandbox": {"runtime": "gvisor"}})
    assert template.wait("Accepted", kind="Accepted", within=5)["status"] == "True"


def test_a_deleted_template_leaves_what_runs_alone(bed):
    bed.operator().wait_ready()
    template = bed.template({"lifecycle": {"ttl": "10m"}})
    sandbox = bed.started(bed.node(), **REF)
    uid, expiry = sandbox.pod()["metadata"]["uid"], sandbox.status["expiresAt"]
    template.delete()
    eventually(lambda: not bed.api.list("controllerrevisions", bed.namespace), 40, "its revisions go with it")
    throughout(lambda: (sandbox.pod()["metadata"]["uid"], sandbox.status["expiresAt"]) == (uid, expiry), 2, "it runs on")
    assert sandbox.condition()["status"] == "True"
