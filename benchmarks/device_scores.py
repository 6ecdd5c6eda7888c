"""Check that a device computes the scores of the CPU, and the gradients.

    python -m benchmarks.device_scores --device cuda
    python -m benchmarks.device_scores --device cuda --only bfloat16

Inputs are random and new in every run. The packaged model scores clips of several rates
and lengths; the published model has random weights (`benchmarks.checkpoint`).
"""

import argparse
import copy
from typing import Dict, List, Tuple

import numpy as np
import torch
from espnet2.torch_utils.device_funcs import to_device

from benchmarks import paper_model
from benchmarks.checkpoint import SHAPES, random_checkpoint
from benchmarks.harness import noise
from benchmarks.report import Report, add_arguments
from espnet_samos import MosPredictor
from espnet_samos.integrations.functional import mos_score
from espnet_samos.mos.device import full_precision
from espnet_samos.mos.espnet_model import ESPnetMosModel

MAX_FLOAT32_DIFFERENCE = 1e-4
MAX_BFLOAT16_DIFFERENCE = 0.01
MAX_GRADIENT_DIFFERENCE = 1e-3
# seconds and rate: shorter than a window, as long, longer
CLIPS = ((0.7, 8000), (3.0, 16000), (2.9, 24000), (7.3, 44100), (4.1, 48000))
NUM_GRADIENTS = 9
NUM_WINDOWS = 2  # of 10 s: the published model takes seconds for one on a CPU
Batch = Dict[str, torch.Tensor]


def make_clips() -> List[Tuple[np.ndarray, int]]:
    """Make noise with syllables; samples (NSamples,) and their rates in Hz."""
    rng = np.random.default_rng()
    clips = []
    for seconds, fs in CLIPS:
        num_samples = round(seconds * fs)
        syllables = np.sin(np.pi * 4 * np.arange(num_samples) / fs) ** 2
        level = rng.uniform(0.02, 0.2)
        noise = level * rng.standard_normal(num_samples)
        clips.append(((syllables * noise).astype(np.float32), fs))
    return clips


def packaged_scores(clips: List[Tuple[np.ndarray, int]], **kwargs) -> np.ndarray:
    """Score clips with the packaged model: (NClips, 2), means and deviations."""
    predictor = MosPredictor.from_pretrained(**kwargs)
    results = [predictor.predict(*clip) for clip in clips]
    return np.array([(result.mean, result.std) for result in results])


@torch.no_grad()
def model_scores(
    model: ESPnetMosModel, batch: Batch, device: str, bfloat16: bool = False
) -> np.ndarray:
    """Score windows with a model on a device: (NWindows, 2), means and deviations."""
    model = copy.deepcopy(model).to(device).eval()
    batch = to_device(batch, device)
    device_type = torch.device(device).type
    with full_precision(device_type):
        with torch.autocast(device_type, torch.bfloat16, enabled=bfloat16):
            feats, _ = model.ssl_frontend(
                batch["speech_16k"], batch["speech_16k_lengths"]
            )
        mean, variance = model.predict(**dict(batch, ssl_feats=feats.float()))
    return torch.stack([mean, variance.sqrt()], dim=1).cpu().numpy()


@torch.no_grad()
def model_scores_in_float64(model: ESPnetMosModel, batch: Batch) -> np.ndarray:
    """Score windows on the CPU, encoders and head in float64, as a yardstick."""
    model = model.eval()
    ssl, _ = model.ssl_frontend(batch["speech_16k"], batch["speech_16k_lengths"])
    spectra, _ = model.spectrogram_frontend(
        batch["speech_48k"], batch["speech_48k_lengths"]
    )
    encoders = (model.ssl_encoder, model.spectrogram_encoder)
    vectors = [
        copy.deepcopy(encoder).double()(feats.double())
        for encoder, feats in zip(encoders, (ssl, spectra), strict=True)
    ]
    mean, variance = copy.deepcopy(model.head).double()(torch.cat(vectors, dim=1))
    return torch.stack([mean, variance.sqrt()], dim=1).numpy()


