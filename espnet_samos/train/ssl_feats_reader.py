"""Read SSL features from disk while training."""

import collections.abc
from pathlib import Path
from typing import Dict, Iterator, Tuple

import numpy as np
import torch

from espnet_samos.train.ssl_feats import (
    CURE,
    SslFeatsError,
    check_size,
    read_clip,
    read_manifest,
)


class SslFeatsReader(collections.abc.Mapping):
    """Read SSL features clip by clip, as ESPnet's dataset does.

    A clip's features come as float32 (NFrames, Dim), verified by checksum.

    Args:
        scp: A line a clip, `<utt> <ark>:<offset>`; `join_shards` writes it.

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
        arks = dict(line.split(maxsplit=1) for line in lines)
        arks = {utt: Path(place.rpartition(":")[0]) for utt, place in arks.items()}
        self._clips: Dict[str, Tuple[Path, Dict[str, int]]] = {}
        for ark in sorted(set(arks.values())):
            manifest = read_manifest(ark.with_suffix(".json"))
            check_size(ark, manifest["size"])
            self._clips.update(
                (utt, (ark, clip)) for utt, clip in manifest["clips"].items()
            )
        if {utt: ark for utt, (ark, _) in self._clips.items()} != arks:
            raise SslFeatsError(
                f"{scp} has {len(arks)} clips, and its arks have {len(self._clips)}, "
                "or others: run stage 3 again, which writes that list anew"
            )

    def __getitem__(self, utt: str) -> np.ndarray:
        """Read the features of a clip, (NFrames, Dim)."""
        if utt not in self._clips:
            raise SslFeatsError(f"{self.scp} has no features of {utt}: {CURE}")
        ark, clip = self._clips[utt]
        # PyTorch does this more than ten times faster than NumPy.
        return torch.from_numpy(read_clip(ark, utt, **clip)).float().numpy()

    def __contains__(self, utt: object) -> bool:
        return utt in self._clips

    def __iter__(self) -> Iterator[str]:
        return iter(self._clips)

    def __len__(self) -> int:
        return len(self._clips)
