import hashlib
import io
import os
import zipfile

import pytest

from espnet_samos.corpora.fetch import check_space, fetch, unpack
from espnet_samos.utils.tables import DataError
from tests.corpora.server import serve

SIZE = 300_000
CONTENT = os.urandom(SIZE)
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def site():
    with serve() as site:
        site.files["/big.bin"] = CONTENT
        yield site


def get(site, path, size=SIZE, md5=MD5):
    fetch(f"{site.address}/big.bin", path, size, md5)


def zip_of(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def test_a_file_is_fetched_once(site, tmp_path):
    for _ in range(2):
        get(site, tmp_path / "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == CONTENT
    assert site.requests == [("/big.bin", None)]
    assert [path.name for path in tmp_path.iterdir()] == ["big.bin"]


def test_a_changed_file_is_fetched_anew(site, tmp_path):
    (tmp_path / "big.bin").write_bytes(CONTENT[:-1] + b"x")
    get(site, tmp_path / "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("gives_parts", [True, False])
def test_what_broke_off_goes_on_where_it_stopped(site, tmp_path, gives_parts):
    site.bytes_per_connection = 120_000
    path = tmp_path / "big.bin"
    with pytest.raises(DataError, match="120000 of 300000 bytes: run the same command"):
        get(site, path)
    assert not path.exists()
    site.gives_parts = gives_parts
    site.bytes_per_connection = 1 << 30
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert site.requests[-1] == ("/big.bin", "bytes=120000-")


def test_a_part_of_another_file_does_not_survive(site, tmp_path):
    """Neither one as long as the file nor a shorter one, which is added to."""
    for part in (b"x" * SIZE, b"x" * 100, CONTENT + b"x"):
        (tmp_path / "big.bin.part").write_bytes(part)
        with pytest.raises(DataError, match="big.bin is not the file it should be"):
            get(site, tmp_path / "big.bin")
        assert list(tmp_path.iterdir()) == []
    get(site, tmp_path / "big.bin")


def test_a_wrong_checksum_is_refused(site, tmp_path):
    with pytest.raises(DataError, match=rf"big.bin is not .*MD5 {'0' * 32}.*anew"):
        get(site, tmp_path / "big.bin", md5="0" * 32)
    with pytest.raises(DataError, match="big.bin is not .*299999 bytes"):
        get(site, tmp_path / "big.bin", size=299_999)
    assert list(tmp_path.iterdir()) == []


def test_failures_name_the_address(site, tmp_path):
    with pytest.raises(DataError, match="/nothing .*404"):
        fetch(f"{site.address}/nothing", tmp_path / "x", 1, MD5)
    with pytest.raises(DataError, match="127.0.0.1:9/x .*refused"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", 1, MD5)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_refused_at_the_start(site, tmp_path):
    with pytest.raises(DataError, match=r"1000000\.0 GB are needed"):
        fetch(f"{site.address}/big.bin", tmp_path / "x", 10**15, MD5)
    assert site.requests == []
    check_space(tmp_path, 1000)


def test_archives_inside_an_archive_are_unpacked_where_they_are(tmp_path):
    inner = zip_of(**{"audio/1.wav": b"one"})
    outer = zip_of(**{"table.csv": b"t", "sub/audio.zip": inner, "__MACOSX/._x": b""})
    (tmp_path / "outer.zip").write_bytes(outer)
    folder = tmp_path / "folder"
    folder.mkdir()
    unpack(tmp_path / "outer.zip", folder)
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert files == {"table.csv": b"t", "sub/audio/1.wav": b"one"}
    assert (tmp_path / "outer.zip").exists()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "a/b/../../../x"])
@pytest.mark.parametrize("inside", [False, True])
def test_an_archive_that_leads_outside_is_refused(tmp_path, name, inside):
    content = zip_of(**{"good": b"", name: b"evil"})
    if inside:
        content = zip_of(**{"inner.zip": content})
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "archive.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"\.zip: '.*' would be written outside"):
        unpack(tmp_path / "archive.zip", folder)
    assert {path.name for path in tmp_path.rglob("*")} <= {
        *("archive.zip", "folder", "inner.zip")
    }


def test_a_damaged_archive_is_named(tmp_path):
    content = zip_of(a=b"x" * 1000)
    for damaged in (b"no zip", content[:500], content.replace(b"xxx", b"xyx")):
        (tmp_path / "archive.zip").write_bytes(damaged)
        with pytest.raises(DataError, match="archive.zip: cannot be unpacked"):
            unpack(tmp_path / "archive.zip", tmp_path)
