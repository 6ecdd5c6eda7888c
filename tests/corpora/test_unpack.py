import io
import tarfile
import zipfile

import pytest

from espnet_samos.corpora.archives import check_space, unpack, unpack_debian
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


def debian_package(**members):
    """A package with these files: an archive of archives."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    package = b"!<arch>\n"
    for name, content in (
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", b"odd"),
        ("data.tar.xz", data.getvalue()),
    ):
        package += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        )
        package += content + b"\n" * (len(content) % 2)
    return package


def test_a_folder_of_a_debian_package_is_unpacked(tmp_path):
    package = tmp_path / "a.deb"
    package.write_bytes(
        debian_package(**{"usr/share/x/a/1.raw": b"one", "usr/share/y/2": b"two"})
    )
    unpack_debian(package, "usr/share/x", tmp_path / "out")
    assert (tmp_path / "out/a/1.raw").read_bytes() == b"one"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]
    with pytest.raises(DataError, match="a.deb: no folder usr/share/z inside"):
        unpack_debian(package, "usr/share/z", tmp_path / "out")


@pytest.mark.parametrize("name", ["../evil", "usr/../../evil"])
def test_a_debian_package_that_leads_outside_is_refused(tmp_path, name):
    package = tmp_path / "a.deb"
    package.write_bytes(debian_package(**{f"usr/share/x/{name}": b"evil"}))
    with pytest.raises(DataError, match="a.deb: cannot be unpacked|no folder"):
        unpack_debian(package, "usr/share/x", tmp_path / "folder" / "out")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("keep", [0, 5, 100, -40])
def test_a_damaged_debian_package_is_named(tmp_path, keep):
    package = tmp_path / "a.deb"
    whole = debian_package(**{"usr/share/x/1": bytes(range(256)) * 20})
    package.write_bytes(whole[:keep] if keep else b"PK" + whole)
    with pytest.raises(DataError, match="a.deb: cannot be unpacked"):
        unpack_debian(package, "usr/share/x", tmp_path / "out")
