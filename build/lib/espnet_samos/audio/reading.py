"""Reading audio and checking it. No torch here."""

import stat
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, Optional, Tuple, Union

import numpy as np

from espnet_samos.audio.decoding import (
    Decoded,
    DecodingError,
    decode,
    decode_stream,
)
from espnet_samos.utils.files import printable

MIN_RATE = 8000
MAX_RATE = 384000
MIN_SECONDS = 0.1
SILENT_RMS = 1e-3  # -60 dB re full scale
# Sound or silence is decided for this short a time.
BLOCKS_PER_SECOND = 50
# Samples of 8 bits or more that were not divided; a float file can exceed 1 by some dB.
MAX_LEVEL = 100.0
MULTICHANNEL = ("error", "downmix")


class AudioError(ValueError):
    """A clip that cannot be scored; the message says why."""


class Blocks:
    """A clip's samples, block by block.

    Args:
        blocks: Mono, float32 (NSamples,) each; to be gone through once.
        fs: Sampling rate in Hz.
        warnings: Code -> explanation of what was noticed while reading; complete when
            the blocks are used up. The codes are `Decoded`'s, and `channels` (the mean
            of channels that differ).
    """

    def __init__(
        self,
        blocks: Iterator[np.ndarray],
        fs: int,
        warnings: Optional[Dict[str, str]] = None,
    ):
        self.blocks = blocks
        self.fs = fs
        self.warnings: Dict[str, str] = {} if warnings is None else warnings

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.blocks


def read_blocks(
    file: Union[str, Path, BinaryIO], multichannel: str = "error", name: str = ""
) -> Blocks:
    """Read an audio file block by block, in memory that does not grow with it.

    Args:
        file: A file that libsndfile or FFmpeg reads (wav, flac, ogg, mp3, m4a, ...), a
            named pipe, or an open file.
        multichannel: As `Mixer` takes it.
        name: What messages call it; by default the file.

    Returns:
        Its samples, mono, float32 in [-1, 1], about a second at a time.

    Raises:
        AudioError: The file is missing or is not audio, its rate is outside 8-384 kHz;
            while blocks are read also that it breaks off or has several channels. The
            message names the file.
    """
    mixer = Mixer(multichannel)
    name = name or printable(file)
    with _named(name):
        decoded = _open(file)
        check_rate(decoded.fs)

    def blocks() -> Iterator[np.ndarray]:
        with _named(name):
            for block in decoded.blocks:
                yield mixer(block)
        decoded.warnings.update(mixer.warnings())

    return Blocks(blocks(), decoded.fs, decoded.warnings)


def read_stream(
    pipe: BinaryIO, multichannel: str = "error", raw_fs: Optional[int] = None
) -> Blocks:
    """Read sound block by block as it arrives through a pipe.

    Args:
        pipe: An unbuffered file, like `sys.stdin.buffer.raw`.
        multichannel: As `Mixer` takes it.
        raw_fs: The sampling rate in Hz of raw samples: 16 bit, little endian, mono;
            None where a header says what it is (wav, flac, ogg, mp3, ...).

    Raises:
        AudioError: As `read_blocks`.
    """
    mixer = Mixer(multichannel)
    with _named("standard input"):
        if raw_fs is None:
            decoded = decode_stream(pipe)
        else:
            decoded = Decoded(_raw_blocks(pipe, raw_fs), raw_fs, {})
        check_rate(decoded.fs)

    def blocks() -> Iterator[np.ndarray]:
        with _named("standard input"):
            for block in decoded.blocks:
                yield mixer(block)

    return Blocks(blocks(), decoded.fs, decoded.warnings)


