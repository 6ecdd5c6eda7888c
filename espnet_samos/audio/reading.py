"""Reading audio and checking it. No torch here."""

from pathlib import Path
from typing import Iterator, Tuple, Union

import numpy as np
import soundfile

MIN_RATE = 8000
MAX_RATE = 96000
MIN_SECONDS = 0.1
SILENT_RMS = 1e-3  # -60 dB re full scale


class AudioError(ValueError):
    """A clip that cannot be scored; the message says why."""


def read_audio(path: Union[str, Path]) -> Tuple[np.ndarray, int]:
    """Read an audio file at its native rate.

    Args:
        path: Any file that libsndfile reads (wav, flac, ogg, mp3, ...).

    Returns:
        Samples, float32 in [-1, 1], (NSamples,) or (NSamples, NChannels), and
        the sampling rate in Hz.

    Raises:
        AudioError: The file is missing or is not audio.
    """
    if not Path(path).is_file():
        raise AudioError(f"no such file: {path}")
    try:
        return soundfile.read(str(path), dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as e:
        raise AudioError(f"cannot be read as audio: {path} ({e})") from e


def read_blocks(
    path: Union[str, Path], multichannel: str = "error"
) -> Tuple[Iterator[np.ndarray], int]:
    """Read an audio file block by block, in memory that does not grow with it.

    Args:
        path: As `read_audio` takes it.
        multichannel: As `to_mono` takes it.

    Returns:
        Its samples, mono, float32 in [-1, 1], about a second at a time, and the
        sampling rate in Hz.

    Raises:
        AudioError: The file is missing or is not audio; while blocks are read also
            that it breaks off or has several channels. The message names the file.
    """
    if not Path(path).is_file():
        raise AudioError(f"no such file: {path}")
    try:
        file = soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, RuntimeError) as e:
        raise AudioError(f"cannot be read as audio: {path} ({e})") from e

    def blocks() -> Iterator[np.ndarray]:
        with file:
            try:
                for block in file.blocks(blocksize=file.samplerate, dtype="float32"):
                    yield to_mono(block, multichannel)
            except (soundfile.LibsndfileError, RuntimeError) as e:
                raise AudioError(f"cannot be read as audio: {path} ({e})") from e
            except AudioError as e:
                raise AudioError(f"{path}: {e}") from e

    return blocks(), file.samplerate


def to_mono(samples: np.ndarray, multichannel: str = "error") -> np.ndarray:
    """Return one channel: (NSamples,) or (NSamples, NChannels) -> (NSamples,).

    Args:
        samples: Samples of one clip.
        multichannel: What to do with more than one channel: `error` refuses
            the clip, `downmix` takes the mean over channels.

    Raises:
        AudioError: More than one channel with `multichannel="error"`.
    """
    if multichannel not in ("error", "downmix"):
        raise ValueError(
            f"multichannel must be 'error' or 'downmix', not '{multichannel}'"
        )
    if samples.ndim == 1:
        return samples
    if samples.shape[1] == 1:
        return samples[:, 0]
    if multichannel == "downmix":
        return samples.mean(axis=1, dtype=np.float32)
    raise AudioError(
        f"{samples.shape[1]} channels: the model scores mono clips; "
        "mix down with multichannel: downmix"
    )


def check_rate(fs: int) -> None:
    """Check that a sampling rate in Hz is one that models are made for.

    Raises:
        AudioError: It is outside 8-96 kHz.
    """
    if not MIN_RATE <= fs <= MAX_RATE:
        raise AudioError(f"sampling rate {fs} Hz is outside {MIN_RATE}-{MAX_RATE} Hz")


def check_finite(samples: np.ndarray) -> None:
    """Check that samples (NSamples,) are finite numbers.

    Raises:
        AudioError: Some are NaN or infinite.
    """
    if not np.isfinite(samples).all():
        count = int(np.count_nonzero(~np.isfinite(samples)))
        raise AudioError(f"{count} samples are NaN or infinite")


def check_length(num_samples: int, fs: int) -> None:
    """Check the number of samples of a clip at `fs` Hz.

    Raises:
        AudioError: There are none, or they last less than 0.1 s.
    """
    if num_samples == 0:
        raise AudioError("empty: no samples")
    if num_samples < MIN_SECONDS * fs:
        raise AudioError(
            f"too short: {1000 * num_samples / fs:.0f} ms, "
            f"at least {1000 * MIN_SECONDS:.0f} ms are needed"
        )


def is_silent(samples: np.ndarray) -> bool:
    """Return whether samples (NSamples,) are below -60 dB re full scale, RMS."""
    return bool(np.sqrt(np.mean(np.square(samples, dtype=np.float64))) < SILENT_RMS)


def check_audio(samples: np.ndarray, fs: int) -> None:
    """Check a clip that a score should mean something for.

    Args:
        samples: Mono samples (NSamples,).
        fs: Sampling rate in Hz.

    Raises:
        AudioError: Empty, shorter than 0.1 s, not finite, silent from end to
            end, or a rate outside 8-96 kHz.
    """
    check_rate(fs)
    check_length(len(samples), fs)
    check_finite(samples)
    if all(is_silent(samples[i : i + fs]) for i in range(0, len(samples), fs)):
        raise AudioError("silent: no second of it reaches -60 dB re full scale")


def read_clip(
    path: Union[str, Path], multichannel: str = "error"
) -> Tuple[np.ndarray, int]:
    """Read, mix down and check a file.

    Returns:
        Mono samples, float32 (NSamples,), and the sampling rate in Hz.

    Raises:
        AudioError: As `read_audio`, `to_mono` and `check_audio`; the message
            names the file.
    """
    samples, fs = read_audio(path)
    try:
        samples = to_mono(samples, multichannel)
        check_audio(samples, fs)
    except AudioError as e:
        raise AudioError(f"{path}: {e}") from e
    return samples, fs