def largest(expected: np.ndarray, actual: np.ndarray) -> float:
    """Return the largest difference; NaN where one of them is."""
    return float(np.abs(expected - actual).max())


def check_float32(report: Report, device: str, model: ESPnetMosModel) -> None:
    """Compare scores in float32 to those of the CPU."""
    clips = make_clips()
    difference = largest(packaged_scores(clips), packaged_scores(clips, device=device))
    report.finding(
        "packaged model, largest difference from the CPU",
        difference,
        at_most=MAX_FLOAT32_DIFFERENCE,
    )
    batch = paper_model.make_batch(NUM_WINDOWS)
    expected = model_scores(model, batch, "cpu")
    report.finding(
        "published model, largest difference from the CPU",
        largest(expected, model_scores(model, batch, device)),
        at_most=MAX_FLOAT32_DIFFERENCE,
    )
    report.finding(
        "published model, the CPU's largest difference from float64",
        largest(expected, model_scores_in_float64(model, batch)),
    )


def check_bfloat16(report: Report, device: str, model: ESPnetMosModel) -> None:
    """Compare scores with the SSL model in bfloat16 to those of the CPU in float32.

    Of the published model, whose SSL model is large: the packaged one gains nothing.
    """
    batch = paper_model.make_batch(NUM_WINDOWS)
    report.finding(
        "published model, largest difference from float32 on the CPU",
        largest(
            model_scores(model, batch, "cpu"),
            model_scores(model, batch, device, bfloat16=True),
        ),
        at_most=MAX_BFLOAT16_DIFFERENCE,
    )


def check_gradients(report: Report, device: str) -> None:
    """Compare the gradients of `mos_score` to those of the CPU, clip by clip.

    A score has kinks: its peak and its quantiles are those of one sample and one frame,
    and where two are equal but for rounding, the gradient may be either's. So the
    median over clips is asked to be small, and the largest difference is shown beside
    what rounding alone does on the CPU.
    """
    for fs in (16000, 24000, 48000):
        clips = noise(NUM_GRADIENTS, 4 * fs)
        expected = clip_gradients(clips, fs, "cpu")
        rounded = clips * (1 + torch.finfo(torch.float32).eps)
        kinds = {
            device: clip_gradients(clips, fs, device),
            "the CPU, samples in other roundings": clip_gradients(rounded, fs, "cpu"),
        }
        for name, actual in kinds.items():
            differences = (expected - actual).norm(dim=1) / expected.norm(dim=1)
            prefix = f"{fs / 1000:g} kHz, gradients on {name}, relative difference"
            report.finding(
                f"{prefix}, median of {NUM_GRADIENTS} clips",
                differences.median(),
                at_most=MAX_GRADIENT_DIFFERENCE,
            )
            report.finding(f"{prefix}, largest", differences.max())


def clip_gradients(clips: torch.Tensor, fs: int, device: str) -> torch.Tensor:
    """Return the gradients of the clips' scores on a device, (Batch, NSamples)."""
    predictor = MosPredictor.from_pretrained(device=device)
    waveforms = clips.clone().to(device).requires_grad_(True)
    mos_score(waveforms, fs, predictor).sum().backward()
    return waveforms.grad.double().cpu()


def main() -> None:
    """Run the checks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    names = ("float32", "bfloat16", "gradients")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--size", choices=list(SHAPES), default="2b")
    parser.add_argument("--dir", help="where to keep, or to find, the checkpoint")
    args = parser.parse_args()
    report = Report(f"Scores on {args.device}", "device_scores", args)
    model = None
    if {"float32", "bfloat16"} & set(args.only):
        with random_checkpoint(args.size, args.dir) as checkpoint:
            model = paper_model.build(checkpoint)
    if "float32" in args.only:
        check_float32(report, args.device, model)
    if "bfloat16" in args.only:
        check_bfloat16(report, args.device, model)
    if "gradients" in args.only:
        check_gradients(report, args.device)
    if not all(finding.met for finding in report.findings):
        raise SystemExit("not the scores of the CPU")


if __name__ == "__main__":
    main()
