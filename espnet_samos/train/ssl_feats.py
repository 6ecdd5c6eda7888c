"""SSL features on disk, in shards that are either whole or made again.

A shard is an ark of kaldiio, whose matrices are float16 in NumPy's own form (Kaldi's
has no float16), and a manifest beside it, which is written last: an ark without one is
unfinished. A manifest has a checksum for each clip, so that no clip that changed on
disk is ever used. No torch here.
"""

import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

import kaldiio
import numpy as np
from kaldiio.matio import read_kaldi

from espnet_samos.corpora.kaldi import read_table
from espnet_samos.utils import write_text

# Clips in a shard: what a job that is killed loses at most.
SHARD_SIZE = 32
CURE = "run stage 3 again, which computes that part anew"


class SslFeatsError(ValueError):
    """SSL features on disk that cannot be used; the message says what to do."""


def read_manifest(path: Path) -> Dict[str, Any]:
    """Read what a shard's manifest says: `ssl`, `inputs`, `size` and `clips`.

    Raises:
        SslFeatsError: It is not there, or damaged.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return {key: manifest[key] for key in ("ssl", "inputs", "size", "clips")}
    except FileNotFoundError as e:
        raise SslFeatsError(f"{path} is not there: {CURE}") from e
    except (ValueError, KeyError, TypeError) as e:
        raise SslFeatsError(f"{path} is damaged ({e}): {CURE}") from e


def read_clip(ark: Path, utt: str, offset: int, crc32: int) -> np.ndarray:
    """Read a clip's features, float16 (NFrames, Dim), and verify them.

    Args:
        ark: Where they are.
        utt: The clip, for messages.
        offset: Their place in the ark, in bytes.
        crc32: Their checksum.

    Raises:
        SslFeatsError: They are not as they were written.
    """
    try:
        with ark.open("rb") as f:
            f.seek(offset)
            feats = read_kaldi(f)
        whole = zlib.crc32(feats) == crc32
    except Exception as e:  # what a parser says of bytes that are something else
        raise SslFeatsError(f"{ark} is damaged at {utt} ({e}): {CURE}") from e
    if not whole:
        raise SslFeatsError(f"{ark} is damaged at {utt} (checksum): {CURE}")
    return feats


def check_size(ark: Path, size: int) -> None:
    """Check that an ark has as many bytes as were written.

    Raises:
        SslFeatsError: It has not, or is not there.
    """
    found = ark.stat().st_size if ark.is_file() else 0
    if found != size:
        raise SslFeatsError(f"{ark} has {found} bytes of {size}: {CURE}")


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
        self.manifest = ark.with_suffix(".json")
        self.data_dir = data_dir
        self.utts = utts
        self.inputs = inputs

    def offsets(self) -> Dict[str, int]:
        """Read all of it and give the place of each clip in the ark.

        Raises:
            SslFeatsError: It is not whole, or was made from other clips.
        """
        manifest = read_manifest(self.manifest)
        clips = manifest["clips"]
        if manifest["inputs"] != self.inputs or list(clips) != self.utts:
            raise SslFeatsError(f"{self.ark} was made from other clips: {CURE}")
        check_size(self.ark, manifest["size"])
        for utt, clip in clips.items():
            read_clip(self.ark, utt, **clip)
        return {utt: clip["offset"] for utt, clip in clips.items()}

    def write(
        self, clips: Iterable[Tuple[str, np.ndarray]], ssl: Dict[str, Any]
    ) -> None:
        """Write it, and its manifest when it is whole.

        Args:
            clips: Each clip's name and features (NFrames, Dim), float16, in order.
            ssl: What they are features of, for `check_same_ssl`.

        Raises:
            SslFeatsError: The disk takes no more.
        """
        self.manifest.unlink(missing_ok=True)
        self.ark.parent.mkdir(parents=True, exist_ok=True)
        part = self.ark.with_name(self.ark.name + ".part")
        written = {}
        try:
            with part.open("wb") as f:
                for utt, feats in clips:
                    # a checksum is of the rows, one after the other
                    feats = np.ascontiguousarray(feats)
                    offset = f.tell() + len(f"{utt} ".encode())
                    kaldiio.save_ark(f, {utt: feats}, write_function="numpy")
                    written[utt] = dict(offset=offset, crc32=zlib.crc32(feats))
                f.flush()
                os.fsync(f.fileno())
                size = f.tell()
            part.replace(self.ark)
            manifest = dict(ssl=ssl, inputs=self.inputs, size=size, clips=written)
            write_text(self.manifest, json.dumps(manifest, indent=1))
        except OSError as e:
            raise SslFeatsError(
                f"{part} cannot be written ({e}): make room and run stage 3 again, "
                "which keeps the parts that are finished"
            ) from e


def find_shards(data_dir: Path, folder: Path) -> List[Shard]:
    """Divide the clips of a data directory into shards in a folder.

    Raises:
        SslFeatsError: A clip is not there.
        DataError: A list of the data directory is damaged.
    """
    paths, rates = (read_table(data_dir / name) for name in ("wav.scp", "utt2fs"))
    utts = list(paths)
    shards = []
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
    """Verify a data directory's shards by count and checksum and list their clips.

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
            offsets = shard.offsets()
        except SslFeatsError as e:
            problems.append(str(e))
        else:
            lines += [f"{utt} {shard.ark}:{at}\n" for utt, at in offsets.items()]
    if problems:
        raise SslFeatsError(
            f"{len(problems)} of {len(shards)} parts of {folder} are missing: "
            f"{problems[0]}"
        )
    current = {path for shard in shards for path in (shard.ark, shard.manifest)}
    for path in set(folder.glob("ssl_feats.*.*")) - current:
        path.unlink()
    scp = folder / "ssl_feats.scp"
    write_text(scp, "".join(lines))
    return scp


def check_same_ssl(folder: Path, ssl: Dict[str, Any]) -> None:
    """Check what the features in a folder are features of.

    Args:
        folder: With shards, or empty, or not there.
        ssl: What they should be features of; of what is known of them, only these
            keys are compared.

    Raises:
        SslFeatsError: They come from another SSL model, layer or window.
    """
    wanted = json.loads(json.dumps(ssl))
    for path in sorted(folder.glob("ssl_feats.*.json")):
        try:
            found = read_manifest(path)["ssl"]
        except SslFeatsError:
            continue  # not whole: it will be made again
        keys = {
            key
            for key in {*wanted, *found}
            if wanted.get(key) != found.get(key) and (key in wanted or key != "weights")
        }
        if keys:
            what = ", ".join(
                f"{key} was {found.get(key)}, is {wanted.get(key)}"
                for key in sorted(keys)
            )
            raise SslFeatsError(
                f"{folder} holds features of another SSL model, layer or window "
                f"({what}): give this one its own --expdir, or remove that folder and "
                "run stage 3 again"
            )
