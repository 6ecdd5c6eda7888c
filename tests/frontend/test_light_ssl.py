import pytest
import torch

from espnet_samos.frontend.light_ssl import CompressedSpectrum, LightSslFrontend
from tests.tiny_model import speechlike

TINY = dict(channels=[4, 8, 8], output_size=16, feedforward_size=32, num_layers=2)


def waveforms(seconds=2.0, batch=2):
    return torch.stack(
        [torch.from_numpy(speechlike(seconds, 16000, seed)) for seed in range(batch)]
    )


def extract(frontend, x):
    with torch.no_grad():
        return frontend(x, torch.full((len(x),), x.shape[1]))


@pytest.fixture
def frontend():
    torch.manual_seed(0)
    return LightSslFrontend(**TINY, layers=[0, 2]).eval()


def test_frames_of_20_ms_with_all_layers_side_by_side(frontend):
    feats, lengths = extract(frontend, waveforms(2.0))
    assert feats.shape == (2, 100, 32) and lengths.tolist() == [100, 100]
    assert frontend.output_size() == 32 and frontend.hop_length == 320
    alone = LightSslFrontend(**TINY, layers=[2]).eval()
    alone.load_state_dict(frontend.state_dict())
    torch.testing.assert_close(extract(alone, waveforms())[0], feats[..., 16:])


@pytest.mark.parametrize("num_samples", [800, 1599, 16000, 16160, 16319])
def test_clips_of_any_lengths(frontend, num_samples):
    x = waveforms()[:, :num_samples]
    alone, lengths = extract(frontend, x)
    assert lengths.tolist() == 2 * [alone.shape[1]] == 2 * [num_samples // 160 // 2]
    longer = torch.nn.functional.pad(x, (0, 5000))
    feats, lengths = frontend(longer, torch.tensor([num_samples, num_samples + 5000]))
    assert lengths[0] == alone.shape[1]
    torch.testing.assert_close(feats[0, : lengths[0]], alone[0])


def test_level_and_dc_do_not_count(frontend):
    x = waveforms()
    feats, _ = extract(frontend, x)
    for other in (0.01 * x, x + 0.05):
        found, _ = extract(frontend, other)
        torch.testing.assert_close(found, feats, atol=1e-4, rtol=1e-4)


def test_what_is_in_silence_is_not_looked_at(frontend):
    x = torch.cat([waveforms(1.0, 1), torch.zeros(1, 32000)], dim=1)
    faint = x.clone()
    faint[:, 24000:] = 1e-5 * torch.randn(1, 24000)
    speech = slice(0, 50)
    feats, changed = (extract(frontend, samples)[0] for samples in (x, faint))
    found, expected = changed[:, speech], feats[:, speech]
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-2)


def test_silence_is_zero_and_a_short_gap_is_not(frontend):
    def silent(x):
        return (extract(frontend, x)[0][0] == 0).all(dim=-1)

    speech = waveforms(1.0, 1)
    for before, after in ((0.1, 1.0), (0.0, 0.3), (1.5, 0.0)):
        around = (round(before * 16000), round(after * 16000))
        found = silent(torch.nn.functional.pad(speech, around))
        first, end = round(before * 50), round(before * 50) + 50
        assert not found[first + 1 : end - 1].any()
        assert found[: max(0, first - 1)].all() and found[end + 1 :].all()
    # a drop-out of 300 ms is no silence, a pause of 500 ms is
    long = torch.cat([speech, speech], dim=1)
    for seconds, expected in ((0.3, False), (0.5, True)):
        gap = long.clone()
        gap[:, 16000 : 16000 + round(seconds * 16000)] = 0
        assert silent(gap).any() == expected


def test_a_long_clip_is_cut_into_segments(frontend):
    # the position encoding covers 384 frames
    assert extract(frontend, waveforms(20.0, 1))[0].shape == (1, 1000, 32)


def test_frozen_and_trained(frontend):
    assert not any(p.requires_grad for p in frontend.parameters())
    assert not frontend.train().training
    trained = LightSslFrontend(**TINY, layers=[2], freeze=False).train()
    assert trained.training and all(p.requires_grad for p in trained.parameters())


@pytest.mark.parametrize("part", ["student", "ssl_frontend"])
def test_weights_to_begin_with(frontend, tmp_path, part):
    path = tmp_path / "best.pth"
    weights = {f"{part}.{n}": v for n, v in frontend.state_dict().items()}
    torch.save({**weights, "scale.running_var": torch.ones(16)}, path)
    loaded = LightSslFrontend(**TINY, layers=[0, 2], init_file=str(path)).eval()
    x = waveforms()
    torch.testing.assert_close(extract(loaded, x)[0], extract(frontend, x)[0])
    with pytest.raises(ValueError, match="best.pth has no frontend of these sizes"):
        LightSslFrontend(**{**TINY, "output_size": 8}, layers=[2], init_file=str(path))
    with pytest.raises(FileNotFoundError):
        LightSslFrontend(**TINY, layers=[2], init_file=str(tmp_path / "none.pth"))


@pytest.mark.parametrize("layers", [[], [3], [-1]])
def test_a_layer_that_is_not_there_is_named(layers):
    with pytest.raises(ValueError, match=r"give some of 0\.\.2"):
        LightSslFrontend(**TINY, layers=layers)


def test_the_spectrum_is_that_of_an_stft():
    x = waveforms(1.0)
    found = CompressedSpectrum()(x)
    centred = x - x.mean(dim=1, keepdim=True)
    span = centred.amax(dim=1, keepdim=True) - centred.amin(dim=1, keepdim=True)
    scaled = 2 * centred / span
    padded = torch.nn.functional.pad(scaled, (80, 80), mode="reflect")
    window = torch.hann_window(320)
    expected = torch.stft(
        padded, 320, 160, window=window, center=False, return_complex=True
    )
    expected = torch.polar(expected.abs() ** 0.3, expected.angle()).transpose(1, 2)
    for part, reference in zip((0, 1), (expected.real, expected.imag), strict=True):
        # the bins below 100 Hz see what the window spreads of DC
        torch.testing.assert_close(
            found[:, part, :, 2:], reference[..., 2:], atol=1e-4, rtol=1e-4
        )
