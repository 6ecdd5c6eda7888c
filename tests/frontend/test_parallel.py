import pytest
import torch
from espnet2.torch_utils.initialize import initialize

from espnet_samos.audio.resampling import resample_tensor
from espnet_samos.frontend.log_spectrogram import LogSpectrogramFrontend
from espnet_samos.frontend.parallel import ParallelFrontend
from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from tests.frontend.checkpoints import WIDTH, make_checkpoint

FBANK = dict(frontend_conf=dict(upstream="fbank"))


@pytest.fixture(scope="module")
def ssl_conf(tmp_path_factory):
    """A small wav2vec 2.0 that normalises over time, as base models do."""
    path = make_checkpoint(tmp_path_factory.mktemp("ssl"), "wav2vec2_local", False)
    conf = dict(upstream="wav2vec2_local", path_or_url=path)
    return dict(frontend_conf=conf, layer=2)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "fs, hop_length, num_stacked",
    [
        (8000, 160, 1),
        ("16k", 160, 2),
        (22050, 147, 3),
        (24000, 160, 3),
        (32000, 160, 4),
        (44100, 147, 6),
        ("48k", 160, 6),
    ],
)
def test_shapes(ssl_conf, fs, hop_length, num_stacked):
    frontend = ParallelFrontend(
        fs, ssl_conf=ssl_conf, spectrogram_conf=dict(hop_length=hop_length)
    )
    num_samples = 10 * frontend.fs
    feats, lengths = frontend(noise(1, num_samples), torch.tensor([num_samples]))
    assert frontend.output_size() == WIDTH + num_stacked * 161
    assert feats.shape == (1, 499, frontend.output_size())
    assert lengths.tolist() == [499]
    assert frontend.hop_length == num_stacked * hop_length == frontend.fs // 50


@pytest.mark.parametrize("fs, num_stacked", [(16000, 2), (48000, 6)])
def test_columns_are_those_of_the_two_frontends(ssl_conf, fs, num_stacked):
    waveform, length = noise(1, fs), torch.tensor([fs])
    feats, _ = ParallelFrontend(fs, ssl_conf=ssl_conf)(waveform, length)
    ssl, ssl_lengths = SslLayerFrontend(**ssl_conf)(
        resample_tensor(waveform, fs, 16000), torch.tensor([16000])
    )
    spectrogram, _ = LogSpectrogramFrontend(fs=fs)(waveform, length)
    assert feats.shape[1] == ssl_lengths[0] == 49
    torch.testing.assert_close(feats[..., :WIDTH], ssl)
    for t in (0, 1, 48):
        first = 1 + t * num_stacked
        torch.testing.assert_close(
            feats[0, t, WIDTH:], spectrogram[0, first : first + num_stacked].flatten()
        )


@pytest.mark.parametrize("fs", [16000, 48000])
def test_both_parts_of_a_frame_are_of_one_time(fs):
    """A click is in the middle of what a frame hears, for both parts."""
    frontend = ParallelFrontend(
        fs, ssl_conf=FBANK, spectrogram_conf=dict(max_frequency=7e3)
    )
    waveform = 1e-4 * noise(1, fs)
    waveform[0, fs // 2 : fs // 2 + fs // 1000] += 1.0
    feats, _ = frontend(waveform, torch.tensor([fs]))
    energy = feats[0, :, :80].mean(-1), feats[0, :, 240:].mean(-1)
    # hops of 10 ms
    centres = [
        ((e - e.median()).clamp(min=0.0) @ torch.arange(float(len(e))))
        / (e - e.median()).clamp(min=0.0).sum()
        for e in energy
    ]
    assert abs(centres[0] - centres[1]) <= 1.0


@pytest.mark.parametrize("fs", [16000, 44100, 48000])
@pytest.mark.parametrize("upstream", ["wav2vec2", "fbank"])
def test_clip_alone_equals_clip_in_a_batch(ssl_conf, fs, upstream):
    conf = ssl_conf if upstream == "wav2vec2" else FBANK
    frontend = ParallelFrontend(
        fs,
        ssl_conf=conf,
        spectrogram_conf=dict(hop_length=147 if fs == 44100 else 160),
    )
    lengths = torch.tensor([fs // 2 + 1, fs, fs // 3])
    batch = noise(3, fs + 50)
    for i, length in enumerate(lengths):
        batch[i, length:] = 7.0  # whatever lies behind the end must not be heard
    feats, num_frames = frontend(batch, lengths)
    assert feats.shape[1] == num_frames.max()
    for i, (length, count) in enumerate(zip(lengths, num_frames, strict=True)):
        alone, alone_frames = frontend(batch[i : i + 1, :length], length[None])
        assert alone_frames[0] == alone.shape[1] == count
        torch.testing.assert_close(feats[i, :count], alone[0], rtol=1e-5, atol=1e-5)
        assert not feats[i, count:].any()


def test_gradients(ssl_conf):
    waveform, length = noise(2, 48000).requires_grad_(), torch.tensor([48000, 30000])
    frozen = ParallelFrontend(48000, ssl_conf=ssl_conf)
    assert not list(frozen.parameters()) and not frozen.state_dict()
    feats, _ = frozen(waveform, length)
    for part in (feats[..., :WIDTH], feats[..., WIDTH:]):
        (gradient,) = torch.autograd.grad(
            part.square().sum(), waveform, retain_graph=True
        )
        assert gradient[0].any() and not gradient[1, 30000:].any()

    trained = ParallelFrontend(48000, ssl_conf=dict(ssl_conf, freeze=False)).eval()
    feats, _ = trained(waveform, length)
    torch.testing.assert_close(feats, frozen(waveform, length)[0])
    (gradient,) = torch.autograd.grad(
        feats[..., :WIDTH].square().sum(), waveform, retain_graph=True
    )
    assert gradient[0].any()
    feats.square().sum().backward()
    parameters = [p for p in trained.parameters() if p.requires_grad]
    assert parameters and all(p.grad is not None for p in parameters)


@pytest.mark.parametrize("freeze", [True, False])
def test_weights_outlive_the_initialisation_of_a_model(ssl_conf, freeze):
    model = torch.nn.Module()
    model.frontend = ParallelFrontend(16000, ssl_conf=dict(ssl_conf, freeze=freeze))
    waveform, length = noise(1, 16000), torch.tensor([16000])
    expected, _ = model.eval().frontend(waveform, length)
    initialize(model, "xavier_uniform")
    torch.testing.assert_close(model.frontend(waveform, length)[0], expected)


@pytest.mark.parametrize(
    "fs, upstream, hop_length, message",
    [
        (44100, "wav2vec2", 160, "882 samples at 44100 Hz: set it to 147"),
        (16000, "fbank", 320, "does not divide.*160 samples.*set it to 160"),
        (22050, "fbank", 147, "160 samples at 16 kHz.*no whole number.*22050"),
    ],
)
def test_frames_that_do_not_fit_are_refused(
    ssl_conf, fs, upstream, hop_length, message
):
    conf = ssl_conf if upstream == "wav2vec2" else FBANK
    with pytest.raises(ValueError, match=message):
        ParallelFrontend(
            fs, ssl_conf=conf, spectrogram_conf=dict(hop_length=hop_length)
        )
