from pathlib import Path

import pytest
from onenode import toolgroups
from onenode.machine import has_capability
from onenode.settings import SOURCE
from onenode.tools import parse_go_version
from onenode.toolgroups import Group, Step, build_argv, cache_key, groups, ldflags, module_version

GO_MOD = "module x\n\nrequire (\n\ta.dev/b v1.2.3 // indirect\n\ta.dev/bc v9.9.9\n)\nrequire z.dev/y v0.1.0\n"


def test_versions_come_from_go_mod():
    assert module_version(GO_MOD, "a.dev/b") == "v1.2.3"
    assert module_version(GO_MOD, "z.dev/y") == "v0.1.0"
    with pytest.raises(ValueError, match="a.dev/c"):
        module_version(GO_MOD, "a.dev/c")


def test_version_flags():
    step = Step({}, ldflags="-X v={version} -X m={major}.{minor}", version_of="a.dev/b")
    assert ldflags(step, GO_MOD) == "-s -w -X v=v1.2.3 -X m=1.2"
    assert ldflags(Step({}), GO_MOD) == "-s -w"


def test_one_binary_gets_its_name_and_several_a_folder():
    one = build_argv(Step({"a/b": "c"}, tags="t"), "go", GO_MOD, Path("/out"), vendored=True)
    assert one[one.index("-o") + 1] == "/out/c"
    assert one[one.index("-tags") + 1] == "t"
    assert "-mod=vendor" in one
    two = build_argv(Step({"a/b": "b", "a/d": "d"}), "go", GO_MOD, Path("/out"), vendored=False)
    assert two[two.index("-o") + 1:] == ["/out/", "a/b", "a/d"]


def test_the_key_changes_with_files_and_flags():
    group = Group("g", (Step({"a": "a"}),))
    keys = {cache_key(group, {"go.mod": b"1"}), cache_key(group, {"go.mod": b"2"}), cache_key(group, {"x": b"1"}),
            cache_key(Group("g", (Step({"a": "a"}, tags="t"),)), {"go.mod": b"1"})}
    assert len(keys) == 4


@pytest.mark.parametrize("name", groups(True))
def test_every_package_is_a_tool_of_its_group_and_every_version_is_pinned(name):
    go_mod = (SOURCE / "tools" / name / "go.mod").read_text()
    for step in groups(True)[name].steps:
        assert ldflags(step, go_mod)
        for package in step.binaries:
            lines = [line.removeprefix("tool ").removeprefix("module ").strip() for line in go_mod.splitlines()]
            assert package in lines


def test_the_shim_is_changed_only_where_the_machine_asks_for_it():
    def patches(may_lower):
        return [step.patch for step in groups(may_lower)["gvisor"].steps if step.patch]

    assert patches(True) == []
    assert patches(False) == [toolgroups.SHIM_PATCH]


@pytest.mark.parametrize(("text", "version"), [
    ("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.19 linux/amd64", (1, 19)),
    ("go version go1.27rc1 linux/amd64", (1, 27)), ("command not found", None)])
def test_go_versions(text, version):
    assert parse_go_version(text) == version


def test_capabilities_are_bits():
    assert not has_capability("Name:\tx\nCapEff:\t000001fffeffffff\n", 24)
    assert has_capability("Name:\tx\nCapEff:\t000001fffeffffff\n", 21)
    assert not has_capability("Name:\tx\n", 21)
