"""Speech through a codec and back, with the codec's delay taken out."""

import io
from typing import Optional

import av
import numpy as np
import scipy.signal
import soxr
from numpy.random import Generator

MAX_DELAY_SECONDS = 0.1


def codec(
    x: np.ndarray, fs: int, rng: Generator, name: str, kbps: Optional[int] = None
) -> np.ndarray:
    """Encode and decode with a codec of FFmpeg.

    Args:
        x: Samples (NSamples,) within [-1, 1].
        fs: Their sampling rate in Hz, one that the codec takes.
        rng: Not used, as all degradations have it.
        name: FFmpeg's name of the encoder.
        kbps: Bit rate in kb/s, where the codec has a choice.

    Returns:
        (NSamples,), aligned with the input.
    """
    margin = int(MAX_DELAY_SECONDS * fs)
    encoded = _encode(np.pad(x, (0, margin)), fs, name, kbps)
    return _align(_decode(encoded, fs), x, margin)


def _encode(
    samples: np.ndarray, fs: int, codec: str, kbps: Optional[int]
) -> io.BytesIO:
    stream_bytes = io.BytesIO()
    # NUT, FFmpeg's own container, takes every codec.
    with av.open(stream_bytes, "w", format="nut") as container:
        stream = container.add_stream(codec, rate=fs, layout="mono")
        assert isinstance(stream, av.AudioStream)  # a codec of audio
        stream.codec_context.thread_count = 1
        if kbps is not None:
            stream.bit_rate = 1000 * kbps
        pcm = np.round(samples * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = fs
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    stream_bytes.seek(0)
    return stream_bytes


def _decode(stream_bytes: io.BytesIO, fs: int) -> np.ndarray:
    with av.open(stream_bytes, "r", format="nut") as container:
        context = container.streams.audio[0].codec_context
        context.thread_count = 1
        to_float = av.AudioResampler(format="flt", layout="mono")
        frames = []
        for decoded in container.decode(audio=0):
            frames += [frame.to_ndarray()[0] for frame in to_float.resample(decoded)]
        # Opus decodes to 48 kHz whatever it was given.
        return soxr.resample(np.concatenate(frames), context.sample_rate, fs)


def _align(delayed: np.ndarray, samples: np.ndarray, max_delay: int) -> np.ndarray:
    """Remove the delay with which `delayed` is closest to `samples`."""
    delayed = np.pad(delayed, (0, len(samples) + max_delay))
    correlation = scipy.signal.correlate(
        delayed[: len(samples) + max_delay], samples, mode="valid", method="fft"
    )
    delay = int(np.argmax(correlation))
    return delayed[delay : delay + len(samples)]
