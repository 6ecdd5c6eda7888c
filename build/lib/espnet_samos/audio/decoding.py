"""Decoding audio files, block by block. No torch here.

libsndfile decodes what it reads to the end by itself. FFmpeg (PyAV) decodes the rest:
formats that libsndfile does not know, and those where it trusts a length in the header
or guesses one, and would leave the rest of the file out.
"""

import itertools
import mmap
import re
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, List, NamedTuple, Optional, Union

import numpy as np
import soundfile

from espnet_samos.utils.extras import remedy

# A block is about a second, and never more values than this, whatever a header says.
MAX_BLOCK_VALUES = 2**22
UNKNOWN_FRAMES = 2**62  # libsndfile's count for a stream whose length is not known
# Written in place of a length by programs that write into a pipe: 0xFFFFFFFF, and
# 0x7FFFF000 or a little more.
MIN_UNKNOWN_BYTES = 0x7FFFF000
# "data : 32000 (should be 19182)" in libsndfile's log: wav, aiff, au, w64
TRUNCATED = re.compile(
    r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE
)
# What begins a stream in a file that is several, joined
BEGINNINGS = {"OGG": b"OggS\0\2", "FLAC": b"fLaC"}
MPEG = re.compile(rb"ID3|\xff[\xe0-\xff]")
# Containers with a header of their own. FFmpeg's others include raw samples, which it
# takes from a file's suffix, and play lists, which open further files.
AV_FORMATS = (
    *("aac", "ac3", "aiff", "amr", "ape", "asf", "avi", "caf", "eac3", "flac", "flv"),
    *("matroska", "mov", "mp3", "mpeg", "mpegts", "ogg", "tta", "w64", "wav", "wv"),
)


class DecodingError(ValueError):
    """Something that is not audio; the message says why."""


class Decoded(NamedTuple):
    """A file that is being decoded.

    Attributes:
        blocks: Its samples, float32 in [-1, 1], (NSamples, NChannels) each; raises
            `DecodingError`.
        fs: Its sampling rate in Hz.
        warnings: Code -> explanation; complete when the blocks are used up. The codes
            are `truncated` (the header promises more samples than there are) and
            `damaged` (parts could not be decoded and are left out).
        num_samples: How many there are; None where all have to be decoded to know.
    """

    blocks: Iterator[np.ndarray]
    fs: int
    warnings: Dict[str, str]
    num_samples: Optional[int] = None


def decode(source: Union[str, Path, BinaryIO]) -> Decoded:
    """Decode an audio file at its own rate.

    Args:
        source: The name of a file or of a pipe, or something open.

    Raises:
        DecodingError: It is not audio.
        OSError: It cannot be read.
    """
    if not isinstance(source, (str, Path)):
        file = seekable(source)
    elif Path(source).is_fifo():
        with open(source, "rb") as pipe:
            file = seekable(pipe)
    else:
        file = open(source, "rb", buffering=0)
    try:
        return _decode(file)
    except BaseException:
        file.close()
        raise


def decode_stream(pipe: BinaryIO) -> Decoded:
    """Decode what comes from a pipe while it comes: wav, flac, ogg, mp3, ...

    Args:
        pipe: An unbuffered file, whose `read` returns what is there.

    Raises:
        DecodingError: It is not audio.
    """
    # so little that nothing waits for more than a fraction of a second
    options = dict(probesize="4096", analyzeduration="0")
    return _decode_with_av(pipe, "Format not recognised", options, block_seconds=0.1)


def seekable(pipe: BinaryIO, head: bytes = b"") -> BinaryIO:
    """Copy what comes from a pipe, and what was read of it, into a temporary file."""
    copy = tempfile.TemporaryFile(buffering=0)
    copy.write(head)
    shutil.copyfileobj(pipe, copy)
    copy.seek(0)
    return copy


def _decode(file: BinaryIO) -> Decoded:
    head = file.read(4)
    file.seek(0)
    if not head:
        raise DecodingError("the file is empty")
    if MPEG.match(head):
        # libsndfile would guess the length from the first frame
        return _decode_with_av(file, "it is no MPEG audio")
    try:
        # not by its name, which need not be UTF-8
        sound = soundfile.SoundFile(file.fileno(), closefd=False)
    except soundfile.LibsndfileError as e:
        return _decode_with_av(file, e.error_string)
    if (
        sound.frames == 0  # as a recorder leaves it that was cut off
        or sound.frames >= UNKNOWN_FRAMES
        or _is_joined(file, sound.format)
    ):
        sound.close()
        return _decode_with_av(file, "its length is not known")
    warnings = _truncated(sound.extra_info)
    blocks = _libsndfile_blocks(sound, file)
    return Decoded(blocks, sound.samplerate, warnings, sound.frames)


