"""Where corpora can be downloaded from: a record of Zenodo, a dataset of the Hugging
Face hub, a folder of a GitHub repository, packages of Debian.

A corpus' module names its own in `DOWNLOAD`. A new kind of source is one class here.
"""

import json
import logging
import shutil
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, List, NamedTuple, Optional, Tuple
from urllib.parse import quote

from espnet_samos.corpora.archives import check_space, unpack, unpack_debian
from espnet_samos.utils.tables import DataError

TIMEOUT_SECONDS = 60


class RemoteFile(NamedTuple):
    """A file as its server describes it."""

    name: str  # relative to the corpus' folder, with "/"
    url: str
    size: int  # in bytes
    checksum: str  # as `utils.download` takes it


class Source(ABC):
    """Where a corpus can be downloaded from."""

    @abstractmethod
    def fetch(self, folder: Path) -> Path:
        """Download everything, resuming what broke off.

        Args:
            folder: Where to work; nothing else is there.

        Returns:
            A folder within it, laid out as the corpus' `prepare` expects it.

        Raises:
            DataError, OSError: The download failed.
        """


@dataclass(frozen=True)
class ZenodoRecord(Source):
    """A record of Zenodo, whose zip archives are unpacked.

    Args:
        record: Its number.
        api: Address of Zenodo's records.
    """

    record: int
    api: str = "https://zenodo.org/api/records"

    def list_files(self) -> List[RemoteFile]:
        """List the record's files.

        Raises:
            DataError: There is no answer, or one without a list of files.
        """
        url = f"{self.api}/{self.record}"
        answer = _read_json(url)
        try:
            files = []
            for file in answer["files"]:
                if not file["checksum"].startswith("md5:"):
                    raise ValueError(file["checksum"])
                name = _safe_name(file["key"])
                address = file["links"]["self"]
                files.append(RemoteFile(name, address, file["size"], file["checksum"]))
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise _no_list(url, e) from e
        return files

    def fetch(self, folder: Path) -> Path:
        """Download the files and unpack them."""
        archives, contents = folder / "archives", folder / "contents"
        files = self.list_files()
        _download_files(files, archives)
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


@dataclass(frozen=True)
class HubDataset(Source):
    """A dataset of the Hugging Face hub, whose client resumes and verifies by itself.

    Args:
        dataset: Its name.
        patterns: Which of its files; `*` also matches "/".
        endpoint: Address of the hub; None: its own.
    """

    dataset: str
    patterns: Tuple[str, ...] = ("*",)
    endpoint: Optional[str] = None

    def fetch(self, folder: Path) -> Path:
        """Download the dataset."""
        from huggingface_hub import snapshot_download

        contents = folder / "contents"
        try:
            snapshot_download(
                self.dataset,
                repo_type="dataset",
                local_dir=contents,
                allow_patterns=list(self.patterns),
                endpoint=self.endpoint,
            )
        except (OSError, ValueError) as e:
            reason = str(e).splitlines()[0]
            raise DataError(
                f"cannot download {self.dataset} from the Hugging Face hub: {reason}"
            ) from e
        shutil.rmtree(contents / ".cache", ignore_errors=True)  # its notes
        return contents


@dataclass(frozen=True)
class GitHubFolder(Source):
    """A folder of a GitHub repository at one commit.

    Args:
        repository: `<owner>/<name>`.
        commit: The commit, all 40 digits of it.
        folder: The folder's path; it becomes the corpus' folder.
        patterns: Which of its files, relative to it; `*` also matches "/".
        api: Address of GitHub's interface.
        raw: Address of the files themselves.
    """

    repository: str
    commit: str
    folder: str
    patterns: Tuple[str, ...] = ("*",)
    api: str = "https://api.github.com"
    raw: str = "https://raw.githubusercontent.com"

    def list_files(self) -> List[RemoteFile]:
        """List the files, with the checksums that git has of them.

        Raises:
            DataError: There is no answer, or one without a complete list of files.
        """
        url = f"{self.api}/repos/{self.repository}/git/trees/{self.commit}?recursive=1"
        answer = _read_json(url)
        files = []
        try:
            if answer.get("truncated"):
                raise ValueError("the list is truncated")
            for entry in answer["tree"]:
                path = PurePosixPath(entry["path"])
                if entry["type"] != "blob" or not path.is_relative_to(self.folder):
                    continue
                name = _safe_name(str(path.relative_to(self.folder)), in_folder=True)
                if any(fnmatchcase(name, pattern) for pattern in self.patterns):
                    address = f"{self._address()}/{quote(str(path))}"
                    checksum = f"git:{entry['sha']}"
                    files.append(RemoteFile(name, address, entry["size"], checksum))
            missing = [
                pattern
                for pattern in self.patterns
                if not any(fnmatchcase(file.name, pattern) for file in files)
            ]
            if missing:
                raise ValueError(f"no {', '.join(missing)} in {self.folder}")
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise _no_list(url, e) from e
        return files

    def _address(self) -> str:
        return f"{self.raw}/{self.repository}/{self.commit}"

    def fetch(self, folder: Path) -> Path:
        """Download the files."""
        contents = folder / "contents"
        _download_files(self.list_files(), contents)
        for lock in contents.rglob("*.part.lock"):
            lock.unlink()
        return contents


@dataclass(frozen=True)
class DebianPackages(Source):
    """A folder that packages of Debian have together.

    Args:
        files: Names, sizes and checksums of the packages.
        pool: Their folder in Debian's archive.
        folder: The folder inside them.
        target: What it is called in the corpus' folder.
        archive: Address of the archive.
    """

    files: Tuple[Tuple[str, int, str], ...]
    pool: str
    folder: str
    target: str
    archive: str = "https://deb.debian.org/debian/pool"

    def fetch(self, folder: Path) -> Path:
        """Download the packages and unpack their folders."""
        archives, contents = folder / "archives", folder / "contents"
        files = [
            RemoteFile(name, f"{self.archive}/{self.pool}/{name}", size, checksum)
            for name, size, checksum in self.files
        ]
        _download_files(files, archives)
        if contents.exists():  # of an unpacking that was interrupted
            shutil.rmtree(contents)
        for file in files:
            unpack_debian(archives / file.name, self.folder, contents / self.target)
        return contents


def _read_json(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)
    except OSError as e:
        raise DataError(f"cannot reach {url}: {e}") from e
    except ValueError as e:
        raise _no_list(url, e) from e


def _no_list(url: str, error: Exception) -> DataError:
    return DataError(f"{url} does not say which files there are ({error!r})")


def _safe_name(name: str, in_folder: bool = False) -> str:
    """Return a file's name; with `in_folder`, or its path within a folder."""
    parts = PurePosixPath(name).parts
    inside = len(parts) == 1 or (in_folder and parts)
    if ".." in parts or name.startswith("/") or not inside:
        raise ValueError(f"{name} leads out of its folder")
    return name


def _download_files(files: List[RemoteFile], folder: Path) -> None:
    """Download files to a folder, but for those that are there and right."""
    from espnet_samos.utils.download import download

    folder.mkdir(exist_ok=True)
    missing = [file for file in files if not (folder / file.name).exists()]
    size = sum(file.size for file in missing)
    check_space(folder, size)
    logging.info("%d files to download, %.1f MB", len(missing), size / 1e6)
    for file in files:
        download(file.url, folder / file.name, file.size, file.checksum)
