"""The configurations in conf/, as the recipe merges them."""

from pathlib import Path

import pytest
import s3prl.hub
import torchaudio
import yaml

from espnet_samos.frontend.upstreams.torchaudio import pipelines
from espnet_samos.tasks.mos import MosTask
from espnet_samos.utils.config import merge_files

CONF = Path(__file__).parents[1] / "conf"


def parse(tmp_path, *names):
    merged = tmp_path / "train.yaml"
    merged.write_text(yaml.safe_dump(merge_files([str(CONF / n) for n in names])))
    return MosTask.get_parser().parse_args(
        ["--config", str(merged), "--output_dir", str(tmp_path)]
    )


@pytest.mark.parametrize("step, epochs", [("pretrain", 30), ("finetune", 3)])
def test_paper_is_as_published(tmp_path, step, epochs):
    """The numbers of arXiv 2602.14785."""
    args = parse(tmp_path, "paper/model.yaml", "paper/train.yaml", f"paper/{step}.yaml")
    assert args.max_epoch == epochs
    assert args.batch_size == 64
    assert (args.optim, args.optim_conf) == ("adam", {"lr": 1e-4})
    assert args.scheduler == "exponentialsteplr"
    assert args.scheduler_conf == {"gamma": 0.9999}
    assert args.best_model_criterion == [["valid", "lcc", "max"]]
    assert args.grad_clip == float("inf")
    assert args.preprocessor_conf["window_seconds"] == 10.0
    assert args.ssl_frontend_conf == {
        "frontend_conf": {"upstream": "xls_r_2b"},
        "layer": 9,
    }
    assert args.allow_multi_rates


@pytest.mark.parametrize("step", ["pretrain", "finetune"])
@pytest.mark.parametrize(
    "over",
    [None, "tuning/ssl_layer_mos.yaml", "mini/cut_spectrogram.yaml", "mini/fbank.yaml"],
)
def test_mini_builds(tmp_path, step, over):
    names = ["mini/model.yaml", "mini/train.yaml", f"mini/{step}.yaml"]
    model = MosTask.build_model(parse(tmp_path, *names, *([over] if over else [])))
    if over == "tuning/ssl_layer_mos.yaml":
        assert model.spectrogram_encoder is None
    else:
        bins = {"mini/cut_spectrogram.yaml": 47}.get(over, 161)
        assert model.spectrogram_frontend.output_size() == bins


# The architecture of each SSL model, as torchaudio has it
PIPELINES = {
    "facebook/wav2vec2-xls-r-2b": "WAV2VEC2_XLSR_2B",
    "hubert_base": "HUBERT_BASE",
    "hubert_large_ll60k": "HUBERT_LARGE",
    "wavlm_base_plus": "WAVLM_BASE_PLUS",
    "wavlm_large": "WAVLM_LARGE",
    "xls_r_1b": "WAV2VEC2_XLSR_1B",
    "xls_r_2b": "WAV2VEC2_XLSR_2B",
    "xls_r_300m": "WAV2VEC2_XLSR_300M",
}


@pytest.mark.parametrize(
    "over", [None, *sorted(f"ssl/{path.name}" for path in (CONF / "ssl").iterdir())]
)
def test_ssl_models_exist_and_have_the_layer(tmp_path, over):
    args = parse(tmp_path, "paper/model.yaml", *([over] if over else []))
    conf = dict(args.ssl_frontend_conf)
    source = conf.pop("source", "s3prl")
    layer = conf.pop("layer")
    assert not set(conf) - {"frontend_conf"}
    assert set(conf["frontend_conf"]) == {"upstream"}
    upstream = conf["frontend_conf"]["upstream"]
    if source == "torchaudio":
        assert upstream in pipelines()
    elif source == "s3prl":
        assert upstream in s3prl.hub.options()
    params = getattr(torchaudio.pipelines, PIPELINES.get(upstream, upstream))._params
    last = params["encoder_num_layers"]
    # about the first quarter
    assert 0.15 * last <= layer <= 0.25 * last
    if over and source == "s3prl":
        shape = f"{last} layers of width {params['encoder_embed_dim']}"
        assert shape in (CONF / over).read_text()
    # all else is as in the paper
    assert args.preprocessor_conf == {"window_seconds": 10.0}
    assert args.ssl_frontend == "ssl_layer" and args.ssl_encoder == "conv1d"
