"""The configurations in conf/, as the recipe merges them."""

from pathlib import Path

import pytest
import yaml

from espnet_samos.config import merge_files
from espnet_samos.tasks.mos import MosTask

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
    "over", [None, "ssl_layer_mos.yaml", "mini/cut_spectrogram.yaml", "mini/fbank.yaml"]
)
def test_mini_builds(tmp_path, step, over):
    names = ["mini/model.yaml", "mini/train.yaml", f"mini/{step}.yaml"]
    model = MosTask.build_model(parse(tmp_path, *names, *([over] if over else [])))
    if over == "ssl_layer_mos.yaml":
        assert model.spectrogram_encoder is None
    else:
        bins = {"mini/cut_spectrogram.yaml": 47}.get(over, 161)
        assert model.spectrogram_frontend.output_size() == bins
