"""Cached files are made once, never stale, and never wrong where one is damaged or written by several at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from datasets.home import cached, content_hash


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path))
    return tmp_path


class Maker:
    """Counts how often it is called."""

    def __init__(self, value: bytes) -> None:
        self.value, self.times = value, 0

    def __call__(self) -> bytes:
        self.times += 1
        return self.value


def test_it_is_made_once_for_one_key(home):
    make = Maker(b"[1, 2]")
    assert [cached("x", "key", make) for _ in range(3)] == [b"[1, 2]"] * 3
    assert make.times == 1


def test_it_is_made_again_for_another_key_and_the_old_one_is_gone(home):
    cached("x", "old", Maker(b"old"))
    assert cached("x", "new", Maker(b"new")) == b"new"
    assert cached("x", "old", Maker(b"old again")) == b"old again"


def test_a_file_cut_anywhere_or_with_a_changed_byte_is_made_again(home):
    cached("x", "key", Maker(b"2410.2"))
    path = home / "cache" / "x"
    whole = path.read_bytes()
    for n in range(len(whole)):
        for damaged in (whole[:n], whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :]):
            path.write_bytes(damaged)
            assert cached("x", "key", Maker(b"made again")) == b"made again"


def test_several_writers_at_once_leave_one_whole_file(home):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: cached("x", f"key {n % 2}", Maker(b"a" * 100_000)), range(40)))
    assert set(found) == {b"a" * 100_000}
    assert [p.name for p in (home / "cache").iterdir()] == ["x"]


def test_where_nothing_can_be_written_it_is_made_each_time(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "file"))
    make = Maker(b"3")
    assert [cached("x", "key", make), cached("x", "key", make)] == [b"3", b"3"]
    assert make.times == 2


def test_the_key_is_another_when_a_name_or_a_byte_is_another(tmp_path):
    a, b = tmp_path / "a.py", tmp_path / "b.py"
    a.write_text("one", encoding="utf-8")
    b.write_text("two", encoding="utf-8")
    keys = [content_hash([a, b]), content_hash([b, a])]
    a.write_text("onE", encoding="utf-8")
    keys.append(content_hash([a, b]))
    keys.append(content_hash([b]))
    assert keys[0] == keys[1]
    assert len({*keys}) == 3
