"""What can happen to speech in the broad corpus: kinds, with severities drawn.

A kind draws its severity so that it goes from what nobody notices to what nobody can
bear. A new one is a function and an entry in `KINDS`.
"""

from functools import partial
from typing import Callable, Dict, NamedTuple

import numpy as np
from numpy.random import Generator

from espnet_samos.corpora.broad.non_speech import NON_SPEECH, non_speech
from espnet_samos.corpora.degradations import (
    Degradation,
    amplitude,
    bandwidth,
    losses,
    noise,
    resynthesis,
    rooms,
)
from espnet_samos.corpora.degradations.codecs import codec


class Source(NamedTuple):
    """What a kind may use.

    Attributes:
        fs: The rate in Hz at which the speech is degraded.
        other: Returns some speech of another voice at this rate, (NSamples,).
    """

    fs: int
    other: Callable[[], np.ndarray]


Kind = Callable[[Source, Generator], Degradation]


def _log(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _clean(source: Source, rng: Generator) -> Degradation:
    return amplitude.clean


def _non_speech(source: Source, rng: Generator) -> Degradation:
    return lambda x, fs, rng: non_speech(fs, rng)


def _noise(source: Source, rng: Generator) -> Degradation:
    slope_db = float(rng.uniform(-8, 1))
    return partial(noise.coloured, snr_db=rng.uniform(-5, 55), slope_db=slope_db)


def _white_noise(source: Source, rng: Generator) -> Degradation:
    return partial(noise.coloured, snr_db=rng.uniform(-5, 45), slope_db=0.0)


def _wide_mnru(source: Source, rng: Generator) -> Degradation:
    return partial(noise.mnru, q_db=rng.uniform(2, 50), top_khz=24.0)


def _babble(source: Source, rng: Generator) -> Degradation:
    voices = [source.other() for _ in range(int(rng.integers(2, 5)))]
    length = max(map(len, voices))
    together = np.sum([np.resize(voice, length) for voice in voices], axis=0)
    return partial(noise.add, other=together, snr_db=rng.uniform(-5, 45))


def _talker(source: Source, rng: Generator) -> Degradation:
    return partial(noise.add, other=source.other(), snr_db=rng.uniform(0, 45))


def _hum(source: Source, rng: Generator) -> Degradation:
    mains_hz = float(rng.choice([50, 60]))
    return partial(noise.hum, snr_db=rng.uniform(0, 40), mains_hz=mains_hz)


def _clicks(source: Source, rng: Generator) -> Degradation:
    return partial(noise.clicks, rate=_log(rng, 0.5, 50), snr_db=rng.uniform(0, 40))


def _mnru(source: Source, rng: Generator) -> Degradation:
    top_khz = float(rng.choice([4, 8, 8, 14, 24, 24]))
    return partial(noise.mnru, q_db=rng.uniform(2, 50), top_khz=top_khz)


def _clipping(source: Source, rng: Generator) -> Degradation:
    return partial(amplitude.clipping, percent=_log(rng, 1.5, 60))


def _gain_steps(source: Source, rng: Generator) -> Degradation:
    rate, range_db = _log(rng, 0.5, 4), rng.uniform(3, 30)
    return partial(amplitude.gain_steps, rate=rate, range_db=range_db)


def _wow(source: Source, rng: Generator) -> Degradation:
    return partial(amplitude.wow, rate=_log(rng, 0.5, 15), percent=_log(rng, 0.1, 4))


def _chop(source: Source, rng: Generator) -> Degradation:
    mode = str(rng.choice(["silence", "delete", "repeat"]))
    period_ms, rate = _log(rng, 15, 90), _log(rng, 0.15, 8)
    return partial(losses.chop, period_ms=period_ms, rate=rate, mode=mode)


def _loss(source: Source, rng: Generator) -> Degradation:
    return partial(losses.packet_loss, percent=_log(rng, 0.5, 40))


def _concealed(source: Source, rng: Generator) -> Degradation:
    percent, burst = _log(rng, 1, 50), rng.uniform(1, 5)
    return partial(losses.concealed_loss, percent=percent, burst=burst)


def _echo(source: Source, rng: Generator) -> Degradation:
    delay_ms, gain = _log(rng, 15, 300), _log(rng, 0.003, 0.7)
    feedback = rng.uniform(0.3, 0.9) if rng.random() < 0.4 else 0.0
    return partial(rooms.talker_echo, delay_ms=delay_ms, gain=gain, feedback=feedback)


def _reverberation(source: Source, rng: Generator) -> Degradation:
    return partial(rooms.reverberation, rt60_ms=_log(rng, 100, 2000))


def _low_pass(source: Source, rng: Generator) -> Degradation:
    khz = _log(rng, 1.5, 0.45 * source.fs / 1000)
    return partial(bandwidth.band_filter, kind="lowpass", khz=(khz,))


def _telephone(source: Source, rng: Generator) -> Degradation:
    edges = (rng.uniform(0.1, 0.4), rng.uniform(2.8, 4))
    return partial(bandwidth.band_filter, kind="bandpass", khz=edges)


def _fill(source: Source, rng: Generator) -> Degradation:
    khz, gain_db = _log(rng, 3, 0.3 * source.fs / 1000), rng.uniform(-10, 15)
    return partial(bandwidth.fill_high_band, khz=khz, gain_db=gain_db)


def _opus(source: Source, rng: Generator) -> Degradation:
    return partial(codec, name="libopus", kbps=round(_log(rng, 6, 48)))


def _mp3(source: Source, rng: Generator) -> Degradation:
    rates = {48000: (32, 40, 48, 64, 80, 96, 128)}.get(
        source.fs, (8, 16, 24, 32, 40, 48)
    )
    return partial(codec, name="libmp3lame", kbps=int(rng.choice(rates)))


def _g722(source: Source, rng: Generator) -> Degradation:
    return partial(_at_rate, fs_codec=16000, name="g722")


def _alaw(source: Source, rng: Generator) -> Degradation:
    return partial(_at_rate, fs_codec=8000, name="pcm_alaw")


def _g723(source: Source, rng: Generator) -> Degradation:
    return partial(_at_rate, fs_codec=8000, name="g723_1", kbps=6.3)


def _griffin_lim(source: Source, rng: Generator) -> Degradation:
    bands, iterations = round(_log(rng, 16, 256)), int(rng.choice([4, 16, 32]))
    return partial(resynthesis.griffin_lim, bands=bands, iterations=iterations)


def _smeared(source: Source, rng: Generator) -> Degradation:
    frames, bins = round(_log(rng, 1, 12)), round(_log(rng, 1, 16))
    return partial(resynthesis.smear, frames=frames, bins=bins)


def _robotic(source: Source, rng: Generator) -> Degradation:
    return partial(resynthesis.randomise_phases, share=_log(rng, 0.02, 1))


def _suppression(source: Source, rng: Generator) -> Degradation:
    snr_db, over = rng.uniform(-5, 25), rng.uniform(1, 4)
    return partial(resynthesis.noise_suppression, snr_db=snr_db, over=over)


def _at_rate(
    x: np.ndarray, fs: int, rng: Generator, fs_codec: int, **options
) -> np.ndarray:
    """Code at the rate that the codec has, and come back."""
    coded = codec(bandwidth.at_rate(x, fs, fs_codec), fs_codec, rng, **options)
    back = bandwidth.at_rate(coded, fs_codec, fs)
    return np.pad(back, (0, max(0, len(x) - len(back))))[: len(x)]


# Some are more frequent: what calls suffer from, and what has many faces.
KINDS: Dict[str, Kind] = {
    NON_SPEECH: _non_speech,
    "noise": _noise,
    "babble": _babble,
    "talker": _talker,
    "hum": _hum,
    "clicks": _clicks,
    "mnru": _mnru,
    "clipping": _clipping,
    "gain_steps": _gain_steps,
    "wow": _wow,
    "chop": _chop,
    "loss": _loss,
    "concealed": _concealed,
    "echo": _echo,
    "reverberation": _reverberation,
    "low_pass": _low_pass,
    "telephone": _telephone,
    "fill": _fill,
    "opus": _opus,
    "mp3": _mp3,
    "g722": _g722,
    "alaw": _alaw,
    "g723": _g723,
    "griffin_lim": _griffin_lim,
    "smeared": _smeared,
    "robotic": _robotic,
    "suppression": _suppression,
}
# What falls on all of the band besides
WIDE_KINDS: Dict[str, Kind] = {
    **KINDS,
    "white_noise": _white_noise,
    "wide_mnru": _wide_mnru,
}
# Their noise follows the speech.
MODULATED = {"mnru", "wide_mnru"}
# They come and go, or come again.
SUDDEN = {"chop", "echo"}
FREQUENT = {
    "noise": 3,
    "talker": 2,
    "mnru": 3,
    "chop": 3,
    "echo": 3,
    "concealed": 2,
    "white_noise": 3,
    "wide_mnru": 3,
}


def _quantised(source: Source, rng: Generator) -> Degradation:
    return partial(amplitude.quantise, bits=int(rng.integers(4, 10)))


def _band_stop(source: Source, rng: Generator) -> Degradation:
    low = rng.uniform(0.5, 3)
    edges = (low, low + rng.uniform(0.5, 3))
    return partial(bandwidth.band_filter, kind="bandstop", khz=edges)


def _comb(source: Source, rng: Generator) -> Degradation:
    return partial(rooms.echo, delay_ms=rng.uniform(1, 8), gain=rng.uniform(0.3, 0.9))


def _images(source: Source, rng: Generator) -> Degradation:
    return partial(bandwidth.images, factor=int(rng.choice([2, 3])))


def _gate(source: Source, rng: Generator) -> Degradation:
    return partial(resynthesis.spectral_gate, depth_db=rng.uniform(15, 50))


def _noise_vocoder(source: Source, rng: Generator) -> Degradation:
    return partial(resynthesis.noise_vocoder, bands=round(_log(rng, 8, 64)))


def _aac(source: Source, rng: Generator) -> Degradation:
    return partial(codec, name="aac", kbps=int(rng.choice([12, 16, 24, 32])))


def _mp2(source: Source, rng: Generator) -> Degradation:
    kbps = int(rng.choice([32, 48, 64] if source.fs == 48000 else [8, 16, 24, 32]))
    return partial(codec, name="mp2", kbps=kbps)


def _mulaw(source: Source, rng: Generator) -> Degradation:
    return partial(_at_rate, fs_codec=8000, name="pcm_mulaw")


def _adpcm(source: Source, rng: Generator) -> Degradation:
    return partial(codec, name="adpcm_ima_wav")


# Never trained on: what a model meets in use.
UNSEEN_KINDS: Dict[str, Kind] = {
    "quantised": _quantised,
    "band_stop": _band_stop,
    "comb": _comb,
    "images": _images,
    "gate": _gate,
    "noise_vocoder": _noise_vocoder,
    "aac": _aac,
    "mp2": _mp2,
    "mulaw": _mulaw,
    "adpcm": _adpcm,
}
