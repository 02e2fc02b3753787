import json
import tomllib
from dataclasses import replace

from onenode import components, nodeconfig
from onenode.lifecycle import render_addons


def argv(settings, name):
    return components.all_components(settings)[name].argv


def test_etcd_asks_for_client_certificates_of_its_own_authority(settings):
    found = argv(settings, "etcd")
    assert "--client-cert-auth=true" in found
    assert f"--trusted-ca-file={settings.pki}/etcd-ca.crt" in found


def test_the_api_server_checks_nodes_and_roles(settings):
    found = argv(settings, "kube-apiserver")
    assert "--authorization-mode=Node,RBAC" in found
    assert "--enable-admission-plugins=NodeRestriction" in found
    assert f"--kubelet-certificate-authority={settings.pki}/ca.crt" in found
    assert f"--bind-address={settings.node_ip}" in found
    assert not [word for word in found if "disable-admission" in word or "anonymous" in word]


def test_controllers_act_as_their_own_accounts(settings):
    assert "--use-service-account-credentials=true" in argv(settings, "kube-controller-manager")


def test_the_api_server_starts_after_etcd_and_before_its_clients(settings):
    order = list(components.all_components(settings))
    assert order.index("etcd") < order.index("kube-apiserver") < order.index("kubelet")


def test_both_families_or_one(settings):
    single = replace(settings, dual_stack=False)
    for name, flag in (("kube-apiserver", "--service-cluster-ip-range="), ("kubelet", "--node-ip="),
                       ("kube-controller-manager", "--cluster-cidr=")):
        for one, commas in ((settings, 1), (single, 0)):
            value = next(word for word in argv(one, name) if word.startswith(flag))
            assert value.count(",") == commas
    assert "fd7c" not in nodeconfig.cni(single) + nodeconfig.kube_proxy(single)
    assert not any("IP:fd" in name for cert in components.certificates(single) for name in cert.names)


def test_the_kubelet_is_closed(settings):
    config = json.loads(nodeconfig.kubelet(settings))
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["authentication"]["webhook"] == {"enabled": True}
    assert config["authorization"] == {"mode": "Webhook"}


def test_containerd_keeps_off_the_machines_own_paths(settings):
    config = tomllib.loads(nodeconfig.containerd(settings))
    text = json.dumps(config)
    for path in ('"/run/containerd', '"/opt/', '"/etc/', '"/var/lib/containerd'):
        assert path not in text
    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]
    assert runtime["restrict_oom_score_adj"] is False
    assert runtime["containerd"]["runtimes"]["runsc"]["pod_annotations"] == ["dev.gvisor.*"]
    assert config["imports"] == [f"{settings.config}/containerd.d/*.toml"], "drop-ins"


def test_containerd_does_not_lower_oom_scores_where_it_may_not(settings):
    config = tomllib.loads(nodeconfig.containerd(replace(settings, may_lower_oom_score=False)))
    assert config["plugins"]["io.containerd.cri.v1.runtime"]["restrict_oom_score_adj"] is True


def test_one_backend_for_services_and_host_ports(settings):
    for mode in ("nftables", "iptables"):
        one = replace(settings, proxy_mode=mode)
        assert json.loads(nodeconfig.kube_proxy(one))["mode"] == mode
        assert json.loads(nodeconfig.cni(one))["plugins"][1]["backend"] == mode


def test_the_addons_are_filled_in(settings):
    text = render_addons(settings)
    assert "$" not in text
    assert "clusterIP: 10.96.0.10" in text
