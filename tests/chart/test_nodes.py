"""What the chart renders for the nodes."""

from rendered import SNAPSHOTS, kinds, rights, the


def test_the_nodes_rights_are_exactly_these(render):
    objects = render(SNAPSHOTS)
    assert rights(objects["ClusterRole", "", "cloister-node"]) == {
        ("cloister.dev", "sandboxsnapshots"): {"get", "list", "watch"}, ("cloister.dev", "sandboxsnapshots/status"): {"patch"},
        ("cloister.dev", "sandboxes"): {"get"}, ("cloister.dev", "sandboxpools"): {"get"},
        ("", "pods"): {"get", "list", "watch"}, ("", "pods/status"): {"patch"}}
    binding = objects["ClusterRoleBinding", "", "cloister-node"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "cloister-node", "namespace": "cloister-node"}]
    assert binding["roleRef"]["name"] == "cloister-node"
    assert objects["ServiceAccount", "cloister-node", "cloister-node"]["automountServiceAccountToken"] is False


def test_what_runs_on_nodes_is_in_a_namespace_of_its_own(render):
    objects = render(SNAPSHOTS)
    assert the(objects, "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert {namespace for kind, namespace, _ in objects if kind == "DaemonSet"} == {"cloister-node"}
    other = render({"snapshots": {"enabled": True, "namespace": {"name": "nodes", "create": False}}})
    assert "Namespace" not in kinds(other) and ("DaemonSet", "nodes", "cloister-node") in other


def test_what_runs_on_nodes_has_no_power_that_it_does_not_need(render):
    spec = the(render(SNAPSHOTS), "DaemonSet")["spec"]["template"]["spec"]
    assert spec["securityContext"] == {"runAsUser": 0, "runAsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"},
                                       "appArmorProfile": {"type": "Unconfined"}}
    for container in spec["initContainers"] + spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["resources"]["limits"]["memory"]
    assert not spec["enableServiceLinks"] and {key for key in spec if key.startswith("host")} == {"hostPID"}
    (container,) = spec["containers"]
    assert mounted(spec, container) == {
        "/usr/local/bin": True, "/run/containerd/runsc/k8s.io": False, "/run/containerd/io.containerd.runtime.v2.task/k8s.io": True,
        "/run/cloister": False, "/var/lib/cloister/snapshots": False}


def mounted(spec, container):
    """The node's paths that CONTAINER has, each where it is there, and whether it only reads them."""
    on_the_node = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}
    assert all(mount["mountPath"] == on_the_node[mount["name"]] for mount in container["volumeMounts"])
    return {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}


def test_the_node_is_prepared_as_the_values_say(render):
    def pod(**values):
        return the(render({"snapshots": {"enabled": True, **values}}), "DaemonSet")["spec"]["template"]["spec"]
    installs = pod(runscFlags={"platform": "kvm"})
    (container,) = installs["initContainers"]
    assert container["args"][0] == "install" and "--handler=runsc" in container["args"]
    assert "--runsc-flag=platform=kvm" in container["args"]
    assert mounted(installs, container) == {
        "/opt/cloister": False, "/etc/containerd/conf.d": False, "/etc/containerd/config.toml": True,
        "/run/containerd/containerd.sock": True, "/usr/local/bin": True, "/run/containerd/runsc/k8s.io": True}
    removes = pod(nodePreparation="Uninstall")
    (container,) = removes["initContainers"]
    assert container["args"] == ["uninstall", "--folder=/opt/cloister", "--runsc-root=/run/containerd/runsc",
                                 "--drop-in=/etc/containerd/conf.d/cloister.toml"]
    assert mounted(removes, container) == {
        "/opt/cloister": False, "/etc/containerd/conf.d": False, "/run/containerd/runsc/k8s.io": True}
    leaves = pod(nodePreparation="None")
    assert "initContainers" not in leaves
    assert [volume["name"] for volume in leaves["volumes"]] == ["runsc", "runsc-root", "bundles", "run", "store"]


def test_the_daemon_set_is_what_the_values_say(render):
    paths = {"runsc": "/opt/g/runsc", "runscRoot": "/r/runsc", "containerdState": "/r/c", "run": "/r/cloister", "store": "/s"}
    values = {"registry": "here", "image": {"tag": "2"}, "imagePullSecrets": [{"name": "pull"}],
              "snapshots": {"enabled": True, "nodePreparation": "None", "imageDigest": "sha256:" + "1" * 64, "nodeSelector": {"disk": "large"},
                            "tolerations": [{"operator": "Exists"}], "maxUnavailable": "20%", "paths": paths}}
    daemon_set = the(render(values), "DaemonSet")["spec"]
    assert daemon_set["updateStrategy"] == {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "20%"}}
    spec = daemon_set["template"]["spec"]
    assert spec["nodeSelector"] == {"cloister.dev/snapshots": "true", "disk": "large"}
    assert spec["tolerations"] == [{"operator": "Exists"}] and spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["priorityClassName"] == "system-node-critical"
    (container,) = spec["containers"]
    assert container["image"] == "here/node:2@sha256:" + "1" * 64
    assert container["args"] == ["--node-name=$(NODE_NAME)", "--runsc=/opt/g/runsc", "--runsc-root=/r/runsc/k8s.io",
                                 "--socket=/r/cloister/node.sock", "--store=/s"]
    assert {volume["hostPath"]["path"] for volume in spec["volumes"]} == {
        "/opt/g", "/r/runsc/k8s.io", "/r/c/io.containerd.runtime.v2.task/k8s.io", "/r/cloister", "/s"}


