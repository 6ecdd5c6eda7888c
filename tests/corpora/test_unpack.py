import io
import zipfile

import pytest

from espnet_samos.corpora.archives import check_space, unpack
from espnet_samos.utils.tables import DataError


def zip_of(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


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


def test_what_the_disk_cannot_hold_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"1000000\.0 GB are needed"):
        check_space(tmp_path, 10**15)
    check_space(tmp_path, 1000)
