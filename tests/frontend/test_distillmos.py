import sys

import pytest
import torch

from espnet_samos.frontend.distillmos import DistillMosFrontend

distillmos = pytest.importorskip("distillmos")


def waveforms(num_samples, num_clips=2):
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(num_clips, num_samples, generator=generator)


def lengths_of(batch):
    return torch.full((len(batch),), batch.shape[1])


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("num_samples, num_frames", [(16000, 50), (160000, 500)])
def test_shape(layer, num_samples, num_frames):
    frontend = DistillMosFrontend(layer)
    batch = waveforms(num_samples, 1)
    feats, lengths = frontend(batch, lengths_of(batch))
    assert feats.shape == (1, num_frames, 200) and lengths.tolist() == [num_frames]
    assert frontend.output_size() == 200 and frontend.hop_length == 320
    assert feats.isfinite().all()


def test_the_package_scores_the_last_layer_alike(capsys):
    # 7.68 s, where the package does not pad
    batch = waveforms(122880, 1)
    frontend = DistillMosFrontend(7)
    assert not capsys.readouterr().out
    feats, _ = frontend(batch, lengths_of(batch))
    model = distillmos.ConvTransformerSQAModel().eval()
    scorer = model.transformer_pool_attn
    with torch.no_grad():
        normed = scorer.norm_trans(feats.transpose(1, 2)).transpose(1, 2)
        score = 1 + 4 * scorer.sigmoid(scorer.pool(normed))
        torch.testing.assert_close(score, model(batch), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer", [0, 1])
def test_clip_alone_equals_clip_in_a_batch(layer):
    frontend = DistillMosFrontend(layer)
    batch = waveforms(24000, 3)
    lengths = torch.tensor([9001, 24000, 9001])
    batch[0, 9001:] = 7.0  # whatever lies behind the end must not be heard
    feats, num_frames = frontend(batch, lengths)
    assert num_frames.tolist() == [28, 75, 28]
    for i, (length, count) in enumerate(zip(lengths, num_frames, strict=True)):
        alone, _ = frontend(batch[i : i + 1, :length], length[None])
        torch.testing.assert_close(feats[i, :count], alone[0], rtol=1e-3, atol=1e-3)
        assert not feats[i, count:].any()


def test_level_does_not_matter_and_silence_is_finite():
    frontend = DistillMosFrontend()
    batch = waveforms(16000)
    feats, _ = frontend(batch, lengths_of(batch))
    quiet, _ = frontend(0.1 * batch, lengths_of(batch))
    torch.testing.assert_close(feats, quiet, rtol=1e-3, atol=1e-3)
    silence, _ = frontend(0 * batch, lengths_of(batch))
    assert silence.isfinite().all()


def test_frozen_and_deterministic():
    frontend = DistillMosFrontend(1)
    assert not list(frontend.parameters()) and not frontend.state_dict()
    batch = waveforms(16000)
    before, _ = frontend(batch, lengths_of(batch))
    frontend.train()
    after, _ = frontend(batch, lengths_of(batch))
    assert torch.equal(before, after)
    assert not after.requires_grad and after.grad_fn is None


def test_a_waveform_can_have_gradients():
    frontend = DistillMosFrontend(1)
    batch = waveforms(16000).requires_grad_()
    feats, _ = frontend(batch, lengths_of(batch))
    feats.square().sum().backward()
    assert batch.grad.isfinite().all() and batch.grad.any(dim=1).all()
    assert all(p.grad is None for p in frontend.model.module.parameters())


@pytest.mark.parametrize("layer", [-1, 8])
def test_wrong_layer_is_refused(layer):
    with pytest.raises(ValueError, match=rf"layers 0\.\.7, not {layer}"):
        DistillMosFrontend(layer)


def test_missing_package_names_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "distillmos", None)
    with pytest.raises(ImportError, match="pip install distillmos"):
        DistillMosFrontend()
