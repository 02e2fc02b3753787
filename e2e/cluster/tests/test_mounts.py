from pathlib import Path

from onenode import mounts
from onenode.mounts import parse_mountinfo, remove_tree

MOUNTINFO = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
80 22 0:50 / /run/ours/a rw - tmpfs tmpfs rw
81 80 0:51 / /run/ours/a/b\040c rw - tmpfs tmpfs rw
82 22 0:52 / /run/ours-not rw - tmpfs tmpfs rw
83 22 0:53 / /var/lib/kubelet rw shared:1 - ext4 /dev/vda rw
""".strip()


def test_the_last_mounted_comes_first_and_octal_is_read():
    assert parse_mountinfo(MOUNTINFO, [Path("/run/ours")]) == ["/run/ours/a/b c", "/run/ours/a"]


def test_the_folder_itself_counts_and_a_longer_name_does_not():
    assert parse_mountinfo(MOUNTINFO, [Path("/var/lib/kubelet")]) == ["/var/lib/kubelet"]
    assert parse_mountinfo(MOUNTINFO, [Path("/run/our")]) == []


def test_a_tree_with_a_mount_in_it_is_not_removed(tmp_path, monkeypatch):
    file = tmp_path / "tree" / "file"
    file.parent.mkdir()
    file.touch()
    monkeypatch.setattr(mounts, "present", lambda below: [f"{tmp_path}/tree/mount"])
    mounts.remove_tree(file.parent)
    assert file.exists()
    monkeypatch.setattr(mounts, "present", lambda below: [])
    mounts.remove_tree(file.parent)
    assert not file.parent.exists()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "target" / "file").exists()
