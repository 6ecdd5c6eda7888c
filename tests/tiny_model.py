"""A tiny random model as a training leaves it, and clips to score."""

import argparse

import numpy as np
import torch
import yaml

from espnet_samos.mos.build import build_model
from espnet_samos.tasks.mos import MosTask

CONFIG = dict(
    preprocessor_conf=dict(window_seconds=1.0),
    ssl_frontend="default",
    ssl_frontend_conf=dict(fs=16000, n_mels=20),
    ssl_encoder_conf=dict(hidden_channels=8),
    spectrogram_frontend_conf=dict(hop_length=480),
    spectrogram_encoder_conf=dict(channels=[4, 4, 8, 8]),
)


LIGHT_CONFIG = dict(
    preprocessor_conf=dict(window_seconds=2.0),
    ssl_frontend="light",
    ssl_frontend_conf=dict(
        channels=[4, 8, 8],
        output_size=16,
        feedforward_size=32,
        num_layers=2,
        layers=[0, 2],
    ),
    ssl_encoder="statistics",
    spectrogram_frontend="log_bands",
    spectrogram_encoder="statistics",
    spectrogram_encoder_conf=dict(quantiles=[0.1, 0.9], changes=True, first=40),
    head="composed",
    head_conf=dict(hidden_sizes=[16, 8]),
)


def save_model(folder, config=CONFIG):
    """Save a tiny random model as a training leaves it; its scores vary."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    args = MosTask.get_parser().parse_args(
        ["--config", str(folder / "train.yaml"), "--output_dir", str(folder)]
    )
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.manual_seed(0)
    model = MosTask.build_model(args)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    torch.save(model.state_dict(), folder / "valid.lcc.best.pth")
    return folder


def save_pair_model(folder, mos_model):
    """Save a model that compares, too, as a training on pairs leaves it."""
    folder.mkdir(parents=True)
    config = yaml.safe_load((mos_model / "config.yaml").read_text())
    config["comparison_conf"] = dict(hidden_sizes=[])
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    torch.manual_seed(1)
    model = build_model(argparse.Namespace(**config))
    model.load_state_dict(
        {
            **model.state_dict(),
            **torch.load(mos_model / "valid.lcc.best.pth", weights_only=True),
        }
    )
    torch.save(model.state_dict(), folder / "valid.loss.best.pth")
    return folder


def speechlike(seconds, fs, seed=0):
    rng = np.random.default_rng(seed)
    num_samples = round(seconds * fs)
    level = 0.05 + 0.1 * np.abs(np.sin(np.arange(num_samples) / fs * 7))
    return (level * rng.standard_normal(num_samples)).astype(np.float32).clip(-1, 1)
