"""Checkpoints of the shape of XLS-R with random weights."""

import mmap
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Iterator, Optional

import torch
from s3prl.upstream.wav2vec2.wav2vec2_model import (
    AudioPretrainingConfig,
    Wav2Vec2Config,
    Wav2Vec2Model,
)
from torch._subclasses import FakeTensorMode

SHAPES = {
    "2b": dict(width=1920, feed_forward=7680, heads=16, channels=512),
    "tiny": dict(width=64, feed_forward=256, heads=2, channels=16),
}


def make_checkpoint(path: Path, size: str) -> None:
    """Write a wav2vec 2.0 checkpoint of 48 layers without ever holding it."""
    shape = SHAPES[size]
    channels = shape["channels"]
    convolutions = f"[({channels}, 10, 5)] + [({channels}, 3, 2)] * 4"
    config = Wav2Vec2Config(
        conv_feature_layers=f"{convolutions} + [({channels}, 2, 2)] * 2",
        encoder_layers=48,
        encoder_embed_dim=shape["width"],
        encoder_ffn_embed_dim=shape["feed_forward"],
        encoder_attention_heads=shape["heads"],
        layer_norm_first=True,
        extractor_mode="layer_norm",
        conv_bias=True,
        quantize_targets=True,
    )
    with FakeTensorMode():
        weights = Wav2Vec2Model(config).state_dict()
    with torch.serialization.skip_data(materialize_fake_tensors=True):
        torch.save(
            dict(
                task_cfg=asdict(AudioPretrainingConfig(normalize=True)),
                model_cfg=asdict(config),
                model_weight=weights,
            ),
            path,
        )
    with torch.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        weights = torch.load(path, mmap=True)["model_weight"]
    for weight in weights.values():
        weight.normal_(std=0.02)


@contextmanager
def random_checkpoint(size: str, directory: Optional[str] = None) -> Iterator[Path]:
    """Yield a checkpoint.

    Args:
        size: One of `SHAPES`; "2b" takes 8.7 GB.
        directory: Where to keep the checkpoint, or to find it; without it, it is
            removed afterwards.
    """
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(directory or folder, f"xls_r_{size}_random.pt")
        if not checkpoint.is_file():
            part = checkpoint.with_suffix(".part")
            make_checkpoint(part, size)
            part.rename(checkpoint)
        yield checkpoint
