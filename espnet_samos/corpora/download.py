"""Download corpora whose licences let anyone do so."""

import importlib
import json
import logging
import shutil
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import List, NamedTuple, Optional, Union

from tqdm import tqdm

from espnet_samos.corpora import CORPORA
from espnet_samos.utils.download import download as download_file
from espnet_samos.utils.tables import DataError

TIMEOUT_SECONDS = 60
ZENODO_API = "https://zenodo.org/api/records"
ZENODO_RECORDS = {"nisqa": 4728081, "somos": 7378801}
HUB_DATASETS = {"urgent2024_mos": "urgent-challenge/urgent2024_mos"}


class RemoteFile(NamedTuple):
    """A file as its archive describes it."""

    name: str
    url: str
    size: int  # in bytes
    md5: str  # in hexadecimal digits


def list_zenodo(record: int, api: str = ZENODO_API) -> List[RemoteFile]:
    """List the files of a record of Zenodo.

    Raises:
        DataError: There is no answer, or one without a list of files.
    """
    url = f"{api}/{record}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            answer = json.load(response)
        files = []
        for file in answer["files"]:
            kind, md5 = file["checksum"].split(":")
            if kind != "md5" or Path(file["key"]).name != file["key"]:
                raise ValueError(f"{file['key']}, {file['checksum']}")
            url_of_file = file["links"]["self"]
            files.append(RemoteFile(file["key"], url_of_file, file["size"], md5))
    except OSError as e:
        raise DataError(f"cannot reach {url}: {e}") from e
    except (ValueError, KeyError, TypeError) as e:
        raise DataError(f"{url} does not say which files there are ({e!r})") from e
    return files


def check_space(folder: Path, num_bytes: int) -> None:
    """Raise a `DataError` where the disk has not enough space."""
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise DataError(
            f"{folder}: {num_bytes / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB "
            "are free: make space, or choose another folder"
        )


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive to a folder, and the zip archives inside it where they are.

    Archives inside are deleted afterwards. Resource forks, which Macs add, are left
    out.

    Raises:
        DataError: It is damaged, would write outside the folder, or there is not
            enough space.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            names = [n for n in file.namelist() if not n.startswith("__MACOSX/")]
            check_space(folder, sum(file.getinfo(name).file_size for name in names))
            root = folder.resolve()
            for name in names:
                if not (root / name).resolve().is_relative_to(root):
                    raise DataError(
                        f"{archive}: '{name}' would be written outside {folder}: do "
                        "not use this archive"
                    )
            file.extractall(
                folder, tqdm(names, desc=f"unpacking {archive.name}", unit="file")
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as e:
        raise DataError(f"{archive}: cannot be unpacked ({e}): download it anew") from e
    for name in names:
        inner = folder / name
        if inner.suffix == ".zip" and inner.is_file():
            unpack(inner, inner.parent)
            inner.unlink()


def _download_zenodo(record: int, folder: Path, api: str) -> Path:
    """Fetch and unpack a record; return the folder that its contents are in."""
    archives, contents = folder / "archives", folder / "contents"
    archives.mkdir(exist_ok=True)
    files = list_zenodo(record, api)
    for file in files:
        path = archives / file.name
        if not path.exists():
            check_space(archives, file.size)
        download_file(file.url, path, file.size, f"md5:{file.md5}")
    if contents.exists():  # of an unpacking that was interrupted
        shutil.rmtree(contents)
    contents.mkdir()
    for file in files:
        if file.name.endswith(".zip"):
            unpack(archives / file.name, contents)
        else:
            shutil.copy(archives / file.name, contents)
    inside = list(contents.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else contents


def _download_hub(dataset: str, folder: Path, hub: Optional[str]) -> Path:
    """Fetch a dataset of the Hugging Face hub, which resumes and checks by itself."""
    from huggingface_hub import snapshot_download

    contents = folder / "contents"
    try:
        snapshot_download(
            dataset, repo_type="dataset", local_dir=contents, endpoint=hub
        )
    except (OSError, ValueError) as e:
        reason = str(e).splitlines()[0]
        raise DataError(
            f"cannot download {dataset} from the Hugging Face hub: {reason}"
        ) from e
    shutil.rmtree(contents / ".cache", ignore_errors=True)  # its notes
    return contents


def download(
    corpus: str,
    corpus_dir: Union[str, Path],
    zenodo: str = ZENODO_API,
    hub: Optional[str] = None,
) -> None:
    """Download a corpus, unless its folder is there already.

    Everything is done in `<corpus_dir>.download`, and `corpus_dir` is there only when
    all of it is complete. A download that broke off goes on where it stopped.

    Args:
        corpus: A key of `CORPORA`.
        corpus_dir: The folder that the corpus' `prepare` reads.
        zenodo: Address of Zenodo's records.
        hub: Address of the Hugging Face hub; None: its own.

    Raises:
        DataError: The corpus cannot be downloaded by a program, or the download
            failed; the message says how else to get it.
    """
    corpus_dir = Path(corpus_dir)
    if corpus_dir.is_dir() and any(corpus_dir.iterdir()):
        logging.info("%s is there already: nothing is downloaded", corpus_dir)
        return
    where = getattr(importlib.import_module(CORPORA[corpus]), "WHERE", None)
    if corpus not in ZENODO_RECORDS and corpus not in HUB_DATASETS:
        raise DataError(
            f"corpus {corpus} is not one that can be downloaded from here"
            + (f": get it from {where}" if where else "")
        )
    logging.info("downloading %s to %s: %s", corpus, corpus_dir, where)
    folder = corpus_dir.with_name(f"{corpus_dir.name}.download")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if corpus in ZENODO_RECORDS:
            contents = _download_zenodo(ZENODO_RECORDS[corpus], folder, zenodo)
        else:
            contents = _download_hub(HUB_DATASETS[corpus], folder, hub)
        contents.replace(corpus_dir)
        shutil.rmtree(folder)
    except (DataError, OSError) as e:
        raise DataError(f"corpus {corpus}: {e}\nGet it by hand from {where}") from e
