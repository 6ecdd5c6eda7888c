import functools
import shutil

import pytest

from espnet_samos.bin import mos_prepare
from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.download import (
    HUB_DATASETS,
    ZENODO_RECORDS,
    download,
    list_zenodo,
)
from espnet_samos.corpora.nisqa import prepare as prepare_nisqa
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import make_nisqa
from tests.corpora.server import serve
from tests.corpora.test_unpack import zip_of


@pytest.fixture
def site():
    with serve() as site:
        yield site


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def make_somos_record(site):
    """As it is published: audio in an archive inside the archive."""
    audio = zip_of(**{"audios/1.wav": b"one"})
    table = {"training_files/split1/clean/TRAINSET": b"table"}
    files = {"somos.zip": zip_of(**{"audios.zip": audio, **table}), "LICENCE": b"text"}
    return site.add_zenodo(ZENODO_RECORDS["somos"], **files)


SOMOS = {
    "audios/1.wav": b"one",
    "training_files/split1/clean/TRAINSET": b"table",
    "LICENCE": b"text",
}


def test_nisqa_can_be_prepared_from_what_was_downloaded(site, tmp_path):
    """Its archive has everything in one folder, which is not kept."""
    folder = tmp_path / "original"
    folder.mkdir()
    make_nisqa(folder / "NISQA_Corpus")
    shutil.make_archive(str(tmp_path / "archive"), "zip", folder)
    content = (tmp_path / "archive.zip").read_bytes()
    zenodo = site.add_zenodo(ZENODO_RECORDS["nisqa"], **{"NISQA_Corpus.zip": content})
    corpus_dir = tmp_path / "downloads/nisqa"
    download("nisqa", corpus_dir, zenodo=zenodo)
    assert files_in(corpus_dir) == files_in(folder / "NISQA_Corpus")
    assert "nisqa_train" in prepare_nisqa(corpus_dir)
    assert list(corpus_dir.parent.iterdir()) == [corpus_dir]


def test_preparation_downloads_on_request_only(site, tmp_path, monkeypatch):
    make_nisqa(tmp_path / "original/NISQA_Corpus")
    shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "original")
    content = (tmp_path / "archive.zip").read_bytes()
    zenodo = site.add_zenodo(ZENODO_RECORDS["nisqa"], **{"NISQA_Corpus.zip": content})
    # the real function, but not the real Zenodo
    here = functools.partial(download, zenodo=zenodo)
    monkeypatch.setattr("espnet_samos.corpora.download.download", here)
    options = ["--corpus", "nisqa", "--corpus_dir", str(tmp_path / "nisqa")]
    options += ["--output_dir", str(tmp_path / "data")]
    with pytest.raises(SystemExit, match="nisqa: set NISQA in db.sh"):
        mos_prepare.main(options)
    assert site.requests == []
    for _ in range(2):
        mos_prepare.main([*options, "--download", "true"])
        assert (tmp_path / "data/nisqa_train/wav.scp").is_file()
        assert len(site.requests) == 2  # the record and its file, once
    options[1] = "tencent"
    options[3] = str(tmp_path / "tencent")
    with pytest.raises(SystemExit, match="not one that can be downloaded from here: "):
        mos_prepare.main([*options, "--download", "true"])


def test_somos_is_unpacked_as_its_reader_wants_it(site, tmp_path):
    download("somos", tmp_path / "somos", zenodo=make_somos_record(site))
    assert files_in(tmp_path / "somos") == SOMOS


def test_a_folder_that_is_there_is_left_alone(site, tmp_path):
    (tmp_path / "somos").mkdir()
    (tmp_path / "somos/mine").touch()
    download("somos", tmp_path / "somos", zenodo=make_somos_record(site))
    assert files_in(tmp_path / "somos") == {"mine": b""}
    assert site.requests == []


def test_a_download_that_broke_off_goes_on(site, tmp_path):
    content = zip_of(**{"noise.wav": bytes(5000)})
    zenodo = site.add_zenodo(ZENODO_RECORDS["somos"], **{"somos.zip": content})
    site.bytes_per_connection = 2000
    with pytest.raises(DataError, match="somos.zip.*received 2000 bytes"):
        download("somos", tmp_path / "somos", zenodo=zenodo)
    assert not (tmp_path / "somos").exists()
    site.bytes_per_connection = 1 << 30
    download("somos", tmp_path / "somos", zenodo=zenodo)
    assert files_in(tmp_path / "somos") == {"noise.wav": bytes(5000)}


def test_an_unpacking_that_was_interrupted_is_done_anew(site, tmp_path):
    contents = tmp_path / "somos.download/contents"
    contents.mkdir(parents=True)
    (contents / "half").touch()
    download("somos", tmp_path / "somos", zenodo=make_somos_record(site))
    assert files_in(tmp_path / "somos") == SOMOS


def test_urgent2024_mos_comes_from_the_hub(site, tmp_path):
    hub = site.add_dataset(HUB_DATASETS["urgent2024_mos"], **{"a.parquet": b"rows"})
    download("urgent2024_mos", tmp_path / "urgent", hub=hub)
    assert files_in(tmp_path / "urgent") == {"a.parquet": b"rows"}


@pytest.mark.parametrize("corpus", [*ZENODO_RECORDS, *HUB_DATASETS])
def test_without_a_connection_the_message_says_where_to_go(tmp_path, corpus):
    nowhere = "http://127.0.0.1:9"
    with pytest.raises(DataError, match=f"corpus {corpus}: cannot .*refused") as error:
        download(corpus, tmp_path / corpus, zenodo=nowhere, hub=nowhere)
    assert "Get it by hand from https://" in str(error.value)
    assert not (tmp_path / corpus).exists()


@pytest.mark.parametrize(
    "corpus", sorted({*CORPORA} - {*ZENODO_RECORDS, *HUB_DATASETS})
)
def test_other_corpora_are_not_downloaded(tmp_path, corpus):
    with pytest.raises(DataError, match=f"corpus {corpus} is not one that can be"):
        download(corpus, tmp_path / corpus)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [
        "<html>",
        "[]",
        '{"status": 404}',
        '{"files": [{"key": "a"}]}',
        '{"files": [{"key": "../a", "size": 1, "checksum": "md5:0", '
        '"links": {"self": "http://x/"}}]}',
        '{"files": [{"key": "a", "size": 1, "checksum": "sha256:0", '
        '"links": {"self": "http://x/"}}]}',
    ],
)
def test_another_answer_of_zenodo_is_refused(site, answer):
    site.files["/api/records/7"] = answer.encode()
    with pytest.raises(DataError, match="/7 does not say which files there are"):
        list_zenodo(7, f"{site.address}/api/records")
