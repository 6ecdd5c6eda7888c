import dataclasses
import hashlib
import importlib
import json
import shutil

import pytest

from espnet_samos.bin import mos_prepare
from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.download import download
from espnet_samos.corpora.nisqa import prepare as prepare_nisqa
from espnet_samos.corpora.sources import (
    DebianPackages,
    GitHubFolder,
    HubDataset,
    ZenodoRecord,
)
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import LAYOUTS, make_nisqa, read_layout
from tests.corpora.server import serve
from tests.corpora.test_unpack import debian_package, zip_of

SOURCES = {
    corpus: getattr(importlib.import_module(module), "DOWNLOAD", None)
    for corpus, module in CORPORA.items()
}
SERVERS = {
    ZenodoRecord: ["api"],
    HubDataset: ["endpoint"],
    GitHubFolder: ["api", "raw"],
    DebianPackages: ["archive"],
}


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


def add_zenodo(site, corpus, **files):
    source = SOURCES[corpus]
    return dataclasses.replace(source, api=site.add_zenodo(source.record, **files))


def make_somos_record(site):
    """As it is published: audio in an archive inside the archive."""
    audio = zip_of(**{"audios/1.wav": b"one"})
    table = {"training_files/split1/clean/TRAINSET": b"table"}
    files = {"somos.zip": zip_of(**{"audios.zip": audio, **table}), "LICENCE": b"text"}
    return add_zenodo(site, "somos", **files)


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
    source = add_zenodo(site, "nisqa", **{"NISQA_Corpus.zip": content})
    corpus_dir = tmp_path / "downloads/nisqa"
    download("nisqa", corpus_dir, source)
    assert files_in(corpus_dir) == files_in(folder / "NISQA_Corpus")
    assert "nisqa_train" in prepare_nisqa(corpus_dir)
    assert list(corpus_dir.parent.iterdir()) == [corpus_dir]


def test_preparation_downloads_on_request_only(site, tmp_path, monkeypatch):
    make_nisqa(tmp_path / "original/NISQA_Corpus")
    shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "original")
    content = (tmp_path / "archive.zip").read_bytes()
    source = add_zenodo(site, "nisqa", **{"NISQA_Corpus.zip": content})
    monkeypatch.setattr("espnet_samos.corpora.nisqa.DOWNLOAD", source)
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
    download("somos", tmp_path / "somos", make_somos_record(site))
    assert files_in(tmp_path / "somos") == SOMOS


def test_a_folder_that_is_there_is_left_alone(site, tmp_path):
    (tmp_path / "somos").mkdir()
    (tmp_path / "somos/mine").touch()
    download("somos", tmp_path / "somos", make_somos_record(site))
    assert files_in(tmp_path / "somos") == {"mine": b""}
    assert site.requests == []


def test_a_download_that_broke_off_goes_on(site, tmp_path):
    content = zip_of(**{"noise.wav": bytes(5000)})
    source = add_zenodo(site, "somos", **{"somos.zip": content})
    site.bytes_per_connection = 2000
    with pytest.raises(DataError, match="somos.zip.*received 2000 bytes"):
        download("somos", tmp_path / "somos", source)
    assert not (tmp_path / "somos").exists()
    site.bytes_per_connection = 1 << 30
    download("somos", tmp_path / "somos", source)
    assert files_in(tmp_path / "somos") == {"noise.wav": bytes(5000)}


def test_an_unpacking_that_was_interrupted_is_done_anew(site, tmp_path):
    contents = tmp_path / "somos.download/contents"
    contents.mkdir(parents=True)
    (contents / "half").touch()
    download("somos", tmp_path / "somos", make_somos_record(site))
    assert files_in(tmp_path / "somos") == SOMOS


@pytest.mark.parametrize(
    "corpus, others",
    [
        ("urgent2024_mos", set()),
        ("urgent2025_sqa", {"data/validation/0.parquet"}),
        ("urgent2026_sqa", {"data/ccr/test-00000-of-00001.parquet"}),
    ],
)
def test_what_is_read_comes_from_the_hub(site, tmp_path, corpus, others):
    LAYOUTS[corpus][1](tmp_path / "original")
    files = files_in(tmp_path / "original")
    source = SOURCES[corpus]
    hub = site.add_dataset(source.dataset, **files)
    source = dataclasses.replace(source, endpoint=hub)
    download(corpus, tmp_path / corpus, source)
    wanted = {name: files[name] for name in set(files) - others}
    assert files_in(tmp_path / corpus) == wanted
    assert read_layout(corpus, tmp_path / corpus)[corpus]


def test_chime7_udase_can_be_prepared_from_what_was_downloaded(site, tmp_path):
    LAYOUTS["chime7_udase"][1](tmp_path / "original")
    archive = zip_of(**files_in(tmp_path / "original"))
    source = add_zenodo(site, "chime7_udase", **{"evaluation-data.zip": archive})
    download("chime7_udase", tmp_path / "chime7_udase", source)
    assert read_layout("chime7_udase", tmp_path / "chime7_udase")