def _is_joined(file: BinaryIO, file_format: str) -> bool:
    """Return whether a file looks like several that were joined."""
    if file_format not in BEGINNINGS:
        return False
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(BEGINNINGS[file_format], 1) > 0


def _truncated(log: str) -> Dict[str, str]:
    for promised, there in TRUNCATED.findall(log):
        if int(there) < int(promised) < MIN_UNKNOWN_BYTES:
            share = 100 * int(there) / int(promised)
            return {"truncated": f"{share:.0f} % of what its header promises is there"}
    return {}


def _block_length(fs: int, num_channels: int) -> int:
    return max(1, min(fs, MAX_BLOCK_VALUES // num_channels))


def _libsndfile_blocks(
    sound: soundfile.SoundFile, file: BinaryIO
) -> Iterator[np.ndarray]:
    length = _block_length(sound.samplerate, sound.channels)
    with file, sound:
        try:
            # not `blocks`, which has to know how many there are
            while len(block := sound.read(length, dtype="float32", always_2d=True)):
                yield block
        except soundfile.LibsndfileError as e:
            raise DecodingError(e.error_string) from e


def _decode_with_av(
    file: BinaryIO,
    reason: str,
    options: Optional[Dict[str, str]] = None,
    block_seconds: float = 1.0,
) -> Decoded:
    """Decode with FFmpeg where libsndfile, for some reason, does not."""
    try:
        import av
    except ImportError as e:
        raise DecodingError(f"{reason}; {remedy(e)}, which reads more") from e

    if file.seekable():
        file.seek(0)
    try:
        # An open file: FFmpeg opens no other, and nothing by the name of a protocol.
        container = av.open(
            file,
            container_options={
                "format_whitelist": ",".join(AV_FORMATS),
                **(options or {}),
            },
            buffer_size=4096 if options else 32768,
        )
        if not container.streams.audio:
            raise DecodingError("there is no audio in it")
    except (av.FFmpegError, ValueError) as e:
        raise DecodingError(reason if isinstance(e, av.FFmpegError) else str(e)) from e
    warnings: Dict[str, str] = {}

    def frames() -> Iterator[np.ndarray]:
        # (NChannels, NSamples) each, float32
        resampler = av.AudioResampler(format="fltp")
        num_damaged = 0
        stream = container.streams.audio[0]
        # A process that is forked off, as data loaders do it, must inherit no threads.
        stream.codec_context.thread_count = 1
        with file, container:
            for packet in container.demux(stream):
                try:
                    decoded = packet.decode()
                except av.InvalidDataError:
                    num_damaged += 1
                    continue
                for frame in decoded:
                    for converted in resampler.resample(frame):
                        rates.append(converted.sample_rate)
                        yield converted.to_ndarray()
        if num_damaged:
            warnings["damaged"] = f"{num_damaged} parts of it could not be decoded"

    def blocks() -> Iterator[np.ndarray]:
        waiting: List[np.ndarray] = []
        length = _block_length(round(block_seconds * rates[0]), len(first))
        try:
            for frame in itertools.chain([first], parts):
                waiting.append(frame)
                if sum(part.shape[1] for part in waiting) >= length:
                    # (NChannels, NSamples) -> (NSamples, NChannels)
                    yield np.concatenate(waiting, axis=1).T
                    waiting.clear()
        except (av.FFmpegError, ValueError) as e:
            # ValueError: its rate or its channels change
            raise DecodingError(str(e)) from e
        if waiting:
            yield np.concatenate(waiting, axis=1).T

    # The first frame says at which rate it really is.
    rates: List[int] = []
    parts = frames()
    try:
        first = next(parts)
    except (av.FFmpegError, ValueError) as e:
        raise DecodingError(str(e)) from e
    except StopIteration:
        raise DecodingError("empty: no samples") from None
    return Decoded(blocks(), rates[0], warnings)
