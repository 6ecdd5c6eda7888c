#!/usr/bin/env python3
"""Score a data directory with Distill-MOS as it comes, without any training."""

import argparse
import contextlib
import sys
from pathlib import Path

import torch
from distillmos import ConvTransformerSQAModel
from tqdm import tqdm

from espnet_samos.audio.reading import AudioError, read_clip
from espnet_samos.audio.resampling import resample
from espnet_samos.bin import mos_score
from espnet_samos.corpora.data_dir import read_data_dir
from espnet_samos.utils.tables import DataError

FS = 16000
NOTE = (
    "Note: Distill-MOS predicts human opinion. Where the labels are something else, "
    "compare correlations only: the MSE means nothing."
)


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Predict the MOS of every clip of a data directory with "
        "Distill-MOS, which operates at 16 kHz and is not trained here; write the "
        "predictions to mos and score them. What is done is not done again. " + NOTE
    )
    parser.add_argument(
        "--data_dir", required=True, help="has wav.scp, mos, utt2sys, utt2fs"
    )
    parser.add_argument(
        "--output_dir", required=True, help="predictions and scores are written here"
    )
    return parser


def main(cmd=None):
    """Predict and score."""
    args = get_parser().parse_args(cmd)
    data_dir, output_dir = Path(args.data_dir), Path(args.output_dir)
    predictions = output_dir / "mos"
    if _is_newer(predictions, data_dir / "wav.scp"):
        print(f"already done: {predictions}")
    else:
        try:
            clips = read_data_dir(data_dir)
            scores = predict(clips)
        except (AudioError, DataError) as e:
            raise SystemExit(f"error: {e}") from None
        output_dir.mkdir(parents=True, exist_ok=True)
        predictions.write_text(
            "".join(
                f"{clip.utt_id} {score:.4f}\n"
                for clip, score in zip(clips, scores, strict=True)
            ),
            encoding="utf-8",
        )
    mos_score.main(["--ref_dir", args.data_dir, "--pred_dir", args.output_dir])
    print(f"\n{NOTE}")


def predict(clips):
    """Predict the MOS of clips.

    Args:
        clips: As `read_data_dir` gives them.

    Returns:
        A prediction, 1..5, for each clip.

    Raises:
        AudioError: A clip cannot be scored.
    """
    # It prints where its weights are; stdout is for results.
    with contextlib.redirect_stdout(sys.stderr):
        model = ConvTransformerSQAModel().eval()
    scores = []
    with torch.inference_mode():
        for clip in tqdm(clips, desc="Distill-MOS"):
            waveform = torch.from_numpy(resample(*read_clip(clip.path), FS))
            # (NSamples,) -> (1, NSamples) -> (1, 1)
            scores.append(model(waveform[None]).item())
    return scores


def _is_newer(path, than):
    return path.is_file() and path.stat().st_mtime > than.stat().st_mtime


if __name__ == "__main__":
    main()
