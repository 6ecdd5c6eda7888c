"""The one audio path: reading, mixing down, resampling and cutting windows.

Training, inference and the predictor all go through these functions, so that
a score depends on the clip and the model alone. No torch here.
"""

from pathlib import Path
from typing import Iterator, Tuple, Union

import numpy as np
import soundfile
import soxr

MIN_RATE = 8000
MAX_RATE = 96000
MIN_SECONDS = 0.1
# A long clip is cut before it is resampled. This much more than the window is
# kept, so that the resampler's filter (under 0.1 s at 8 kHz) never sees the cut.
CUT_MARGIN_SECONDS = 0.5


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
    """Give one channel: (NSamples,) or (NSamples, NChannels) -> (NSamples,).

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
    """Refuse a sampling rate in Hz that models are not made for.

    Raises:
        AudioError: It is outside 8-96 kHz.
    """
    if not MIN_RATE <= fs <= MAX_RATE:
        raise AudioError(f"sampling rate {fs} Hz is outside {MIN_RATE}-{MAX_RATE} Hz")


def check_finite(samples: np.ndarray) -> None:
    """Refuse samples (NSamples,) that are no numbers.

    Raises:
        AudioError: Some are NaN or infinite.
    """
    if not np.isfinite(samples).all():
        count = int(np.count_nonzero(~np.isfinite(samples)))
        raise AudioError(f"{count} samples are NaN or infinite")


def check_audio(samples: np.ndarray, fs: int) -> None:
    """Refuse what no score could mean anything for.

    Args:
        samples: Mono samples (NSamples,).
        fs: Sampling rate in Hz.

    Raises:
        AudioError: Empty, shorter than 0.1 s, not finite, silent from end to
            end, or a rate outside 8-96 kHz.
    """
    check_rate(fs)
    if len(samples) == 0:
        raise AudioError("empty: no samples")
    if len(samples) < MIN_SECONDS * fs:
        raise AudioError(
            f"too short: {1000 * len(samples) / fs:.0f} ms, "
            f"at least {1000 * MIN_SECONDS:.0f} ms are needed"
        )
    check_finite(samples)
    if not samples.any():
        raise AudioError("silent: every sample is zero")


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


def resample(samples: np.ndarray, fs: int, target_fs: int) -> np.ndarray:
    """Resample with soxr HQ in float32: (NSamples,) -> (NSamples',).

    float32 throughout matters: 16-bit rounding noise would fill the empty band
    above an up-sampled clip's bandwidth, and the spectrogram branch sees it.
    """
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    if fs == target_fs:
        return samples
    return soxr.resample(samples, fs, target_fs, quality="HQ")


def cut_native(
    samples: np.ndarray, fs: int, seconds: float, start: float = 0.0
) -> np.ndarray:
    """Keep what a window needs of a long clip, at its native rate.

    Args:
        samples: Mono samples (NSamples,) at `fs`.
        fs: Sampling rate in Hz.
        seconds: Length of the window.
        start: Where it starts, in seconds.
    """
    first = int(round(start * fs))
    return samples[first : first + int((seconds + CUT_MARGIN_SECONDS) * fs)]


def fit_window(samples: np.ndarray, num_samples: int, start: int = 0) -> np.ndarray:
    """Repeat a clip until the window is full, or cut it there.

    (NSamples,) -> (num_samples,)

    Args:
        samples: Samples of one clip.
        num_samples: Length of the window.
        start: The sample of the clip that the window begins with; the clip is
            repeated from there.
    """
    repetitions = -(-(start + num_samples) // len(samples))
    if repetitions > 1:
        samples = np.tile(samples, repetitions)
    return samples[start : start + num_samples]