def _raw_blocks(pipe: BinaryIO, fs: int) -> Iterator[np.ndarray]:
    rest = b""
    while content := pipe.read(2 * max(1, fs // 10)):
        content = rest + content
        whole = len(content) // 2 * 2
        rest = content[whole:]
        samples = np.frombuffer(content[:whole], "<i2").astype(np.float32) / 32768
        yield samples[:, None]


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Add a file's name to the errors of reading it."""
    try:
        yield
    except DecodingError as e:
        raise AudioError(f"cannot be read as audio: {name} ({e})") from e
    except FileNotFoundError as e:
        raise AudioError(f"no such file: {name}") from e
    except OSError as e:
        raise AudioError(f"cannot be read: {name} ({e.strerror or e})") from e
    except AudioError as e:
        raise AudioError(f"{name}: {e}") from e


def _open(file: Union[str, Path, BinaryIO]) -> Decoded:
    if isinstance(file, (str, Path)):
        try:
            mode = Path(file).stat().st_mode
        except ValueError as e:  # a null character in the name
            raise DecodingError(str(e)) from e
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise DecodingError("not a file")
    return decode(file)


def check_multichannel(multichannel: str) -> None:
    """Check an option that says what becomes of several channels.

    Raises:
        ValueError: It is none of `MULTICHANNEL`.
    """
    if multichannel not in MULTICHANNEL:
        raise ValueError(
            f"multichannel must be {' or '.join(map(repr, MULTICHANNEL))}, not "
            f"'{multichannel}'"
        )


class Mixer:
    """Make one channel of several, block by block.

    Args:
        multichannel: What to do with more than one channel: `error` refuses the clip,
            `downmix` takes the mean over channels.

    Raises:
        ValueError: `multichannel` is another word.
    """

    def __init__(self, multichannel: str = "error"):
        check_multichannel(multichannel)
        self.multichannel = multichannel
        self.num_channels = 1
        self.different: np.ndarray = np.zeros(1, dtype=bool)
        self.silent: np.ndarray = np.ones(1, dtype=bool)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Mix the next block: (NSamples,) or (NSamples, NChannels) -> (NSamples,).

        Raises:
            AudioError: More than one channel with `multichannel="error"`.
        """
        if samples.ndim == 1:
            return samples
        if samples.shape[1] == 1:
            return samples[:, 0]
        if self.multichannel == "error":
            raise AudioError(
                f"{samples.shape[1]} channels: the model scores mono clips; "
                "mix down with multichannel: downmix"
            )
        if self.num_channels == 1:
            self.num_channels = samples.shape[1]
            self.different = np.zeros(self.num_channels, dtype=bool)
            self.silent = np.ones(self.num_channels, dtype=bool)
        self.different |= (samples != samples[:, :1]).any(axis=0)
        self.silent &= ~samples.any(axis=0)
        if not self.different.any():
            return samples[:, 0]
        return samples.mean(axis=1, dtype=np.float32)

    def warnings(self) -> Dict[str, str]:
        """Return `channels` where there were several that differ."""
        if not self.different.any():
            return {}
        what, which = "different from the first", self.different
        if self.silent.any():
            what, which = "silent", self.silent
        numbers = ", ".join(str(i + 1) for i in np.flatnonzero(which))
        text = f"mean of {self.num_channels} channels ({what}: {numbers})"
        return {"channels": text}


def read_audio(path: Union[str, Path]) -> Tuple[np.ndarray, int]:
    """Read all of an audio file at its native rate.

    Args:
        path: As `read_blocks` takes it.

    Returns:
        Samples, float32 in [-1, 1], (NSamples,) or (NSamples, NChannels), and the
        sampling rate in Hz.

    Raises:
        AudioError: As `read_blocks`.
    """
    with _named(printable(path)):
        decoded = _open(path)
        parts = list(decoded.blocks)
    samples = np.concatenate(parts or [np.zeros((0, 1), dtype=np.float32)])
    return (samples[:, 0] if samples.shape[1] == 1 else samples), decoded.fs


def measure(path: Union[str, Path]) -> Tuple[int, int]:
    """Return the number of samples of a file, and its sampling rate in Hz.

    Of a file whose header can be trusted, no more than that is read.

    Raises:
        AudioError: As `read_blocks` and `check_length`.
    """
    with _named(printable(path)):
        decoded = _open(path)
        check_rate(decoded.fs)
        num_samples = decoded.num_samples
        if num_samples is None:
            num_samples = sum(map(len, decoded.blocks))
        check_length(num_samples, decoded.fs)
        return num_samples, decoded.fs


def to_mono(samples: np.ndarray, multichannel: str = "error") -> np.ndarray:
    """Return one channel, as `Mixer` does: (NSamples, NChannels) -> (NSamples,)."""
    return Mixer(multichannel)(samples)


def as_samples(audio: Any, channels_last: bool = False) -> np.ndarray:
    """Return samples from memory as floats, samples first.

    Args:
        audio: Floats of any type, an array or a tensor on any device: (NSamples,),
            (NSamples, NChannels) or, as torchaudio has them, (NChannels, NSamples).
        channels_last: It is not the latter, however few samples there are.

    Returns:
        float32, (NSamples,) or (NSamples, NChannels).

    Raises:
        AudioError: Integers, or another shape.
    """
    if hasattr(audio, "detach"):  # a tensor, without importing torch
        audio = audio.detach().cpu().float().numpy()
    audio = np.asarray(audio)
    if not np.issubdtype(audio.dtype, np.floating):
        raise AudioError(
            f"samples are {audio.dtype}: give floats in [-1, 1], of 16 bit for "
            "example samples / 32768"
        )
    if audio.ndim not in (1, 2):
        raise AudioError(
            f"samples of shape {audio.shape}: give (NSamples,), (NSamples, NChannels) "
            "or (NChannels, NSamples) of one clip"
        )
    few = audio.ndim == 2 and len(audio) < min(MIN_SECONDS * MIN_RATE, audio.shape[1])
    if few and not channels_last:
        audio = audio.T  # so few could not be the samples of a clip
    return audio.astype(np.float32)


def as_rate(fs: Any) -> int:
    """Return a sampling rate in Hz as an int, whatever its type.

    Raises:
        AudioError: It is no whole number, or outside 8-384 kHz.
    """
    if hasattr(fs, "item"):  # of numpy or torch
        fs = fs.item()
    if isinstance(fs, bool) or not isinstance(fs, (int, float)) or fs != fs // 1:
        raise AudioError(f"sampling rate {fs!r} is not a whole number of Hz")
    check_rate(int(fs))
    return int(fs)


def check_rate(fs: int) -> None:
    """Check that a sampling rate in Hz is one that models are made for.

    Raises:
        AudioError: It is outside 8-384 kHz.
    """
    if not MIN_RATE <= fs <= MAX_RATE:
        raise AudioError(f"sampling rate {fs} Hz is outside {MIN_RATE}-{MAX_RATE} Hz")


def check_samples(samples: np.ndarray) -> None:
    """Check that samples (NSamples,) are numbers on the scale of audio.

    Raises:
        AudioError: Some are NaN or infinite, or far beyond full scale.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if not np.isfinite(peak):
        count = int(np.count_nonzero(~np.isfinite(samples)))
        raise AudioError(f"{count} samples are NaN or infinite")
    if peak > MAX_LEVEL:
        raise AudioError(
            f"samples of {peak:.0f}, and full scale is 1: divide what was integers, of "
            "16 bit by 32768"
        )


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


def share_of_sound(samples: np.ndarray, fs: int) -> float:
    """Return the share of 20 ms blocks of samples (NSamples,) that are not silent."""
    block = fs // BLOCKS_PER_SECOND
    # the rest of a block counts as one: a short clip is not all rest
    starts = np.arange(0, max(1, len(samples)), block)
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts)
    sizes = np.diff(starts, append=len(samples))
    return float(np.mean(np.sqrt(power / sizes) >= SILENT_RMS))


def check_audio(samples: np.ndarray, fs: int) -> None:
    """Check a clip that a score should mean something for.

    Args:
        samples: Mono samples (NSamples,).
        fs: Sampling rate in Hz.

    Raises:
        AudioError: Empty, shorter than 0.1 s, not finite, out of scale, silent from
            end to end, or a rate outside 8-384 kHz.
    """
    check_rate(fs)
    check_length(len(samples), fs)
    check_samples(samples)
    if all(is_silent(samples[i : i + fs]) for i in range(0, len(samples), fs)):
        raise AudioError("silent: no second of it reaches -60 dB re full scale")


def read_clip(
    path: Union[str, Path], multichannel: str = "error"
) -> Tuple[np.ndarray, int]:
    """Read, mix down and check a file.

    Returns:
        Mono samples, float32 (NSamples,), and the sampling rate in Hz.

    Raises:
        AudioError: As `read_blocks` and `check_audio`, or the file is truncated; the
            message names the file.
    """
    clip = read_blocks(path, multichannel)
    samples = np.concatenate([np.zeros(0, dtype=np.float32), *clip])
    with _named(printable(path)):
        if "truncated" in clip.warnings:
            raise AudioError(f"truncated: {clip.warnings['truncated']}")
        check_audio(samples, clip.fs)
    return samples, clip.fs
