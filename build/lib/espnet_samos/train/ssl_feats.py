"""SSL features on disk, written by stage 3 and read in training.

The clips of a data directory are divided into shards. A shard is an ark and a scp of
kaldiio, whose matrices are float16 in NumPy's own form (Kaldi's has no float16), and a
marker, which is written last: a shard without one is not whole, and is made again.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple

import numpy as np
import torch

from espnet_samos.utils.files import write_text
from espnet_samos.utils.tables import read_table

# Clips in a shard: what a job that is killed loses at most.
SHARD_SIZE = 32
AGAIN = "run stage 3 again, which computes that part anew"


class SslFeatsError(ValueError):
    """SSL features on disk that cannot be used; the message says what to do."""


class Shard:
    """The features of some neighbouring clips of a data directory.

    Args:
        ark: Where they are, or will be.
        data_dir: Where the clips are.
        utts: The clips.
        inputs: A digest of the clips' paths, rates, sizes and times of change.
    """

    def __init__(self, ark: Path, data_dir: Path, utts: List[str], inputs: str):
        self.ark = ark
        self.scp = ark.with_suffix(".scp")
        self.marker = ark.with_suffix(".json")
        self.data_dir = data_dir
        self.utts = utts
        self.inputs = inputs

    def check(self) -> None:
        """Check that it is whole, and made from these clips.

        Raises:
            SslFeatsError: It is not.
        """
        marker = read_marker(self.marker)
        if marker["inputs"] != self.inputs or marker["num_clips"] != len(self.utts):
            raise SslFeatsError(f"{self.ark} was made from other clips: {AGAIN}")

    def write(
        self, clips: Iterable[Tuple[str, np.ndarray]], ssl: Dict[str, Any]
    ) -> None:
        """Write it, and its marker when it is whole.

        Args:
            clips: Each clip's name and features (NFrames, Dim), float16, in order.
            ssl: What they are features of, for `check_same_ssl`.

        Raises:
            SslFeatsError: The disk takes no more.
        """
        self.marker.unlink(missing_ok=True)
        self.ark.parent.mkdir(parents=True, exist_ok=True)
        import kaldiio

        try:
            with kaldiio.WriteHelper(
                f"ark,scp:{self.ark},{self.scp}", write_function="numpy"
            ) as writer:
                for utt, feats in clips:
                    writer(utt, feats)
            marker = dict(
                ssl=ssl,
                inputs=self.inputs,
                num_clips=len(self.utts),
                size=self.ark.stat().st_size,
            )
            write_text(self.marker, json.dumps(marker, indent=1))
        except OSError as e:
            raise SslFeatsError(
                f"{self.ark} cannot be written ({e}): make room and run stage 3 again, "
                "which keeps the parts that are finished"
            ) from e


def read_marker(path: Path) -> Dict[str, Any]:
    """Read a shard's marker: `ssl`, `inputs`, `num_clips` and `size` of its ark.

    Raises:
        SslFeatsError: It is not there, or damaged, or the ark has another size.
    """
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
        marker = {key: marker[key] for key in ("ssl", "inputs", "num_clips", "size")}
    except FileNotFoundError as e:
        raise SslFeatsError(f"{path} is not there: {AGAIN}") from e
    except (ValueError, KeyError, TypeError) as e:
        raise SslFeatsError(f"{path} is damaged ({e}): {AGAIN}") from e
    ark = path.with_suffix(".ark")
    found = ark.stat().st_size if ark.is_file() else 0
    if found != marker["size"]:
        raise SslFeatsError(f"{ark} has {found} bytes of {marker['size']}: {AGAIN}")
    return marker


def find_shards(data_dir: Path, folder: Path) -> List[Shard]:
    """Divide the clips of a data directory into shards in a folder.

    Raises:
        SslFeatsError: A clip is not there.
        DataError: A list of the data directory is damaged.
    """
    paths, rates = (read_table(data_dir / name) for name in ("wav.scp", "utt2fs"))
    utts = list(paths)
    shards: List[Shard] = []
    for first in range(0, len(utts), SHARD_SIZE):
        mine = utts[first : first + SHARD_SIZE]
        digest = hashlib.sha256()
        for utt in mine:
            try:
                stat = os.stat(paths[utt])
            except FileNotFoundError as e:
                raise SslFeatsError(
                    f"{utt}: {paths[utt]} is not there any more: run stages 1 and 2 "
                    "again"
                ) from e
            line = (utt, paths[utt], rates[utt], stat.st_size, stat.st_mtime_ns)
            digest.update(repr(line).encode())
        ark = folder / f"ssl_feats.{len(shards) + 1}.ark"
        shards.append(Shard(ark, data_dir, mine, digest.hexdigest()))
    return shards


def join_shards(data_dir: Path, folder: Path) -> Path:
    """Check a data directory's shards and list their clips.

    What is left of shards that there were when the data directory was larger is
    removed.

    Returns:
        `ssl_feats.scp` in the folder, as `SslFeatsReader` reads it.

    Raises:
        SslFeatsError: Some are not whole; the message says how many, and why the
            first of them is not. Or a clip is not there.
    """
    shards = find_shards(data_dir, folder)
    lines = []
    problems = []
    for shard in shards:
        try:
            shard.check()
        except SslFeatsError as e:
            problems.append(str(e))
        else:
            for utt, place in read_table(shard.scp).items():
                lines.append(f"{utt} {shard.ark}:{place.rpartition(':')[2]}\n")
    if problems:
        raise SslFeatsError(
            f"{len(problems)} of {len(shards)} parts of {folder} are missing: "
            f"{problems[0]}"
        )
    current = {path for s in shards for path in (s.ark, s.scp, s.marker)}
    for path in set(folder.glob("ssl_feats.*.*")) - current:
        path.unlink()
    scp = folder / "ssl_feats.scp"
    write_text(scp, "".join(lines))
    return scp


def check_same_ssl(folder: Path, ssl: Dict[str, Any]) -> None:
    """Check that features in a folder, if there are any, are features of `ssl`.

    Where `ssl` has no digest of the weights, these are not compared.

    Raises:
        SslFeatsError: They come from another SSL model, layer or window.
    """
    wanted = json.loads(json.dumps(ssl))
    for path in sorted(folder.glob("ssl_feats.*.json")):
        try:
            found = read_marker(path)["ssl"]
        except SslFeatsError:
            continue  # not whole: it will be made again
        different = [
            f"{key} was {found.get(key)}, is {wanted.get(key)}"
            for key in sorted({*wanted, *found})
            if wanted.get(key) != found.get(key) and (key in wanted or key != "weights")
        ]
        if different:
            raise SslFeatsError(
                f"{folder} holds features of another SSL model, layer or window "
                f"({', '.join(different)}): give this one its own --expdir, or remove "
                "that folder and run stage 3 again"
            )


class SslFeatsReader(Mapping):
    """Read SSL features clip by clip, as ESPnet's dataset does.

    A clip's features come as float32 (NFrames, Dim).

    Args:
        scp: What `join_shards` wrote. The arks are beside it.

    Raises:
        SslFeatsError: A file or a line is missing, or an ark is not as long as it was
            written; when a clip is asked for, also that this one is not there.
    """

    def __init__(self, scp: str):
        self.scp = scp
        if not Path(scp).is_file():
            raise SslFeatsError(f"no {scp}: run stage 3 first")
        import kaldiio

        try:
            self.data = kaldiio.load_scp(scp)
        except ValueError as e:
            raise SslFeatsError(f"{scp} is damaged ({e}): run stage 3 again") from e
        markers = sorted(Path(scp).parent.glob("ssl_feats.*.json"))
        num_clips = sum(read_marker(path)["num_clips"] for path in markers)
        if len(self.data) != num_clips:
            raise SslFeatsError(
                f"{scp} has {len(self.data)} clips, and the arks beside it have "
                f"{num_clips}: run stage 3 again, which repairs it"
            )

    def __getitem__(self, utt: str) -> np.ndarray:
        """Read the features of a clip, (NFrames, Dim)."""
        if utt not in self.data:
            raise SslFeatsError(f"{self.scp} has no features of {utt}: {AGAIN}")
        try:
            feats = self.data[utt]
        except (OSError, ValueError, EOFError) as e:
            raise SslFeatsError(
                f"{self.scp}: {utt} cannot be read ({e}): {AGAIN}"
            ) from e
        # PyTorch does this more than ten times faster than NumPy.
        return torch.from_numpy(feats).float().numpy()

    def __contains__(self, utt: object) -> bool:
        return utt in self.data

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
