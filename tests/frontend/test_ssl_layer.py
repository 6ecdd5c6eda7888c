import copy
import json
import shutil
import urllib.request

import huggingface_hub
import pytest
import torch
import torchaudio
import transformers
from s3prl import hub
from s3prl.nn import S3PRLUpstream
from s3prl.util import download
from safetensors.torch import load_file, save_file

from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from espnet_samos.frontend.upstreams.hugging_face import MODEL_TYPES
from espnet_samos.frontend.upstreams.s3prl import (
    FAMILIES,
    checkpoint_url,
    family_of,
)
from tests.frontend.checkpoints import (
    NUM_LAYERS,
    WIDTH,
    convert,
    make_checkpoint,
    make_hugging_face,
    perturb,
    torchaudio_pipeline,
)

S3PRL = [f"{package}_local" for package in FAMILIES]
TRANSFORMERS = [
    *(
        # one family in all tests, the others where there is time
        pytest.param(
            *("s3prl", upstream, pre_norm),
            marks=[] if upstream == "wav2vec2_local" else [pytest.mark.slow],
        )
        for upstream in S3PRL
        for pre_norm in (0, 1)
    ),
    *(("hugging_face", name, pre_norm) for name in MODEL_TYPES for pre_norm in (0, 1)),
    *(
        ("torchaudio", model_type, pre_norm)
        for model_type in ("Wav2Vec2", "WavLM")
        for pre_norm in (0, 1)
    ),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where small random checkpoints are, each made once."""
    return tmp_path_factory.mktemp("checkpoints"), {}


@pytest.fixture
def checkpoint(made, monkeypatch):
    """Return the configuration of a small random checkpoint."""
    folder, paths = made

    def get(source="s3prl", upstream="wav2vec2_local", pre_norm=False):
        pre_norm = bool(pre_norm)
        key = (source, upstream, pre_norm)
        if source == "torchaudio":
            bundle = torchaudio_pipeline(pre_norm, upstream)
            name = f"TINY_{upstream}_{pre_norm}"
            monkeypatch.setattr(torchaudio.pipelines, name, bundle, raising=False)
            if key not in paths:
                torch.manual_seed(1)
                paths[key] = str(folder / f"{name}.pth")
                torch.save(perturb(full_torchaudio(bundle)), paths[key])
            conf = dict(upstream=name, path_or_url=paths[key])
        elif source == "hugging_face":
            if key not in paths:
                paths[key] = make_hugging_face(folder, upstream, pre_norm)
            conf = dict(upstream=paths[key])
        else:
            if key not in paths:
                paths[key] = make_checkpoint(folder, upstream, pre_norm)
            conf = dict(upstream=upstream, path_or_url=paths[key])
        return dict(source=source, frontend_conf=conf)

    return get


def full_torchaudio(bundle):
    return torchaudio.pipelines._wav2vec2.utils._get_model(
        bundle._model_type, bundle._params
    )


@torch.no_grad()
def full_hidden_states(source, frontend_conf, batch, pre_norm):
    """Run the complete model, by the means of where it comes from."""
    upstream, path = frontend_conf["upstream"], frontend_conf.get("path_or_url")
    if source == "s3prl":
        model = S3PRLUpstream(upstream, path_or_url=path).eval()
        # one frame too many
        return [h[:, :-1] for h in model(batch, lengths_of(batch))[0]]
    if pre_norm:
        batch = torch.nn.functional.layer_norm(batch, batch.shape[-1:])
    if source == "hugging_face":
        model = transformers.AutoModel.from_pretrained(upstream).eval()
        output = model(batch, output_hidden_states=True)
        # Whether the last of these is normalised depends on the version.
        return [*output.hidden_states[:-1], output.last_hidden_state]
    model = full_torchaudio(getattr(torchaudio.pipelines, upstream)).eval()
    model.load_state_dict(torch.load(path))
    states, _ = model.extract_features(batch)
    # It has no hidden state 0 and, unlike the others, no normalisation at the end.
    transformer = model.encoder.transformer
    first = transformer._preprocess(
        model.encoder.feature_projection(model.feature_extractor(batch, None)[0])
    )
    last = transformer.layer_norm(states[-1]) if pre_norm else states[-1]
    return [first, *states[:-1], last]


def waveforms(num_samples=8000, num_clips=2):
    generator = torch.Generator().manual_seed(0)
    # an offset and a level, which the normalisation of a waveform removes
    return 0.1 * torch.randn(num_clips, num_samples, generator=generator) + 0.05


def lengths_of(batch):
    return torch.full((len(batch),), batch.shape[1])


@pytest.mark.parametrize("source, upstream, pre_norm", TRANSFORMERS)
def test_equals_the_complete_model_at_each_layer(
    checkpoint, source, upstream, pre_norm
):
    conf = checkpoint(source, upstream, pre_norm)
    batch = waveforms()
    expected = full_hidden_states(batch=batch, pre_norm=pre_norm, **conf)
    assert len(expected) == NUM_LAYERS + 1
    for layer in [*range(NUM_LAYERS + 1), -1]:
        frontend = SslLayerFrontend(**conf, layer=layer)
        feats, lengths = frontend(batch, lengths_of(batch))
        assert feats.shape == (2, 24, WIDTH) and frontend.output_size() == WIDTH
        assert lengths.tolist() == [24, 24]
        torch.testing.assert_close(feats, expected[layer], rtol=1e-5, atol=1e-5)


def test_another_activation_of_the_convolutions_is_kept(checkpoint, tmp_path):
    conf = checkpoint("hugging_face", "wav2vec2", True)
    model = shutil.copytree(conf["frontend_conf"]["upstream"], tmp_path / "relu")
    conf = conf | dict(frontend_conf=dict(upstream=str(model)))
    path = model / "config.json"
    config = json.loads(path.read_text())
    gelu = SslLayerFrontend(**conf, layer=1)
    path.write_text(json.dumps(config | {"feat_extract_activation": "relu"}))
    relu = SslLayerFrontend(**conf, layer=1)
    batch = waveforms()
    expected = full_hidden_states(batch=batch, pre_norm=True, **conf)[1]
    feats, _ = relu(batch, lengths_of(batch))
    torch.testing.assert_close(feats, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(gelu(batch, lengths_of(batch))[0], feats, atol=1e-3)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_conformers_equal_the_complete_model(tmp_path, pre_norm):
    """Those of wav2vec2_conformer_relpos and the like."""
    path = make_checkpoint(
        tmp_path,
        "wav2vec2_local",
        pre_norm,
        layer_type="conformer",
        pos_enc_type="rel_pos",
        attn_type="espnet",
        depthwise_conv_kernel_size=5,
    )
    conf = dict(
        source="s3prl",
        frontend_conf=dict(upstream="wav2vec2_local", path_or_url=path),
    )
    batch = waveforms()
    expected = full_hidden_states(batch=batch, pre_norm=pre_norm, **conf)
    for layer in range(NUM_LAYERS + 1):
        frontend = SslLayerFrontend(**conf, layer=layer)
        feats, _ = frontend(batch, lengths_of(batch))
        torch.testing.assert_close(feats, expected[layer], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_sources_agree_on_the_same_weights(checkpoint, tmp_path, monkeypatch, pre_norm):
    s3prl = checkpoint(pre_norm=pre_norm)
    paths = convert(s3prl["frontend_conf"]["path_or_url"], tmp_path, pre_norm)
    monkeypatch.setattr(
        torchaudio.pipelines, "TINY", torchaudio_pipeline(pre_norm), raising=False
    )
    # as after a download; and a clip so quiet that what is added to its variance
    # when it is normalised counts
    torchaudio_conf = dict(
        source="torchaudio",
        frontend_conf=dict(upstream="TINY"),
        download_dir=str(tmp_path),
    )
    others = [torchaudio_conf] + [
        dict(source="hugging_face", frontend_conf=dict(upstream=paths[name]))
        for name in ("hugging_face", "hugging_face_bin")
    ]
    batch = waveforms() * torch.tensor([[1.0], [0.01]])
    for layer in range(NUM_LAYERS + 1):
        feats, lengths = SslLayerFrontend(**s3prl, layer=layer)(
            batch, lengths_of(batch)
        )
        for conf in others:
            frontend = SslLayerFrontend(**conf, layer=layer)
            same, same_lengths = frontend(batch, lengths_of(batch))
            torch.testing.assert_close(same, feats, rtol=1e-4, atol=1e-5)
            assert torch.equal(same_lengths, lengths)
            assert frontend.hop_length == 320


def layers_of(frontend):
    """The transformer layers that a frontend, not frozen, has built."""
    (layers,) = (
        module
        for name, module in frontend.named_modules()
        if name.endswith((".encoder.layers", ".transformer.layers"))
    )
    return layers


@pytest.mark.parametrize("source, upstream, pre_norm", TRANSFORMERS)
def test_layers_that_are_not_needed_are_not_built(
    checkpoint, source, upstream, pre_norm
):
    frontend = SslLayerFrontend(
        **checkpoint(source, upstream, pre_norm), layer=1, freeze=False
    )
    assert len(layers_of(frontend)) == 1


@pytest.mark.parametrize("upstream", S3PRL)
def test_weights_that_are_not_needed_are_not_read(checkpoint, tmp_path, upstream):
    conf = checkpoint(upstream=upstream)
    state = torch.load(conf["frontend_conf"]["path_or_url"])
    weights = state[FAMILIES[upstream.removesuffix("_local")].keys[1]]
    for name in list(weights):
        if name.startswith("encoder.layers.1."):
            del weights[name]
    path = str(tmp_path / "first_layer_only.pt")
    torch.save(state, path)
    conf["frontend_conf"]["path_or_url"] = path
    SslLayerFrontend(**conf, layer=1)
    with pytest.raises(RuntimeError, match="Missing key"):
        SslLayerFrontend(**conf, layer=2)


def test_named_upstream_is_cut_too(checkpoint, tmp_path, monkeypatch):
    """What has been downloaded is found, and cut, without a connection."""
    monkeypatch.setattr(download, "_download_dir", tmp_path)
    conf = checkpoint(pre_norm=True)
    url = "https://huggingface.co/s3prl/converted_ckpts/resolve/main/xlsr2_2B_1000k.pt"
    with open(conf["frontend_conf"]["path_or_url"], "rb") as f:
        content = f.read()
    with open(download.urls_to_filepaths(url, download=False), "wb") as f:
        f.write(content)
    named = SslLayerFrontend(
        frontend_conf=dict(upstream="xls_r_2b"),
        download_dir=str(tmp_path),
        layer=1,
        freeze=False,
    )
    assert len(layers_of(named)) == 1
    batch = waveforms()
    torch.testing.assert_close(
        named.eval()(batch, lengths_of(batch)),
        SslLayerFrontend(**conf, layer=1)(batch, lengths_of(batch)),
    )


def test_every_named_upstream_of_these_families_has_its_checkpoint():
    named = []
    for name in hub.options():
        build = getattr(hub, name)
        if (
            family_of(build)
            and name != "load_and_convert_fairseq_ckpt"
            and not name.endswith(("_local", "_url", "_custom"))
        ):
            named.append(name)
            assert checkpoint_url(build).startswith("https://"), name
    assert {"xls_r_2b", "hubert", "wavlm_large", "data2vec"} <= set(named)


@pytest.mark.parametrize(
    "text", ["__import__('os').system('true')", "[(512, 10, 5)] + [x]"]
)
def test_what_s3prl_would_run_is_refused(checkpoint, tmp_path, text):
    conf = checkpoint()
    state = torch.load(conf["frontend_conf"]["path_or_url"])
    state["model_cfg"]["conv_feature_layers"] = text
    path = str(tmp_path / "hostile.pt")
    torch.save(state, path)
    conf["frontend_conf"]["path_or_url"] = path
    with pytest.raises(ValueError, match="no list of convolutions"):
        SslLayerFrontend(**conf, layer=1)


@pytest.mark.parametrize("extra_conf", [dict(feature_selection="fairseq_layers")])
def test_extra_conf_runs_the_upstream_in_full(checkpoint, extra_conf):
    conf = checkpoint()
    batch = waveforms()
    expected, _ = SslLayerFrontend(**conf, layer=1)(batch, lengths_of(batch))
    # These hidden states begin with the output of the first layer.
    conf["frontend_conf"]["extra_conf"] = extra_conf
    frontend = SslLayerFrontend(**conf, layer=0)
    feats, _ = frontend(batch, lengths_of(batch))
    torch.testing.assert_close(feats, expected)


def test_frame_counts_are_those_of_the_convolutions(checkpoint):
    frontend = SslLayerFrontend(**checkpoint(), layer=0)
    feats, lengths = frontend(torch.randn(1, 160000), torch.tensor([160000]))
    assert feats.shape[1] == lengths[0] == 499
    assert frontend.hop_length == 320


@pytest.mark.parametrize(
    "source, upstream, pre_norm",
    [*TRANSFORMERS, ("s3prl", "fbank", None), ("s3prl", "mel", None)],
)
def test_clip_alone_equals_clip_in_a_batch(checkpoint, source, upstream, pre_norm):
    if pre_norm is None:
        frontend = SslLayerFrontend(frontend_conf=dict(upstream=upstream))
    else:
        frontend = SslLayerFrontend(**checkpoint(source, upstream, pre_norm))
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


@pytest.mark.parametrize(
    "source, upstream",
    [
        case[:2]
        for case in (getattr(case, "values", case) for case in TRANSFORMERS)
        if case[2]
    ],
)
def test_waveform_is_normalised_where_the_checkpoint_demands_it(
    checkpoint, source, upstream
):
    batch = waveforms()
    frontend = SslLayerFrontend(**checkpoint(source, upstream, True), layer=1)
    feats, _ = frontend(batch, lengths_of(batch))
    # clip by clip: the other one keeps its level
    other = torch.stack([3 * batch[0] + 0.2, batch[1]])
    shifted, _ = frontend(other, lengths_of(batch))
    torch.testing.assert_close(feats, shifted, rtol=1e-3, atol=1e-2)


def test_normalize_standardises_each_frame(checkpoint):
    batch = waveforms()
    conf = checkpoint()
    conf["frontend_conf"]["normalize"] = True
    frontend = SslLayerFrontend(**conf)
    feats, _ = frontend(batch, lengths_of(batch))
    torch.testing.assert_close(feats.mean(-1), torch.zeros(2, 24), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        feats.std(-1, correction=0), torch.ones(2, 24), atol=1e-3, rtol=0
    )


def test_frozen_is_no_part_of_training(checkpoint):
    batch = waveforms()
    frontend = SslLayerFrontend(**checkpoint())
    before, _ = frontend(batch, lengths_of(batch))
    assert not list(frontend.parameters()) and not frontend.state_dict()
    frontend.train()
    torch.manual_seed(7)  # dropout and layer drop are high in the checkpoint
    after, _ = frontend(batch, lengths_of(batch))
    assert torch.equal(before, after)
    assert not after.requires_grad and after.grad_fn is None
    # a waveform that is to be improved has gradients, the weights have none
    feats, _ = frontend(batch.requires_grad_(), lengths_of(batch))
    feats.sum().backward()
    assert batch.grad.abs().sum() > 0
    weights = frontend.upstream.module.parameters()
    assert all(weight.grad is None for weight in weights)


def test_frozen_follows_to_and_deepcopy(checkpoint):
    batch = waveforms()
    frontend = SslLayerFrontend(**checkpoint())
    feats, _ = frontend(batch, lengths_of(batch))
    twin = copy.deepcopy(frontend).double()
    double_feats, _ = twin(batch.double(), lengths_of(batch))
    assert double_feats.dtype == torch.float64
    torch.testing.assert_close(double_feats.float(), feats, rtol=1e-3, atol=1e-3)
    # the original has not moved
    assert torch.equal(frontend(batch, lengths_of(batch))[0], feats)


@pytest.mark.parametrize("source, upstream, pre_norm", TRANSFORMERS)
@pytest.mark.parametrize("layer", [0, 1, -1])
def test_not_frozen_trains_all_that_has_an_effect(
    checkpoint, source, upstream, pre_norm, layer
):
    frontend = SslLayerFrontend(
        **checkpoint(source, upstream, pre_norm), layer=layer, freeze=False
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
    frontend = SslLayerFrontend(**checkpoint(), freeze=False).eval()
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


@pytest.mark.parametrize(
    "source, upstream",
    [
        ("s3prl", "wav2vec2_local"),
        ("torchaudio", "Wav2Vec2"),
        ("hugging_face", "wav2vec2"),
    ],
)
@pytest.mark.parametrize("layer", [NUM_LAYERS + 1, -2])
def test_wrong_layer_is_refused(checkpoint, source, upstream, layer):
    conf = checkpoint(source, upstream)
    with pytest.raises(ValueError, match=rf"no layer {layer}.*0\.\.{NUM_LAYERS}"):
        SslLayerFrontend(**conf, layer=layer)


def test_wrong_layer_of_an_upstream_without_layers_is_refused():
    with pytest.raises(ValueError, match=r"'fbank' has no layer 1.*0\.\.0"):
        SslLayerFrontend(frontend_conf=dict(upstream="fbank"), layer=1)


@pytest.mark.parametrize(
    "source, conf, error, message",
    [
        ("fairseq", {}, ValueError, "unknown source 'fairseq'.*s3prl, torchaudio"),
        ("s3prl", {}, ValueError, "frontend_conf.upstream is missing"),
        ("s3prl", dict(upstream="xls_r_2"), ValueError, "mean xls_r_2b"),
        (
            "s3prl",
            dict(upstream="fbank", multilayer=True),
            ValueError,
            "unknown key.*multilayer.*path_or_url",
        ),
        (
            "s3prl",
            dict(upstream="hubert_local"),
            ValueError,
            "hubert_local.*path_or_url",
        ),
        (
            "s3prl",
            dict(upstream="wavlm_local", path_or_url="no/such.pt"),
            FileNotFoundError,
            "no/such.pt.*path_or_url",
        ),
        (
            "s3prl",
            dict(upstream="hf_wav2vec2_custom", path_or_url="./my/model"),
            ValueError,
            "source: hugging_face and frontend_conf.upstream: ./my/model",
        ),
        (
            "torchaudio",
            dict(upstream="xlsr_2b"),
            ValueError,
            "mean.*WAV2VEC2_XLSR_2B.*known are",
        ),
        # trained for ASR
        ("torchaudio", dict(upstream="MMS_FA"), ValueError, "no pipeline"),
        (
            "torchaudio",
            dict(upstream="HUBERT_BASE", path_or_url="no/such.pth"),
            FileNotFoundError,
            "no/such.pth.*path_or_url",
        ),
        (
            "hugging_face",
            dict(upstream="a/b", path_or_url="x"),
            ValueError,
            "unknown key.*path_or_url.*'hugging_face' are upstream, normalize",
        ),
        (
            "hugging_face",
            dict(upstream="./no/model"),
            FileNotFoundError,
            "./no/model.*frontend_conf.upstream",
        ),
        (
            "hugging_face",
            dict(upstream="tests"),
            FileNotFoundError,
            "no config.json in tests",
        ),
    ],
)
def test_mistakes_are_refused(source, conf, error, message):
    with pytest.raises(error, match=message):
        SslLayerFrontend(source=source, frontend_conf=conf)


def test_wrong_rate_is_refused():
    with pytest.raises(ValueError, match="48000 Hz.*fs: 16000"):
        SslLayerFrontend(fs=48000)


def test_other_models_checkpoints_are_refused(checkpoint, tmp_path):
    wav2vec2 = checkpoint()["frontend_conf"]["path_or_url"]
    with pytest.raises(ValueError, match="'wavlm_local': it has no cfg and no model"):
        SslLayerFrontend(
            frontend_conf=dict(upstream="wavlm_local", path_or_url=wav2vec2)
        )
    conf = checkpoint("torchaudio", "Wav2Vec2")
    conf["frontend_conf"]["path_or_url"] = wav2vec2
    with pytest.raises(ValueError, match="not one of upstream 'TINY"):
        SslLayerFrontend(**conf)
    transformers.BertConfig().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(ValueError, match="of type bert; known are .*wav2vec2"):
        SslLayerFrontend(
            source="hugging_face", frontend_conf=dict(upstream=str(tmp_path))
        )


def test_incomplete_hugging_face_folder_is_refused(checkpoint, tmp_path):
    made = checkpoint("hugging_face", "wav2vec2")["frontend_conf"]["upstream"]
    folder = shutil.copytree(made, tmp_path / "model")
    conf = dict(source="hugging_face", frontend_conf=dict(upstream=str(folder)))
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layers.0.final_layer_norm.weight"]
    save_file(weights, folder / "model.safetensors", dict(format="pt"))
    with pytest.raises(ValueError, match="lack encoder.layers.0.final_layer_norm"):
        SslLayerFrontend(**conf)
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match="model.safetensors"):
        SslLayerFrontend(**conf)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(FileNotFoundError, match="preprocessor_config.json"):
        SslLayerFrontend(**conf)


@pytest.mark.parametrize(
    "source, upstream, cure",
    [
        ("s3prl", "xls_r_300m", "path_or_url.*wav2vec2_local"),
        ("s3prl", "wavlm_large", "path_or_url"),
        ("torchaudio", "WAV2VEC2_XLSR_300M", "path_or_url"),
        ("hugging_face", "facebook/wav2vec2-xls-r-300m", "upstream to a folder"),
    ],
)
def test_failed_download_names_the_model_and_the_cure(
    tmp_path, monkeypatch, source, upstream, cure
):
    monkeypatch.setattr(download, "_download_dir", tmp_path)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    # what keeps connections remembers the proxies it was made with
    huggingface_hub.close_session()
    monkeypatch.setattr(urllib.request, "_opener", None)
    # Hugging Face would try again and again.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match=f"(?s)'{upstream}'.*{cure}"):
        SslLayerFrontend(
            source=source,
            frontend_conf=dict(upstream=upstream),
            download_dir=str(tmp_path),
        )
    huggingface_hub.close_session()


def test_too_short_a_clip_is_refused():
    frontend = SslLayerFrontend(frontend_conf=dict(upstream="fbank"))
    with pytest.raises(ValueError, match="300 samples.*800"):
        frontend(torch.randn(2, 8000), torch.tensor([300, 8000]))
