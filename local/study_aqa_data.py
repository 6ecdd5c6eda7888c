#!/usr/bin/env python3
"""Make a 16 kHz copy of a data directory, in the form that ESPnet's aqa reads."""

import argparse
import json
from pathlib import Path

import soundfile
from tqdm import tqdm

from espnet_samos.audio.reading import AudioError, read_clip
from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.data_dir import read_data_dir
from espnet_samos.utils.tables import DataError

FS = 16000


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Resample the clips of a data directory to 16 kHz (FLAC, 16 bits) "
        "and write wav.scp and metric.scp, which gives each label as the metric 'mos'."
    )
    parser.add_argument("--data_dir", required=True, help="has wav.scp, mos, utt2sys")
    parser.add_argument("--output_dir", required=True)
    return parser


def main(cmd=None):
    """Write the copy; wav.scp comes last, when all of it is there."""
    args = get_parser().parse_args(cmd)
    output_dir = Path(args.output_dir).resolve()
    (output_dir / "wav").mkdir(parents=True, exist_ok=True)
    wav_scp, metric_scp = [], []
    try:
        clips = read_data_dir(args.data_dir)
        for clip in tqdm(clips, desc=f"{args.data_dir} to 16 kHz"):
            path = output_dir / "wav" / f"{clip.utt_id}.flac"
            soundfile.write(path, resample(*read_clip(clip.path), FS), FS)
            wav_scp.append(f"{clip.utt_id} {path}\n")
            metric_scp.append(f"{clip.utt_id} {json.dumps({'mos': clip.mos})}\n")
    except (AudioError, DataError) as e:
        raise SystemExit(f"error: {e}") from None
    (output_dir / "metric.scp").write_text("".join(metric_scp), encoding="utf-8")
    (output_dir / "wav.scp").write_text("".join(wav_scp), encoding="utf-8")


if __name__ == "__main__":
    main()
