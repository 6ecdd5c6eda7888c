import hashlib
import os

import pytest

from espnet_samos.utils.download import DownloadError, download
from tests.corpora.server import serve

SIZE = 25_000_000  # what comes in is kept by 10 MiB
PART = 10 * 2**20
CONTENT = os.urandom(SIZE)
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@pytest.fixture
def site():
    with serve() as site:
        site.files["/big.bin"] = CONTENT
        yield site


def get(site, path, size=SIZE, checksum=MD5):
    download(f"{site.address}/big.bin", path, size, checksum)


def get_at_last(site, path, **options):
    """Try until it is there, as a user would; return how often."""
    for tries in range(1, 10):
        try:
            get(site, path, **options)
            return tries
        except DownloadError:
            assert not path.exists()
    raise AssertionError("it never came")


def test_a_file_is_downloaded_once(site, tmp_path):
    for _ in range(2):
        get(site, tmp_path / "folder/big.bin")
    assert (tmp_path / "folder/big.bin").read_bytes() == CONTENT
    assert site.requests == [("/big.bin", None)]
    assert not (tmp_path / "folder/big.bin.part").exists()


def test_a_changed_file_is_downloaded_anew(site, tmp_path):
    (tmp_path / "big.bin").write_bytes(CONTENT[:-1] + b"x")
    get(site, tmp_path / "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("options", [{}, dict(size=None), dict(checksum="")])
def test_what_broke_off_goes_on_where_it_stopped(site, tmp_path, options):
    site.bytes_per_connection = 12_000_000
    get_at_last(site, tmp_path / "big.bin", **options)
    assert (tmp_path / "big.bin").read_bytes() == CONTENT
    asked = [part for _, part in site.requests]
    assert asked == [None, f"bytes={PART}-", f"bytes={2 * PART}-"]


def test_a_server_without_parts_sends_it_all_again(site, tmp_path):
    (tmp_path / "big.bin.part").write_bytes(CONTENT[:1000])
    site.gives_parts = False
    get_at_last(site, tmp_path / "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == CONTENT


def test_a_part_of_another_file_does_not_survive(site, tmp_path):
    """Neither one as long as the file nor a shorter one, which is added to."""
    for part in (b"x" * SIZE, b"x" * 100):
        (tmp_path / "big.bin.part").write_bytes(part)
        with pytest.raises(DownloadError, match="big.bin is not the file it should be"):
            get(site, tmp_path / "big.bin")
        assert not list(tmp_path.glob("big.bin*[!k]"))
    get(site, tmp_path / "big.bin")


def test_a_wrong_checksum_is_refused(site, tmp_path):
    with pytest.raises(DownloadError, match=rf"is not .*md5:{'0' * 32}.*anew"):
        get(site, tmp_path / "big.bin", checksum=f"md5:{'0' * 32}")
    digest = hashlib.sha256(CONTENT).hexdigest()
    get(site, tmp_path / "big.bin", size=None, checksum=f"sha256:{digest[:8]}")


def test_failures_name_the_address(site, tmp_path):
    with pytest.raises(DownloadError, match="/nothing.*404"):
        download(f"{site.address}/nothing", tmp_path / "x", 1, MD5)
    with pytest.raises(DownloadError, match="127.0.0.1:9/x.*refused"):
        download("http://127.0.0.1:9/x", tmp_path / "x", 1, MD5)
