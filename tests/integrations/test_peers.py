import contextlib
import io

import numpy as np
import pytest
import torch

from espnet_samos import peers
from espnet_samos.audio.reading import AudioError
from espnet_samos.audio.resampling import resample
from espnet_samos.integrations.peers import score_clips
from espnet_samos.peers import (
    PEERS,
    AbsPeer,
    choose_peers,
)
from tests.tiny_model import speechlike


class Absent(AbsPeer):
    package = "surely_not_installed"
    needs = ("numpy", "nor_is_this")
    names = ("absent",)

    def _scores(self, samples):
        raise AssertionError("never called")


class Level(AbsPeer):
    package = "numpy"
    names = ("level", "peak")
    fs = 16000

    def _scores(self, samples):
        assert samples.dtype == np.float32 and abs(samples).max() <= 1
        return len(samples), samples.max()


def test_distillmos_is_that_of_its_package():
    from distillmos import ConvTransformerSQAModel

    samples = speechlike(1.2, 44100)
    with contextlib.redirect_stdout(io.StringIO()), torch.inference_mode():
        model = ConvTransformerSQAModel().eval()
        expected = model(torch.from_numpy(resample(samples, 44100, 16000))[None])
    found = PEERS["distillmos"]().scores(samples, 44100)
    assert found == {"distillmos": pytest.approx(expected.item(), abs=1e-6)}


def test_dnsmos_is_that_of_its_package():
    dnsmos = pytest.importorskip("speechmos.dnsmos", reason="needs the extra [peers]")
    samples = speechlike(1.2, 48000)
    expected = dnsmos.run(resample(samples, 48000, 16000).clip(-1, 1), 16000)
    found = PEERS["dnsmos"]().scores(samples, 48000)
    assert list(found) == ["dnsmos_p808", "dnsmos_ovrl"]
    assert found["dnsmos_p808"] == pytest.approx(expected["p808_mos"], abs=1e-4)
    assert found["dnsmos_ovrl"] == pytest.approx(expected["ovrl_mos"], abs=1e-4)


def test_samples_are_resampled_and_within_full_scale():
    square = np.sign(np.sin(np.arange(48000) / 20)).astype(np.float32)
    assert abs(resample(square, 48000, 16000)).max() > 1
    assert Level().scores(square, 48000) == {"level": 16000, "peak": 1}


def test_a_missing_peer_is_left_out_or_an_error(monkeypatch):
    monkeypatch.setattr(peers, "PEERS", {"absent": Absent, "level": Level})
    chosen, left_out = choose_peers()
    assert chosen == {"level": Level}
    assert left_out == [
        "absent needs surely_not_installed and nor_is_this: pip install "
        "surely_not_installed nor_is_this, or this package with [peers]"
    ]
    assert choose_peers(["level"]) == (chosen, [])
    assert choose_peers([]) == ({}, [])
    with pytest.raises(ImportError, match="absent needs surely.* pip install"):
        choose_peers(["level", "absent"])
    with pytest.raises(ValueError, match="no peer 'sigmos': there are absent, level"):
        choose_peers(["sigmos"])


def test_clips_are_read_mixed_and_named():
    mono = speechlike(1.0, 16000)
    stereo = np.stack([mono, np.zeros_like(mono)], axis=1)
    clips = [("a", (mono, 16000)), ("b", lambda: (stereo, 8000))]
    found = list(score_clips(Level(), clips))
    assert [(name, seconds) for name, _, seconds in found] == [("a", 1.0), ("b", 2.0)]
    assert found[0][1]["peak"] == pytest.approx(mono.max())
    assert found[1][1]["level"] == 32000
    silent = [("quiet", (np.zeros(16000, np.float32), 16000))]
    with pytest.raises(AudioError, match="quiet cannot be scored by numpy: silent"):
        list(score_clips(Level(), silent))


def test_p808_alone_is_the_same():
    pytest.importorskip("speechmos", reason="needs the extra [peers]")
    from espnet_samos.peers.dnsmos import DnsmosP808

    samples = speechlike(11, 16000)
    alone, both = DnsmosP808(), PEERS["dnsmos"]()
    expected = both.scores(samples, 16000)["dnsmos_p808"]
    assert alone.scores(samples, 16000) == {"dnsmos_p808": expected}
