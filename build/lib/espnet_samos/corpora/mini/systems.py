"""The systems of the mini corpus: what each does, at which native rate.

A system's name is its rate in kHz, what it does, and how much.
"""

from functools import partial
from typing import Callable, Dict, List, Sequence

import numpy as np

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


def _family(
    name: str, degradation: Callable[..., np.ndarray], key: str, values: Sequence[int]
) -> Dict[str, Degradation]:
    """Return one degradation at several severities, by name."""
    return {f"{name}_{v}": partial(degradation, **{key: v}) for v in values}


def _codec(name: str) -> Degradation:
    return partial(codec, name=name)


def _low_pass(khz: float) -> Degradation:
    return partial(bandwidth.band_filter, kind="lowpass", khz=(khz,))


SYSTEMS: Dict[str, Degradation] = {
    "48k_clean": amplitude.clean,
    **_family("48k_opus", _codec("libopus"), "kbps", (10, 20, 32)),
    **_family("48k_mp3", _codec("libmp3lame"), "kbps", (32, 48, 64)),
    **_family("48k_white", noise.coloured, "snr_db", (10, 20, 30)),
    **_family("48k_clipping", amplitude.clipping, "percent", (10, 20, 40)),
    **{f"48k_lowpass_{khz}": _low_pass(khz) for khz in (8, 11, 14)},
    **_family(
        "48k_fill", partial(bandwidth.fill_high_band, gain_db=10), "khz", (5, 8, 11)
    ),
    **_family("48k_reverb", rooms.reverberation, "rt60_ms", (200, 500, 1000)),
    "24k_clean": amplitude.clean,
    **_family("24k_mp3", _codec("libmp3lame"), "kbps", (16, 24, 40)),
    **_family("24k_pink", partial(noise.coloured, slope_db=-3), "snr_db", (5, 15, 25)),
    **_family("24k_griffinlim", resynthesis.griffin_lim, "bands", (20, 40, 80)),
    **_family("24k_reverb", rooms.reverberation, "rt60_ms", (200, 500, 1000)),
    "16k_clean": amplitude.clean,
    "16k_g722": _codec("g722"),
    "16k_telephone": partial(bandwidth.band_filter, kind="bandpass", khz=(0.3, 3.4)),
    **_family("16k_white", noise.coloured, "snr_db", (10, 20, 30)),
    **_family("16k_opus", _codec("libopus"), "kbps", (6, 9, 16)),
    **_family("16k_loss", losses.packet_loss, "percent", (5, 10, 20)),
}

# Other kinds of degradation, not only other severities: what a model meets in use.
UNSEEN_SYSTEMS: Dict[str, Degradation] = {
    "48k_aac_24": partial(codec, name="aac", kbps=24),
    "48k_ac3_32": partial(codec, name="ac3", kbps=32),
    "48k_quantise_6": partial(amplitude.quantise, bits=6),
    "48k_brown_0": partial(noise.coloured, snr_db=0, slope_db=-6),
    "48k_bandstop_2": partial(bandwidth.band_filter, kind="bandstop", khz=(2, 5)),
    "48k_echo_150": partial(rooms.echo, delay_ms=150, gain=0.5),
    "48k_comb_2": partial(rooms.echo, delay_ms=2, gain=0.8),
    "48k_crosstalk_5": partial(noise.crosstalk, snr_db=5),
    "48k_images_3": partial(bandwidth.images, factor=3),
    "48k_gate_30": partial(resynthesis.spectral_gate, depth_db=30),
    "24k_noisevocoder_24": partial(resynthesis.noise_vocoder, bands=24),
    "24k_mp2_24": partial(codec, name="mp2", kbps=24),
    "16k_mulaw": _codec("pcm_mulaw"),
    "16k_adpcm": _codec("adpcm_ima_wav"),
}


def system_rate(system: str) -> int:
    """Return a system's native sampling rate in Hz, which its name begins with."""
    return 1000 * int(system.split("k_")[0])


def systems_at(fs: int) -> List[str]:
    """Return the systems, the unseen ones left out, with this native rate in Hz."""
    return [system for system in SYSTEMS if system_rate(system) == fs]
