import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos import MosPredictor
from espnet_samos.audio.reading import AudioError
from espnet_samos.integrations.functional import mos_score
from tests.tiny_model import save_model, speechlike


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return MosPredictor.from_pretrained(save_model(tmp_path_factory.mktemp("exp")))


@pytest.fixture(scope="module")
def small():
    """The packaged model: its SSL model is frozen."""
    return MosPredictor.from_pretrained()


def clips(*seconds_and_fs, seeds=(0,)):
    """(Batch, NSamples)"""
    return torch.from_numpy(
        np.stack([speechlike(*seconds_and_fs, seed) for seed in seeds])
    )


# Where nothing has to be up-sampled, the two resamplers make the same clip. Elsewhere
# their rounding noise in the empty band differs, which is what the model looks at.
@pytest.mark.parametrize(
    "fs, tolerance",
    [
        (48000, 5e-4),
        (96000, 5e-3),
        (44100, 0.02),
        (24000, 0.02),
        (16000, 0.02),
        (8000, 0.03),
    ],
)
@pytest.mark.parametrize("seconds", [0.83, 3.0, 7.123])
def test_has_the_score_of_the_predictor(small, fs, seconds, tolerance):
    batch = clips(seconds, fs, seeds=(1, 2))
    scores = mos_score(batch, fs, small)
    expected = [small.predict(clip, fs).mean for clip in batch]
    assert scores.tolist() == pytest.approx(expected, abs=tolerance)
    assert not scores.requires_grad


def test_a_dc_offset_changes_no_score(small):
    for seconds in (0.83, 7.123):
        batch = clips(seconds, 24000, seeds=(1, 2))
        shifted = mos_score(batch + 0.02, 24000, small)
        expected = mos_score(batch, 24000, small).tolist()
        assert shifted.tolist() == pytest.approx(expected, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    fs=st.sampled_from([8000, 11025, 22050, 44100, 48000]), seconds=st.floats(0.101, 4)
)
def test_cuts_and_repeats_as_the_predictor_at_any_length(tiny, fs, seconds):
    (clip,) = clips(seconds, fs)
    expected = tiny.predict(clip, fs).mean
    assert mos_score(clip, fs, tiny).item() == pytest.approx(expected, abs=2e-3)


def test_silent_windows_are_left_out(tiny):
    (speech,) = clips(4, 48000)
    clip = torch.cat([speech, torch.zeros(12 * 48000), speech])
    result = tiny.predict(clip, 48000)
    assert result.warnings["skipped"].startswith("12 of 20 windows")
    score = mos_score(clip, 48000, tiny)
    # the resampler decides whether the frame where speech ends is silent
    assert score.item() == pytest.approx(result.mean, abs=3e-3)
    silent = mos_score(torch.zeros(6 * 48000), 48000, tiny)
    assert abs(silent - score) > 0.01  # it would be noticed


def test_silence_stays_finite(tiny):
    for silence in (torch.zeros(2, 8000), torch.zeros(2, 40000)):
        silence.requires_grad_()
        scores = mos_score(silence, 16000, tiny)
        scores.sum().backward()
        assert scores.isfinite().all() and silence.grad.isfinite().all()


def test_shapes_types_and_what_is_refused(tiny):
    batch = clips(1.3, 24000, seeds=range(6))
    scores = mos_score(batch, 24000, tiny)
    assert scores.shape == (6,) and scores.dtype == torch.float32
    assert scores.std() > 1e-4
    nested = mos_score(batch.view(2, 3, -1), 24000, tiny)
    torch.testing.assert_close(nested, scores.view(2, 3), rtol=0, atol=1e-5)
    assert mos_score(batch[0].double(), 24000, tiny).shape == ()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        autocast = mos_score(batch, 24000, tiny)
    torch.testing.assert_close(autocast, scores, rtol=0, atol=1e-5)
    with pytest.raises(TypeError, match="int16"):
        mos_score((batch * 32767).short(), 24000, tiny)
    with pytest.raises(AudioError, match="4000 Hz"):
        mos_score(batch, 4000, tiny)
    with pytest.raises(AudioError, match="too short"):
        mos_score(batch[:, :2000], 24000, tiny)


@pytest.mark.parametrize("fs", [16000, 24000, 48000])
def test_both_branches_give_gradients_and_the_model_gets_none(small, fs, monkeypatch):
    waveforms = clips(1.0, fs, seeds=(1, 2)).requires_grad_()
    mos_score(waveforms, fs, small).sum().backward()
    assert waveforms.grad.isfinite().all()
    assert (waveforms.grad.abs().amax(dim=1) > 0).all()
    for name in ("ssl", "spectrogram"):
        # without a branch's gradients, only the other's are left
        encoder = getattr(small.model, f"{name}_encoder")
        forward = encoder.forward
        with monkeypatch.context() as patch:
            patch.setattr(
                encoder, "forward", lambda x, forward=forward: forward(x.detach())
            )
            score = mos_score(waveforms, fs, small).sum()
        (gradient,) = torch.autograd.grad(score, waveforms)
        assert gradient.any()
        assert not torch.allclose(gradient, waveforms.grad, rtol=1e-2)
    assert all(p.grad is None for p in small.model.parameters())
    assert not any(p.requires_grad for p in small.model.ssl_frontend.parameters())


def test_the_gradient_is_the_slope(tiny):
    """Against differences of the score, which float32 leaves with two digits."""
    waveform = clips(0.7, 24000).requires_grad_()
    (gradient,) = torch.autograd.grad(mos_score(waveform, 24000, tiny).sum(), waveform)
    direction = gradient / gradient.norm()
    with torch.no_grad():
        before, after = (
            mos_score(waveform + step * direction, 24000, tiny).double().item()
            for step in (-1e-3, 1e-3)
        )
    assert (after - before) / 2e-3 == pytest.approx(gradient.norm().item(), rel=0.1)


def test_following_the_gradient_raises_the_score(small):
    waveform = clips(1.0, 24000).requires_grad_()
    optimizer = torch.optim.Adam([waveform], lr=1e-3)
    scores = []
    for _ in range(6):
        loss = -mos_score(waveform, 24000, small).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scores.append(-loss.item())
    # and the predictor, which resamples in another way, agrees
    after = small.predict(waveform[0], 24000).mean
    assert after > small.predict(clips(1.0, 24000)[0], 24000).mean + 0.1
    assert scores[-1] > scores[0] + 0.1


def test_trains_a_vocoder(tiny):
    """A filter that is trained on the score alone, the predictor as it was."""
    noisy = clips(1.0, 24000, seeds=(1, 2))
    vocoder = torch.nn.Conv1d(1, 1, 31, padding=15)
    before = {name: p.clone() for name, p in tiny.model.state_dict().items()}
    optimizer = torch.optim.Adam(vocoder.parameters(), lr=3e-3)
    losses = []
    for _ in range(8):
        loss = -mos_score(vocoder(noisy[:, None])[:, 0], 24000, tiny).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    for name, p in tiny.model.state_dict().items():
        assert torch.equal(p, before[name])
