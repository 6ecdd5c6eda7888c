"""conf/tuning/augment.yaml over a configuration."""

from pathlib import Path

import pytest
import yaml

from espnet_samos.tasks.mos import MosTask
from espnet_samos.utils.config import merge_files

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = ["random_window", "random_rotation", "gain_db", "flip_polarity"]


def parse(tmp_path, config, data_name="speech"):
    file = tmp_path / "train.yaml"
    file.write_text(yaml.safe_dump(config))
    args = MosTask.get_parser().parse_args(
        ["--config", str(file), "--output_dir", str(tmp_path)]
    )
    args.train_data_path_and_name_and_type = [("x", data_name, "npy")]
    return args


@pytest.mark.parametrize("size", ["mini", "paper"])
def test_all_of_it_is_used_in_training(tmp_path, size):
    names = [f"{size}/model.yaml", f"{size}/train.yaml", "tuning/augment.yaml"]
    config = merge_files([str(CONF / name) for name in names])
    args = parse(tmp_path, config)
    preprocess = MosTask.build_preprocess_fn(args, train=True)
    assert preprocess.random_options() == OPTIONS
    plain = merge_files([str(CONF / f"{size}/model.yaml")])["preprocessor_conf"]
    assert preprocess.window_seconds == plain["window_seconds"]


@pytest.mark.parametrize("option", OPTIONS)
def test_none_of_it_goes_with_ssl_features_from_disk(tmp_path, option):
    values = merge_files([str(CONF / "tuning/augment.yaml")])["preprocessor_conf"]
    config = dict(preprocessor_conf={option: values[option]})
    args = parse(tmp_path, config, "ssl_feats")
    with pytest.raises(ValueError, match=f"preprocessor_conf has {option}, which"):
        MosTask.build_preprocess_fn(args, train=True)
    MosTask.build_preprocess_fn(args, train=False)
