"""Train a model on pairs, and compare clips with it."""

import numpy as np
import pytest
import soundfile
import torch
import yaml

from espnet_samos.bin import mos_train_pairs
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.tasks.pairs import PairTask
from tests.tiny_model import CONFIG, save_model, speechlike

TRAINING = (
    *("--batch_type", "unsorted", "--batch_size", "8", "--shuffle_within_batch"),
    *("true", "--num_workers", "0", "--optim", "adam", "--optim_conf", "lr=0.02"),
    *("--keep_nbest_models", "1", "--ngpu", "0", "--use_tensorboard", "false"),
    *("--use_matplotlib", "false", "--seed", "1"),
    *("--best_model_criterion", "valid,loss,min"),
    *("--comparison_conf", "{hidden_sizes: [], dropout_rate: 0.0}"),
)
INPUTS = (
    *("wav.scp,speech,clip", "utt2fs,fs,text_int", "wav_b.scp,speech_b,clip"),
    *("utt2fs_b,fs_b,text_int", "ccr,ccr,text_float"),
)


def degraded(level, seed, seconds=1.0, fs=16000):
    """Speech with noise; the more, the worse."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * fs))
    return speechlike(seconds, fs, seed) + level * noise.astype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data directory: the comparison is the difference of the noise's level."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    tables = {}
    for i in range(24):
        levels = 10 ** rng.uniform(-2, -0.3, 2)
        paths = [folder / f"{i}{clip}.wav" for clip in "ab"]
        for path, level in zip(paths, levels, strict=True):
            soundfile.write(path, degraded(level, i), 16000, subtype="FLOAT")
        ccr = np.log10(levels[0] / levels[1])
        values = {"wav.scp": paths[0], "wav_b.scp": paths[1], "ccr": ccr}
        values |= {"utt2fs": 16000, "utt2fs_b": 16000}
        for name, value in values.items():
            tables[name] = tables.get(name, "") + f"pair{i:02} {value}\n"
    for name, text in tables.items():
        (folder / name).write_text(text)
    return folder


def train(data, exp, *options):
    config = exp.parent / "pairs.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    inputs = []
    for part in ("train", "valid"):
        for table in INPUTS:
            inputs += [f"--{part}_data_path_and_name_and_type", f"{data}/{table}"]
        inputs += [f"--{part}_shape_file", f"{data}/ccr"]
    mos_train_pairs.main(
        [
            "--config",
            str(config),
            "--output_dir",
            str(exp),
            *TRAINING,
            *inputs,
            *options,
        ]
    )
    return MosPredictor.from_pretrained(exp)


@pytest.fixture(scope="module")
def mos_model(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("mos") / "exp")


@pytest.fixture(scope="module")
def predictor(data, mos_model, tmp_path_factory):
    """A model that scores, and has learnt to compare too."""
    return train(
        *(data, tmp_path_factory.mktemp("exp") / "pairs", "--max_epoch", "25"),
        *("--init_param", str(mos_model / "valid.lcc.best.pth")),
    )


def test_it_has_learnt_what_is_better(predictor, data):
    assert predictor.compares
    pairs = [
        (str(i), (degraded(0.3, 100 + i), 16000), (degraded(0.02, 100 + i), 16000))
        for i in range(6)
    ]
    results = list(predictor.compare_clips(pairs, num_workers=0))
    assert all(result.mean > 0.3 and result.b_better > 0.5 for result in results)
    assert all(result.learnt and result.std > 0 for result in results)


def test_the_order_changes_the_sign_and_nothing_else(predictor):
    # of several windows, at other rates, of other lengths
    a = degraded(0.02, 1, 3.2, 48000), 48000
    b = degraded(0.2, 2, 1.7, 24000), 24000
    forth, back = predictor.compare(a, b), predictor.compare(b, a)
    assert forth.mean == -back.mean != 0 and forth.std == back.std
    assert forth.b_better == pytest.approx(1 - back.b_better, abs=1e-12)
    assert forth.a.num_windows == 4
    # equal, in two arrays
    same = predictor.compare(a, (a[0].copy(), 48000))
    assert same.mean == 0 and same.b_better == 0.5


def test_the_scores_are_those_of_the_model_it_began_with(predictor, mos_model):
    clip = degraded(0.1, 3), 16000
    before = MosPredictor.from_pretrained(mos_model).predict(*clip)
    assert predictor.predict(*clip) == before
    # statistics of frozen layers are kept too
    weights = torch.load(mos_model / "valid.lcc.best.pth", weights_only=True)
    found = predictor.model.state_dict()
    assert all(torch.equal(found[name], value) for name, value in weights.items())


def test_without_comparisons_it_is_the_difference_of_the_scores(mos_model):
    predictor = MosPredictor.from_pretrained(mos_model)
    a, b = (degraded(level, 4) for level in (0.02, 0.3))
    result = predictor.compare((a, 16000), (b, 16000))
    scores = [predictor.predict(clip, 16000) for clip in (a, b)]
    assert not result.learnt
    assert result.mean == pytest.approx(scores[1].mean - scores[0].mean, abs=1e-5)
    expected = np.hypot(scores[0].std, scores[1].std)
    assert result.std == pytest.approx(expected, abs=1e-5)


def test_a_clip_that_cannot_be_used_is_named(predictor):
    pairs = [("x", "none.wav", (degraded(0.1, 1), 16000))]
    (result,) = predictor.compare_clips(pairs, num_workers=0)
    assert "none.wav" in result.error and np.isnan([result.mean, result.b_better]).all()
    with pytest.raises(ValueError, match="pair, clip B: .*silent"):
        predictor.compare((degraded(0.1, 1), 16000), (np.zeros(16000), 16000))


def test_with_its_encoders_trained_it_only_compares(data, tmp_path):
    predictor = train(
        *(data, tmp_path / "exp", "--max_epoch", "2", "--train_encoders", "true")
    )
    result = predictor.compare((degraded(0.1, 1), 16000), (degraded(0.2, 1), 16000))
    assert result.learnt and result.mean != 0
    with pytest.raises(ValueError, match="compares clips and does not score them"):
        predictor.predict(degraded(0.1, 1), 16000)
    with pytest.raises(ValueError, match="compares clips and does not score them"):
        _ = predictor.model  # what the loss and the export take


def test_encoders_of_no_model_are_not_left_as_they_are(tmp_path):
    args = PairTask.get_parser().parse_args(["--output_dir", str(tmp_path)])
    with pytest.raises(ValueError, match="name a trained model"):
        PairTask.build_model(args)
