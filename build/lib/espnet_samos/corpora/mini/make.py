"""Making the mini corpus: in parallel, resumable, the same bytes every time."""

import itertools
from functools import partial
from pathlib import Path
from typing import Dict, List, Tuple, Union

import numpy as np
import pandas as pd
import soundfile

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.degradations.bandwidth import band_filter
from espnet_samos.corpora.journal import read_journal
from espnet_samos.corpora.mini.design import ClipDesign, band_limited_copies, design
from espnet_samos.corpora.mini.labels import proxy_label
from espnet_samos.corpora.mini.speech import (
    REFERENCE_FS,
    VOICE_ATTRIBUTION,
    set_level,
    synthesise,
)
from espnet_samos.corpora.mini.systems import SYSTEMS, UNSEEN_SYSTEMS, system_rate
from espnet_samos.corpora.pool import make_in_processes
from espnet_samos.utils.files import whole_file

METADATA = "metadata.csv"
MAX_PEAK = 32767 / 32768  # in 16 bit
# Labels of finished clips, a line for each as it is done: what a run resumes from.
LABELS = "labels.txt"
# Change this whenever clips or labels change: old and new ones must not mix.
VERSION = "espnet_samos mini corpus 2"

README = f"""\
The mini corpus of espnet_samos: synthetic speech, degraded, at 16, 24 and 48 kHz.

The column "mos" of {METADATA} is a PROXY, computed by ViSQOL from each clip and its
clean 48 kHz original. It is not a human opinion: nobody listened to these clips.
It is the half-sum of ViSQOL's audio mode (48 kHz, rescaled to 1..5) and its speech
mode (16 kHz, polynomial mapping), both without realignment.

Systems are named after their native rate in kHz, what was done, and how much.

The speech is synthetic and changed in pitch and formants. Voice:
{VOICE_ATTRIBUTION}.
"""


def prepare_mini(
    root: Union[str, Path], nj: int = 2, size: str = "small", band_limited: bool = False
) -> None:
    """Make the mini corpus, or what is missing of it.

    A run that was killed goes on where it stopped when started again.

    Args:
        root: The corpus' folder: `wav/<set>/<utt_id>.wav` (16 bit, native rate),
            `metadata.csv`, which is written last, and a `README.txt`.
        nj: Number of processes.
        size: `small` or `tiny`.
        band_limited: Make the set `mini_pretrain_band_limited` too.

    Raises:
        DataError: The folder holds another version of the corpus.
    """
    root = Path(root)
    clips = design(size)
    if band_limited:
        clips += band_limited_copies(clips)
    root.mkdir(parents=True, exist_ok=True)
    labels = _read_labels(root / LABELS)
    (root / "README.txt").write_text(README, encoding="utf-8")
    todo = [c for c in clips if c.utt_id not in labels or not (root / c.path).is_file()]
    if todo:
        for set_name in {clip.set_name for clip in todo}:
            (root / "wav" / set_name).mkdir(parents=True, exist_ok=True)
        with (root / LABELS).open("a", encoding="utf-8") as f:
            utterances = [
                list(group)
                for _, group in itertools.groupby(todo, key=lambda clip: clip.text)
            ]
            make = partial(_make_sentence, root=root)
            num_made = len(clips) - len(todo)
            for made in make_in_processes(make, utterances, nj, len(clips), num_made):
                for utt_id, mos in made:
                    labels[utt_id] = mos
                    f.write(f"{utt_id} {mos:.4f}\n")
                f.flush()
    rows = [
        {
            "utt_id": clip.utt_id,
            "set": clip.set_name,
            "path": clip.path,
            "system": clip.system,
            "speaker": clip.speaker,
            "fs": system_rate(clip.system),
            "mos": f"{labels[clip.utt_id]:.4f}",
            "text": clip.text,
        }
        for clip in sorted(clips, key=lambda clip: (clip.set_name, clip.utt_id))
    ]
    with whole_file(root / METADATA) as unfinished:
        pd.DataFrame(rows).to_csv(unfinished, index=False)


def make_clip(clip: ClipDesign, reference: np.ndarray, root: Path) -> float:
    """Write a clip, made of clean speech (NSamples,) at 48 kHz; return its label."""
    fs = system_rate(clip.system)
    degrade = {**SYSTEMS, **UNSEEN_SYSTEMS}[clip.system]
    native = resample(reference, REFERENCE_FS, fs).astype(np.float64)
    rng = clip.rng()
    samples = degrade(native, fs, rng)
    if clip.cut_off_khz is not None:
        samples = band_filter(samples, fs, rng, "lowpass", (clip.cut_off_khz,))
    # A level that has nothing to do with the system, or it would tell them apart.
    samples = set_level(samples)
    # No louder than 16 bit hold without clipping.
    samples *= min(1, MAX_PEAK / np.abs(samples).max())
    pcm = np.round(samples * 32768).astype(np.int16)
    path = root / clip.path
    with whole_file(path) as unfinished:
        soundfile.write(unfinished, pcm, fs, subtype="PCM_16", format="WAV")
    # of what is in the file, rounding to 16 bit included
    return proxy_label(reference, pcm / 32768, fs)


def _make_sentence(clips: List[ClipDesign], root: Path) -> List[Tuple[str, float]]:
    """Make the clips of one utterance of clean speech."""
    reference = synthesise(clips[0].text, clips[0].speaker)
    return [(clip.utt_id, make_clip(clip, reference, root)) for clip in clips]


def _read_labels(path: Path) -> Dict[str, float]:
    """Read the labels of finished clips; start the file where there is none."""
    lines = read_journal(path, VERSION)
    return {utt_id: float(mos) for utt_id, mos in map(str.split, lines)}
