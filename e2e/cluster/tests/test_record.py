import subprocess
import threading

import pytest
from onenode import record
from onenode.images import Recipe, archive, names_in
from onenode.record import Record
from onenode.settings import ClusterError


def test_a_record_survives_its_file(tmp_path):
    path = tmp_path / "cluster.json"
    kept = Record(fingerprint="f", sysctls={"a": "1"}, foreign=["x"], ready=True)
    kept.save(path)
    assert record.parse(path.read_text()) == kept
    assert [child.name for child in tmp_path.iterdir()] == ["cluster.json"]


def test_another_versions_record_gives_what_is_known():
    assert record.parse('{"sysctls": {"a": "1"}, "newer": 7}') == Record(sysctls={"a": "1"})


def test_a_torn_record_is_an_empty_one():
    assert record.parse('{"sysctls": {') == Record()


def test_the_env_file_can_be_sourced_twice(settings, tmp_path):
    path = tmp_path / "env"
    path.write_text(record.env_text(settings))
    out = subprocess.run(["sh", "-c", f". {path}; . {path}; echo $KUBECONFIG; echo $PATH"], capture_output=True,
                         text=True, check=True).stdout.splitlines()
    assert out[0] == str(settings.admin_kubeconfig)
    assert out[1].split(":").count(str(settings.bin)) == 1


@pytest.fixture
def own_lock(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "LOCK", "\0cloister-test-" + str(tmp_path))


def test_two_commands_wait_for_each_other(own_lock):
    said = []
    with record.lock(said.append):
        with pytest.raises(ClusterError, match="another cluster command"), record.lock(said.append, seconds=0):
            pass
        assert said == []
        entered = threading.Event()
        waiting = threading.Event()

        def second():
            with record.lock(lambda _: waiting.set(), seconds=10):
                entered.set()

        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        assert not entered.is_set()
    thread.join(10)
    assert entered.is_set()


def test_an_image_is_the_same_twice_and_names_itself(tmp_path):
    recipe = Recipe("example.test/a/b:1", {"b": b"#!"}, ["/b"])
    assert archive(recipe) == archive(recipe)
    (tmp_path / "b.tar").write_bytes(archive(recipe))
    assert names_in(tmp_path / "b.tar") == ["example.test/a/b:1"]