def test_a_node_writes_of_its_own_snapshots_alone(render):
    policy = render(SNAPSHOTS)["ValidatingAdmissionPolicy", "", "cloister-node-snapshots"]["spec"]
    assert policy["matchConditions"][0]["expression"] == (
        "request.userInfo.username == 'system:serviceaccount:cloister-node:cloister-node'")
    binding = render(SNAPSHOTS)["ValidatingAdmissionPolicyBinding", "", "cloister-node-snapshots"]["spec"]
    assert binding == {"policyName": "cloister-node-snapshots", "validationActions": ["Deny"]}
    assert ("ValidatingAdmissionPolicy", "", "cloister-node-snapshots") not in render({})
    assert "ValidatingAdmissionPolicy" not in kinds(render({**SNAPSHOTS, "admissionPolicy": {"enabled": False}}))


def test_nobody_reaches_what_runs_on_nodes(render):
    policy = render(SNAPSHOTS)["NetworkPolicy", "cloister-node", "cloister-node"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in policy
    assert [port["port"] for rule in policy["egress"] for port in rule["ports"]] == [443, 6443, 8443, 16443]
    pod = the(render(SNAPSHOTS), "DaemonSet")["spec"]["template"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    without = render({**SNAPSHOTS, "networkPolicy": {"enabled": False}})
    assert ("NetworkPolicy", "cloister-node", "cloister-node") not in without


def test_a_quota_is_handed_on_where_there_is_one(render):
    def arguments(values):
        return the(render(values), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["args"]

    assert "--quota=100Gi" in arguments({"snapshots": {"enabled": True, "localQuota": "100Gi"}})
    assert not any(argument.startswith("--quota") for argument in arguments(SNAPSHOTS))


STORE = {"snapshots": {"enabled": True, "store": {"endpoint": "https://s3.example:9000", "bucket": "saved"}}}


def test_without_a_store_nothing_tells_of_one(render):
    assert "store-" not in str(the(render(SNAPSHOTS), "DaemonSet")).replace("--store=", "")


def test_a_store_has_its_secrets_and_its_port(render):
    objects = render(STORE)
    pod = the(objects, "DaemonSet")["spec"]["template"]["spec"]
    arguments = dict(argument.split("=", 1) for argument in pod["containers"][0]["args"])
    assert arguments["--store-endpoint"] == "https://s3.example:9000" and arguments["--store-bucket"] == "saved"
    assert arguments["--store-key"] == "1" and "--store-ca" not in arguments
    mounted = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for option, secret in (("--store-credentials", "cloister-store-credentials"), ("--store-keys", "cloister-store-keys")):
        assert volumes[mounted[arguments[option]]]["secret"] == {"secretName": secret, "defaultMode": 0o400}
    assert not any(volume.get("secret") for container in pod["initContainers"] for volume in container["volumeMounts"])
    assert rights(objects["ClusterRole", "", "cloister-node"])["", "namespaces"] == {"get"}
    egress = objects["NetworkPolicy", "cloister-node", "cloister-node"]["spec"]["egress"]
    assert {"port": 9000, "protocol": "TCP"} in egress[0]["ports"]


def test_a_token_stands_in_for_the_secret(render):
    identity = {"enabled": True, "roleARN": "arn:aws:iam::1:role/a", "endpoint": "http://sts.example:9001", "audience": "minio"}
    objects = render({"snapshots": {"enabled": True, "store": {**STORE["snapshots"]["store"], "webIdentity": identity}}})
    pod = the(objects, "DaemonSet")["spec"]["template"]["spec"]
    arguments = dict(argument.split("=", 1) for argument in pod["containers"][0]["args"])
    assert arguments["--store-role"] == identity["roleARN"] and arguments["--store-sts"] == identity["endpoint"]
    assert "--store-credentials" not in arguments and "cloister-store-credentials" not in str(pod)
    folder, file = arguments["--store-token"].rsplit("/", 1)
    mounted = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    (source,) = next(volume for volume in pod["volumes"] if volume["name"] == mounted[folder])["projected"]["sources"]
    assert source["serviceAccountToken"] == {"audience": "minio", "expirationSeconds": 3600, "path": file}
    ports = objects["NetworkPolicy", "cloister-node", "cloister-node"]["spec"]["egress"][0]["ports"]
    assert {"port": 9000, "protocol": "TCP"} in ports and {"port": 9001, "protocol": "TCP"} in ports


def test_a_store_may_have_authorities_of_its_own(render):
    store = {**STORE["snapshots"]["store"], "endpoint": "https://s3.example", "caConfigMap": "authorities"}
    objects = render({"snapshots": {"enabled": True, "store": store}})
    arguments = the(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--store-ca=/etc/cloister/store-ca/ca.crt" in arguments
    assert {"port": 443, "protocol": "TCP"} in objects["NetworkPolicy", "cloister-node", "cloister-node"]["spec"]["egress"][0]["ports"]