@pytest.mark.parametrize("corpus", [name for name, s in SOURCES.items() if s])
def test_without_a_connection_the_message_says_where_to_go(tmp_path, corpus):
    source = SOURCES[corpus]
    nowhere = dict.fromkeys(SERVERS[type(source)], "http://127.0.0.1:9")
    source = dataclasses.replace(source, **nowhere)
    with pytest.raises(DataError, match=f"corpus {corpus}: .*refused") as error:
        download(corpus, tmp_path / corpus, source)
    assert "Get it by hand from https://" in str(error.value)
    assert not (tmp_path / corpus).exists()


@pytest.mark.parametrize("corpus", [name for name, s in SOURCES.items() if not s])
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
        ZenodoRecord(7, f"{site.address}/api/records").list_files()


def add_github(site, corpus, folder):
    """Publish a layout's folder at GitHub, beside files of no interest."""
    LAYOUTS[corpus][1](folder)
    source = SOURCES[corpus]
    contents = {
        f"{source.folder}/{name}": data for name, data in files_in(folder).items()
    }
    contents |= {"README.md": b"all", f"{source.folder}2/c0_f1.wav": b"other"}
    if corpus == "p835_reference":
        contents[f"{source.folder}/3gpp_p501_FB/i01_f1.wav"] = b"another licence"
    return site.add_github(source, **contents)


GITHUB = [name for name, source in SOURCES.items() if isinstance(source, GitHubFolder)]


@pytest.mark.parametrize("corpus", GITHUB)
def test_a_folder_of_github_becomes_the_corpus(site, tmp_path, corpus):
    source = add_github(site, corpus, tmp_path / "original")
    assert len(source.commit) == 40
    download(corpus, tmp_path / "corpora" / corpus, source)
    assert files_in(tmp_path / "corpora" / corpus) == files_in(tmp_path / "original")
    assert read_layout(corpus, tmp_path / "corpora" / corpus)
    assert [path.name for path in (tmp_path / "corpora").iterdir()] == [corpus]


def test_files_of_github_that_are_there_are_not_fetched_again(site, tmp_path):
    source = add_github(site, "neural_codec_mushra", tmp_path / "original")
    corpus_dir = tmp_path / "mushra"
    path = "audio/stim_15/ref.wav"
    address = f"/raw/{source.repository}/{source.commit}/{source.folder}/{path}"
    content = site.files.pop(address)
    with pytest.raises(DataError, match="stim_15/ref.wav.*404(.|\n)*Get it by hand"):
        download("neural_codec_mushra", corpus_dir, source)
    assert not corpus_dir.exists()
    # another file of the same length
    site.files[address] = bytes(len(content))
    with pytest.raises(DataError, match="stim_15/ref.wav is not the file it should be"):
        download("neural_codec_mushra", corpus_dir, source)
    # and a file on the disk that was changed since
    lyra = tmp_path / "mushra.download/contents/audio/stim_01/lyra_6.wav"
    lyra.write_bytes(bytes(lyra.stat().st_size))
    site.files[address] = content
    site.requests.clear()
    download("neural_codec_mushra", corpus_dir, source)
    fetched = {url.partition("/audio/")[2] for url, _ in site.requests if "raw" in url}
    assert {"stim_01/lyra_6.wav", "stim_15/ref.wav"} <= fetched
    assert "stim_15/lyra_6.wav" not in fetched
    assert files_in(corpus_dir) == files_in(tmp_path / "original")


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(truncated=True), "truncated"),
        (dict(tree=[]), "no CSP835_Ref_Conditions.xlsx, degraded_fullband"),
        (dict(tree=[dict(path="a")]), "KeyError"),
        (dict(tree=None), "NoneType"),
    ],
)
def test_another_answer_of_github_is_refused(site, tmp_path, change, message):
    source = add_github(site, "p835_reference", tmp_path / "original")
    url = next(url for url in site.files if "/git/trees/" in url)
    site.files[url] = json.dumps(json.loads(site.files[url]) | change).encode()
    with pytest.raises(DataError, match=f"does not say which files .*{message}"):
        source.list_files()


@pytest.mark.parametrize("name", ["../a", "a/../../b", "."])
def test_names_that_lead_out_of_the_folder_are_refused(site, tmp_path, name):
    source = dataclasses.replace(SOURCES["neural_codec_mushra"], folder="x")
    source = site.add_github(source, **{f"x/{name}": b""})
    with pytest.raises(DataError, match="leads out of its folder|no \\*"):
        source.list_files()


def test_packages_of_debian_become_a_folder(site, tmp_path):
    packages = {
        "a_1.deb": debian_package(**{"usr/share/x/a/1.raw": b"one"}),
        "b_1.deb": debian_package(**{"usr/share/x/b/2.raw": b"two"}),
    }
    for name, content in packages.items():
        site.files[f"/pool/main/p/{name}"] = content
    source = DebianPackages(
        files=tuple(
            (name, len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")
            for name, content in packages.items()
        ),
        pool="main/p",
        folder="usr/share/x",
        target="recordings",
        archive=f"{site.address}/pool",
    )
    download("broad", tmp_path / "broad", source)
    assert files_in(tmp_path / "broad") == {
        "recordings/a/1.raw": b"one",
        "recordings/b/2.raw": b"two",
    }
