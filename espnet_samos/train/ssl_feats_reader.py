"""Read SSL features from disk while training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Iterator, List

import numpy as np
import torch

from espnet_samos.train.ssl_feats import (
    CURE,
    SslFeatsError,
    check_size,
    read_clip,
    read_manifest,
)


class SslFeatsReader(Mapping):
    """Read SSL features clip by clip, as ESPnet's dataset does.

    A clip's features come as float32 (NFrames, Dim), verified by checksum.

    Args:
        scp: A line a clip, `<utt> <ark>:<offset>`; `join_shards` writes it. The arks
            are beside it.

    Raises:
        SslFeatsError: A file or a line is missing, or a file is not as it was
            written; when a clip is asked for, also that this one is not there or is
            damaged.
    """

    def __init__(self, scp: str):
        self.scp = scp
        try:
            lines = Path(scp).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as e:
            raise SslFeatsError(f"no {scp}: run stage 3 first") from e
        listed = []
        for line in lines:
            utt, _, place = line.partition(" ")
            listed.append((utt, Path(place).name))
        self._arks: List[Path] = []
        # which ark, offset, checksum: numbers alone, which `compact` takes
        self.data: Mapping[str, List[int]] = {}
        for path in sorted(Path(scp).parent.glob("ssl_feats.*.json")):
            manifest = read_manifest(path)
            ark = path.with_suffix(".ark")
            check_size(ark, manifest["size"])
            for utt, clip in manifest["clips"].items():
                self.data[utt] = [len(self._arks), clip["offset"], clip["crc32"]]
            self._arks.append(ark)
        places = [
            (utt, f"{self._arks[index].name}:{offset}")
            for utt, (index, offset, _) in self.data.items()
        ]
        if sorted(listed) != sorted(places):
            raise SslFeatsError(
                f"{scp} has {len(listed)} clips, and the arks beside it have "
                f"{len(places)}, or others: run stage 3 again, which mends it"
            )

    def __getitem__(self, utt: str) -> np.ndarray:
        """Read the features of a clip, (NFrames, Dim)."""
        if utt not in self.data:
            raise SslFeatsError(f"{self.scp} has no features of {utt}: {CURE}")
        index, offset, crc32 = self.data[utt]
        feats = read_clip(self._arks[index], utt, offset, crc32)
        # PyTorch does this more than ten times faster than NumPy.
        return torch.from_numpy(feats).float().numpy()

    def __contains__(self, utt: object) -> bool:
        return utt in self.data

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
