import hashlib
import os

import pytest
import s3prl.util.download
import torch.hub

from espnet_samos.frontend.upstreams.downloading import download, downloading
from tests.corpora.server import serve

CONTENT = os.urandom(100_000)


@pytest.fixture
def site():
    with serve() as site:
        site.files["/model.pt"] = CONTENT
        yield site


def by_s3prl(url, dst):
    s3prl.util.download._download(dst, url, refresh=False)


def by_torch(url, dst):
    torch.hub.download_url_to_file(url, str(dst))


@pytest.mark.parametrize("library", [by_s3prl, by_torch])
def test_a_download_goes_on_where_it_broke_off(site, tmp_path, library):
    dst = tmp_path / "model.pt"
    site.bytes_per_connection = 40_000
    while not dst.is_file():
        try:
            with downloading("xls_r_2b", "name a copy"):
                library(f"{site.address}/model.pt", dst)
        except ConnectionError as e:
            assert "'xls_r_2b'" in str(e) and "goes on from there" in str(e)
            assert "Without a connection, name a copy" in str(e)
        assert len(site.requests) < 6
    assert dst.read_bytes() == CONTENT
    asked = [part for _, part in site.requests if part]
    assert asked == ["bytes=40000-", "bytes=80000-"]
    assert not (tmp_path / "model.pt.part").exists()


def test_a_server_without_parts_sends_it_all_again(site, tmp_path):
    (tmp_path / "model.pt.part").write_bytes(b"other bytes")
    site.gives_parts = False
    download(f"{site.address}/model.pt", tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == CONTENT


def test_a_damaged_file_is_deleted(site, tmp_path):
    digest = hashlib.sha256(CONTENT).hexdigest()
    url = f"{site.address}/model.pt"
    (tmp_path / "model.pt.part").write_bytes(b"x" * 1000)
    with pytest.raises(OSError, match="damaged"):
        download(url, tmp_path / "model.pt", hash_prefix=digest[:8])
    download(url, tmp_path / "model.pt", hash_prefix=digest[:8])
    assert (tmp_path / "model.pt").read_bytes() == CONTENT


def test_what_is_missing_on_the_server_is_said(site, tmp_path):
    with pytest.raises(ConnectionError, match="404"):
        with downloading("xls_r_2b", "name a copy"):
            by_torch(f"{site.address}/nothing.pt", tmp_path / "nothing.pt")


def test_libraries_are_left_as_they_were():
    before = torch.hub.download_url_to_file
    with downloading("x", "y"):
        assert torch.hub.download_url_to_file is download
    assert torch.hub.download_url_to_file is before
