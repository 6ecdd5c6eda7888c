"""Making the mini corpus: in parallel, resumable, the same bytes every time."""

import contextlib
import csv
import itertools
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Dict, Iterator, List, Tuple, Union

import numpy as np
import soundfile
from tqdm import tqdm

from espnet_samos.audio.resampling import resample
from espnet_samos.corpora.mini.degradations import band_filter
from espnet_samos.corpora.mini.design import ClipDesign, band_limited_copies, design
from espnet_samos.corpora.mini.labels import proxy_label
from espnet_samos.corpora.mini.speech import (
    REFERENCE_FS,
    VOICE_ATTRIBUTION,
    set_level,
    synthesise,
)
from espnet_samos.corpora.mini.systems import SYSTEMS, UNSEEN_SYSTEMS, system_rate
from espnet_samos.utils.files import whole_file
from espnet_samos.utils.tables import DataError

METADATA = "metadata.csv"
COLUMNS = ("utt_id", "set", "path", "system", "speaker", "fs", "mos", "text")
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

# As many processes as cores, each with one thread.
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    )
}


def prepare_mini(
    root: Union[str, Path],
    nj: int = 2,
    size: str = "small",
    band_limited: bool = False,
) -> Path:
    """Make the mini corpus, or what is missing of it.

    A run that was killed goes on where it stopped when started again.

    Args:
        root: The corpus' folder: `wav/<set>/<utt_id>.wav` (16 bit, native rate),
            `metadata.csv`, which is written last, and a `README.txt`.
        nj: Number of processes.
        size: `large`, `small` or `tiny`.
        band_limited: Make the set `mini_pretrain_band_limited` too.

    Returns:
        The path of `metadata.csv`.

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
            for utt_id, mos in _make_all(todo, root, nj, len(clips)):
                labels[utt_id] = mos
                f.write(f"{utt_id} {mos:.4f}\n")
                f.flush()
    return _write_metadata(root, clips, labels)


def make_clip(clip: ClipDesign, reference: np.ndarray, root: Path) -> float:
    """Make one clip's file, and return its proxy label.

    Args:
        clip: The clip.
        reference: Its clean speech (NSamples,) at 48 kHz.
        root: The corpus' folder.
    """
    fs = system_rate(clip.system)
    degrade = {**SYSTEMS, **UNSEEN_SYSTEMS}[clip.system]
    native = resample(reference, REFERENCE_FS, fs).astype(np.float64)
    rng = clip.rng()
    samples = degrade(native, fs, rng)
    if clip.cut_off_khz is not None:
        samples = band_filter(samples, fs, rng, "lowpass", (clip.cut_off_khz,))
    # A level that has nothing to do with the system, or it would tell them apart.
    samples = set_level(samples, clip.level_db)
    # No louder than 16 bit hold without clipping.
    samples *= min(1, MAX_PEAK / np.abs(samples).max())
    pcm = np.round(samples * 32768).astype(np.int16)
    path = root / clip.path
    with whole_file(path) as unfinished:
        soundfile.write(unfinished, pcm, fs, subtype="PCM_16", format="WAV")
    # Of what is in the file: ViSQOL brings both to one level, so that of the clip does
    # not count, but what 16 bit leave of a quiet one does.
    return proxy_label(reference, pcm / 32768, fs)


def _make_sentence(clips: List[ClipDesign], root: Path) -> List[Tuple[str, float]]:
    """Make the clips of one utterance of clean speech."""
    reference = synthesise(clips[0].text, clips[0].speaker)
    return [(clip.utt_id, make_clip(clip, reference, root)) for clip in clips]


def _make_all(
    todo: List[ClipDesign], root: Path, nj: int, total: int
) -> Iterator[Tuple[str, float]]:
    """Make clips in `nj` processes; yield their labels as they are done."""
    sentences = [
        list(group) for _, group in itertools.groupby(todo, key=lambda clip: clip.text)
    ]
    spawn = multiprocessing.get_context("spawn")
    with (
        _environment(ONE_THREAD),
        tqdm(total=total, initial=total - len(todo), unit="clip") as progress,
        ProcessPoolExecutor(nj, mp_context=spawn, initializer=_end_with_parent) as pool,
    ):
        try:
            futures = [pool.submit(_make_sentence, s, root) for s in sentences]
            for future in as_completed(futures):
                yield from future.result()
                progress.update(len(future.result()))
        except BaseException:
            # Do not make the rest of the corpus before the error is shown.
            pool.shutdown(cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """End this process when its parent is killed, instead of waiting for ever."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def _environment(variables: Dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _read_labels(path: Path) -> Dict[str, float]:
    """Read the labels of finished clips; start the file where there is none."""
    if not path.is_file():
        path.write_text(f"{VERSION}\n", encoding="utf-8")
    head, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if head.strip() != VERSION:
        raise DataError(
            f"{path}: '{head.strip()}' instead of '{VERSION}': the folder holds "
            "another version of the corpus; delete it or give another folder"
        )
    # A killed run may have left its last line unfinished: drop it.
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join([head, *whole]), encoding="utf-8")
    return {utt_id: float(mos) for utt_id, mos in map(str.split, whole)}


def _write_metadata(
    root: Path, clips: List[ClipDesign], labels: Dict[str, float]
) -> Path:
    path = root / METADATA
    with (
        whole_file(path) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as f,
    ):
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(COLUMNS)
        for c in sorted(clips, key=lambda clip: (clip.set_name, clip.utt_id)):
            writer.writerow(
                (
                    *(c.utt_id, c.set_name, c.path, c.system, c.speaker),
                    *(system_rate(c.system), f"{labels[c.utt_id]:.4f}", c.text),
                )
            )
    return path
