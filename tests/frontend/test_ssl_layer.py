import copy

import pytest
import torch
from s3prl.nn import S3PRLUpstream

from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from tests.frontend.checkpoints import NUM_LAYERS, WIDTH, make_checkpoint

TRANSFORMERS = [
    (upstream, pre_norm)
    for upstream in (
        "wav2vec2_local",
        "hubert_local",
        "wavlm_local",
        "hf_wav2vec2_custom",
    )
    for pre_norm in (False, True)
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Give the frontend_conf of a small random checkpoint, made once."""
    folder = tmp_path_factory.mktemp("checkpoints")
    made = {}

    def get(upstream="wav2vec2_local", pre_norm=False):
        key = (upstream, pre_norm)
        if key not in made:
            made[key] = make_checkpoint(folder, upstream, pre_norm)
        return dict(upstream=upstream, path_or_url=made[key])

    return get


def waveforms(num_samples=8000, num_clips=2):
    generator = torch.Generator().manual_seed(0)
    # an offset and a level, which the normalisation of a waveform removes
    return 0.1 * torch.randn(num_clips, num_samples, generator=generator) + 0.05


def lengths_of(batch):
    return torch.full((len(batch),), batch.shape[1])


@pytest.mark.parametrize("upstream, pre_norm", TRANSFORMERS)
def test_equals_the_full_model_at_each_layer(checkpoint, upstream, pre_norm):
    conf = checkpoint(upstream, pre_norm)
    batch = waveforms()
    full = S3PRLUpstream(upstream, path_or_url=conf["path_or_url"]).eval()
    with torch.no_grad():
        expected, _ = full(batch, lengths_of(batch))
    assert len(expected) == NUM_LAYERS + 1
    for layer in [*range(NUM_LAYERS + 1), -1]:
        frontend = SslLayerFrontend(frontend_conf=conf, layer=layer)
        feats, lengths = frontend(batch, lengths_of(batch))
        assert feats.shape == (2, 24, WIDTH) and frontend.output_size() == WIDTH
        assert lengths.tolist() == [24, 24]
        torch.testing.assert_close(feats, expected[layer][:, :24], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("upstream, pre_norm", TRANSFORMERS)
def test_layers_that_are_not_needed_are_gone(checkpoint, upstream, pre_norm):
    frontend = SslLayerFrontend(
        frontend_conf=checkpoint(upstream, pre_norm), layer=1, freeze=False
    )
    assert len(frontend.upstream.expert.model.encoder.layers) == 1


def test_frame_counts_are_those_of_the_convolutions(checkpoint):
    frontend = SslLayerFrontend(frontend_conf=checkpoint(), layer=0)
    feats, lengths = frontend(torch.randn(1, 160000), torch.tensor([160000]))
    assert feats.shape[1] == lengths[0] == 499
    assert frontend.hop_length == 320


@pytest.mark.parametrize(
    "upstream, pre_norm", [*TRANSFORMERS, ("fbank", None), ("mel", None)]
)
def test_clip_alone_equals_clip_in_a_batch(checkpoint, upstream, pre_norm):
    conf = (
        dict(upstream=upstream) if pre_norm is None else checkpoint(upstream, pre_norm)
    )
    frontend = SslLayerFrontend(frontend_conf=conf)
    batch = waveforms(9000, 3)
    lengths = torch.tensor([4001, 9000, 4001])
    batch[0, 4001:] = 7.0  # whatever lies behind the end must not be heard
    feats, num_frames = frontend(batch, lengths)
    assert num_frames[0] == num_frames[2] < num_frames[1] == feats.shape[1]
    for i, (length, count) in enumerate(zip(lengths, num_frames, strict=True)):
        alone, alone_frames = frontend(batch[i : i + 1, :length], length[None])
        assert alone_frames[0] == alone.shape[1] == count
        torch.testing.assert_close(feats[i, :count], alone[0], rtol=1e-4, atol=1e-4)
        assert not feats[i, count:].any()


def test_waveform_is_normalised_where_the_checkpoint_demands_it(checkpoint):
    batch = waveforms()
    frontend = SslLayerFrontend(frontend_conf=checkpoint(pre_norm=True))
    feats, _ = frontend(batch, lengths_of(batch))
    shifted, _ = frontend(3 * batch + 0.2, lengths_of(batch))
    torch.testing.assert_close(feats, shifted, rtol=1e-3, atol=1e-3)


def test_normalize_standardises_each_frame(checkpoint):
    batch = waveforms()
    frontend = SslLayerFrontend(frontend_conf=dict(checkpoint(), normalize=True))
    feats, _ = frontend(batch, lengths_of(batch))
    torch.testing.assert_close(feats.mean(-1), torch.zeros(2, 24), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        feats.std(-1, correction=0), torch.ones(2, 24), atol=1e-3, rtol=0
    )


def test_frozen_is_no_part_of_training(checkpoint):
    batch = waveforms()
    frontend = SslLayerFrontend(frontend_conf=checkpoint())
    before, _ = frontend(batch, lengths_of(batch))
    assert not list(frontend.parameters()) and not frontend.state_dict()
    frontend.train()
    torch.manual_seed(7)  # dropout and layer drop are high in the checkpoint
    after, _ = frontend(batch.requires_grad_(), lengths_of(batch))
    assert torch.equal(before, after)
    assert not after.requires_grad and after.grad_fn is None


def test_frozen_follows_to_and_deepcopy(checkpoint):
    batch = waveforms()
    frontend = SslLayerFrontend(frontend_conf=checkpoint())
    feats, _ = frontend(batch, lengths_of(batch))
    twin = copy.deepcopy(frontend).double()
    double_feats, _ = twin(batch.double(), lengths_of(batch))
    assert double_feats.dtype == torch.float64
    torch.testing.assert_close(double_feats.float(), feats, rtol=1e-3, atol=1e-3)
    # the original has not moved
    assert torch.equal(frontend(batch, lengths_of(batch))[0], feats)


@pytest.mark.parametrize("upstream, pre_norm", TRANSFORMERS)
@pytest.mark.parametrize("layer", [0, 1, -1])
def test_not_frozen_trains_all_that_has_an_effect(
    checkpoint, upstream, pre_norm, layer
):
    frontend = SslLayerFrontend(
        frontend_conf=checkpoint(upstream, pre_norm), layer=layer, freeze=False
    )
    frontend.train()
    feats, _ = frontend(waveforms(), lengths_of(waveforms()))
    feats.square().sum().backward()
    assert feats.isfinite().all()
    trained = {n: p for n, p in frontend.named_parameters() if p.requires_grad}
    assert any("feature_extractor" in name for name in trained)
    # DDP fails on a parameter without a gradient
    assert not [name for name, p in trained.items() if p.grad is None]
    assert set(trained) <= set(frontend.state_dict())


def test_not_frozen_is_deterministic_in_evaluation(checkpoint):
    batch = waveforms()
    frontend = SslLayerFrontend(frontend_conf=checkpoint(), freeze=False).eval()
    feats, _ = frontend(batch, lengths_of(batch))
    again, _ = frontend(batch, lengths_of(batch))
    assert torch.equal(feats, again)


@pytest.mark.parametrize(
    "upstream, size", [("fbank", 240), ("fbank_no_cmvn", 240), ("mfcc", 39)]
)
def test_upstreams_without_weights(upstream, size):
    frontend = SslLayerFrontend(fs="16k", frontend_conf=dict(upstream=upstream))
    feats, lengths = frontend(waveforms(48000), torch.tensor([48000, 48000]))
    # 25 ms frames every 10 ms that fit into 3 s
    assert feats.shape == (2, 298, size)
    assert lengths.tolist() == [298, 298]
    assert frontend.output_size() == size and frontend.hop_length == 160


def test_building_leaves_the_random_seed_alone():
    draws = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        SslLayerFrontend(frontend_conf=dict(upstream="fbank"))
        draws.append(torch.rand(1))
    assert draws[0] != draws[1]


@pytest.mark.parametrize("layer", [NUM_LAYERS + 1, -2])
def test_wrong_layer_is_refused(checkpoint, layer):
    with pytest.raises(ValueError, match=rf"no layer {layer}.*0\.\.{NUM_LAYERS}"):
        SslLayerFrontend(frontend_conf=checkpoint(), layer=layer)


@pytest.mark.parametrize(
    "kwargs, error, message",
    [
        (dict(fs=48000), ValueError, "48000 Hz.*fs: 16000"),
        (dict(), ValueError, "frontend_conf.upstream is missing"),
        (dict(frontend_conf=dict(upstream="xls_r_2")), ValueError, "mean xls_r_2b"),
        (
            dict(frontend_conf=dict(upstream="fbank", multilayer=True)),
            ValueError,
            "unknown key.*multilayer",
        ),
        (
            dict(frontend_conf=dict(upstream="hubert_local")),
            ValueError,
            "hubert_local.*path_or_url",
        ),
        (
            dict(frontend_conf=dict(upstream="wavlm_local", path_or_url="no/such.pt")),
            FileNotFoundError,
            "no/such.pt.*path_or_url",
        ),
        (
            dict(
                frontend_conf=dict(upstream="hf_wav2vec2_custom", path_or_url="./no/m")
            ),
            FileNotFoundError,
            "./no/m",
        ),
        (
            dict(
                frontend_conf=dict(upstream="hf_wav2vec2_custom", path_or_url="tests")
            ),
            FileNotFoundError,
            "preprocessor_config.json",
        ),
    ],
)
def test_mistakes_are_refused(kwargs, error, message):
    with pytest.raises(error, match=message):
        SslLayerFrontend(**kwargs)


def test_too_short_a_clip_is_refused():
    frontend = SslLayerFrontend(frontend_conf=dict(upstream="fbank"))
    with pytest.raises(ValueError, match="300 samples.*800"):
        frontend(torch.randn(2, 8000), torch.tensor([300, 8000]))
