"""Compute the features of a frozen SSL frontend once, for all epochs to come."""

import hashlib
import logging
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import torch
from espnet2.asr.frontend.abs_frontend import AbsFrontend
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.train.dataset import ESPnetDataset

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.frontend.frozen import Frozen
from espnet_samos.train import data_types  # noqa: F401 (adds what datasets read)
from espnet_samos.train.ssl_feats import Shard, SslFeatsError, check_same_ssl


def ssl_settings(
    ssl_frontend: str, ssl_frontend_conf: Dict[str, Any], preprocessor: MosPreprocessor
) -> Dict[str, Any]:
    """Return all settings that SSL features depend on."""
    return dict(
        ssl_frontend=ssl_frontend,
        **{f"ssl_frontend_conf.{k}": value for k, value in ssl_frontend_conf.items()},
        window_seconds=preprocessor.window_seconds,
        multichannel=preprocessor.multichannel,
    )


def weights_digest(frontend: AbsFrontend) -> str:
    """Return a digest of the weights, the same on every device.

    Buffers are left out: some are computed, and differ in the last bit from one
    processor to another.
    """
    digest = hashlib.sha256()
    frozen = [part.module for part in frontend.modules() if isinstance(part, Frozen)]
    for module in (frontend, *frozen):
        for parameter in module.parameters():
            digest.update(parameter.detach().float().cpu().contiguous().numpy())
    return digest.hexdigest()[:16]


def dump_ssl_feats(
    shards: List[Shard],
    preprocessor: MosPreprocessor,
    settings: Dict[str, Any],
    build_frontend: Callable[[], AbsFrontend],
    device: str = "cpu",
    batch_size: int = 8,
    num_workers: int = 1,
) -> None:
    """Compute the shards that are not whole, and keep the others.

    Args:
        shards: What to compute.
        preprocessor: From a clip to its window at 16 kHz.
        settings: What `ssl_settings` gives for them.
        build_frontend: Not called where all is there.
        device: Where the frontend runs.
        batch_size: Windows that it takes at a time.
        num_workers: Processes that read and resample clips.

    Raises:
        SslFeatsError: There are features of another SSL model, layer or window; a
            feature is beyond float16; the disk takes no more.
        ValueError: Clips change at random, so that there is nothing to compute once.
        AudioError: A clip cannot be used.
    """
    preprocessor.check_no_random_options()
    folders = sorted({shard.ark.parent for shard in shards})
    for folder in folders:
        check_same_ssl(folder, settings)
    unfinished = []
    for shard in shards:
        try:
            shard.check()
            logging.info("%s is whole", shard.ark)
        except SslFeatsError as e:
            logging.info("computing %s (%s)", shard.ark, e)
            unfinished.append(shard)
    if not unfinished:
        return

    frontend = build_frontend().eval()
    ssl = dict(settings, weights=weights_digest(frontend))
    for folder in folders:
        check_same_ssl(folder, ssl)
    frontend.to(device)
    datasets: Dict[Path, ESPnetDataset] = {}
    for shard in unfinished:
        if shard.data_dir not in datasets:
            datasets[shard.data_dir] = ESPnetDataset(
                [
                    (str(shard.data_dir / "wav.scp"), "speech", "clip"),
                    (str(shard.data_dir / "utt2fs"), "fs", "text_int"),
                ],
                preprocess=preprocessor,
                allow_multi_rates=True,
            )
        loader = torch.utils.data.DataLoader(
            datasets[shard.data_dir],
            batch_size=batch_size,
            sampler=shard.utts,
            collate_fn=CommonCollateFn(),
            num_workers=num_workers,
            pin_memory=device != "cpu",
        )
        shard.write(_compute(frontend, loader, device), ssl)
        logging.info("%s: %d clips", shard.ark, len(shard.utts))


@torch.no_grad()
def _compute(
    frontend: AbsFrontend, loader: torch.utils.data.DataLoader, device: str
) -> Iterator[Tuple[str, np.ndarray]]:
    """Yield each clip with its features (NFrames, Dim) in float16."""
    for utts, batch in loader:
        # (Batch, NSamples) -> (Batch, NFrames, Dim)
        feats, lengths = frontend(
            batch["speech_16k"].to(device), batch["speech_16k_lengths"].to(device)
        )
        for utt, clip, length in zip(
            utts, feats.half().cpu(), lengths.tolist(), strict=True
        ):
            if not torch.isfinite(clip[:length]).all():
                raise SslFeatsError(
                    f"{utt}: its SSL features are beyond float16, which ends at 65504: "
                    "compute them in training (--dump_ssl_feats false)"
                )
            yield utt, clip[:length].numpy()
