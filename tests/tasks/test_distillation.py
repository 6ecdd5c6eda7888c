"""Distill a light frontend, and train a predictor with it."""

import numpy as np
import pytest
import soundfile
import torch
import torch.nn.functional as F

from espnet_samos.bin import mos_dump_ssl_feats, ssl_distill
from espnet_samos.frontend.distillmos import DistillMosFrontend
from espnet_samos.frontend.light_ssl import LightSslFrontend
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.tasks.mos import MosTask
from espnet_samos.train.distillation_model import DistillationModel, copy_transformer
from espnet_samos.train.ssl_feats import join_shards
from tests.tiny_model import speechlike

LIGHT = "{channels: [8, 16, 16], num_layers: 1, layers: [0, 1]"
WINDOW = ("--preprocessor_conf", "window_seconds=1.0")
TRAINING = (
    *("--batch_type", "unsorted", "--batch_size", "4", "--shuffle_within_batch"),
    *("true", "--num_workers", "0", "--optim", "adam", "--optim_conf", "lr=0.003"),
    *("--keep_nbest_models", "1", "--ngpu", "0", "--use_tensorboard", "false"),
    *("--use_matplotlib", "false", "--seed", "1"),
)


def data_options(data, *tables):
    options = []
    for part in ("train", "valid"):
        for table, kind in (
            ("wav.scp", "speech,clip"),
            ("utt2fs", "fs,text_int"),
            *tables,
        ):
            path = table if str(table).startswith("/") else data / table
            options += [f"--{part}_data_path_and_name_and_type", f"{path},{kind}"]
        options += [f"--{part}_shape_file", str(data / "utt2fs")]
    return options


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    lines = {}
    for i in range(8):
        fs = (16000, 48000)[i % 2]
        level = rng.uniform(0.01, 0.3)
        noise = level * rng.standard_normal(2 * fs)
        path = folder / f"utt{i}.wav"
        soundfile.write(path, speechlike(2.0, fs, seed=i) + noise, fs)
        labels = dict(mos=4 - 8 * level, mos_low=4, mos_band=fs / 12000, mos_upper=5)
        for name, value in {"wav.scp": path, "utt2fs": fs, **labels}.items():
            lines.setdefault(name, []).append(f"utt{i} {value}\n")
    for name, text in lines.items():
        (folder / name).write_text("".join(text))
    return folder


@pytest.fixture(scope="module")
def distilled(data, tmp_path_factory):
    """The folder of a distillation."""
    feats = f"{data}_feats"
    mos_dump_ssl_feats.main(
        [
            *("--ssl_frontend", "distillmos", "--ssl_frontend_conf", "layer=0"),
            *(*WINDOW, "--data_dirs", str(data), "--output_dirs", feats),
            *("--num_workers", "0"),
        ]
    )
    scp = join_shards(data, type(data)(feats))
    exp = tmp_path_factory.mktemp("exp") / "distill"
    ssl_distill.main(
        [
            *("--ssl_frontend_conf", LIGHT + "}", *WINDOW, *TRAINING),
            *data_options(data, (scp, "teacher_feats,ssl_feats")),
            *("--output_dir", str(exp), "--max_epoch", "12"),
            *("--best_model_criterion", "valid,loss,min"),
        ]
    )
    return exp


def test_the_student_comes_closer_to_the_teacher(distilled, data):
    teacher = DistillMosFrontend(layer=0).eval()
    x = torch.from_numpy(soundfile.read(data / "utt0.wav", dtype="float32")[0])[None]
    x = x[:, :16000]
    lengths = torch.tensor([16000])
    untrained = LightSslFrontend([8, 16, 16], num_layers=1, layers=[0])
    trained = LightSslFrontend(
        [8, 16, 16],
        num_layers=1,
        layers=[0],
        init_file=str(distilled / "valid.loss.best.pth"),
    )
    with torch.no_grad():
        expected, before, after = (
            frontend.eval()(x, lengths)[0] for frontend in (teacher, untrained, trained)
        )
    inner = slice(4, -4)
    distances = [
        (found - expected)[:, inner].square().mean() / expected[:, inner].var()
        for found in (before, after)
    ]
    assert distances[1] < 0.6 < 0.9 < distances[0]


def test_the_layers_above_are_the_teachers(distilled):
    weights = torch.load(distilled / "valid.loss.best.pth", weights_only=True)
    student = LightSslFrontend([8, 16, 16], num_layers=1, layers=[1])
    copy_transformer(student)
    for name, value in student.state_dict().items():
        if name.startswith(("transformer.", "position")):
            assert torch.equal(weights[f"student.{name}"], value)
    # one layer with the teacher's input and positions gives what the teacher gives
    x = torch.from_numpy(speechlike(2.0, 16000))[None]
    lengths = torch.tensor([32000])
    lower, upper = (DistillMosFrontend(layer=layer).eval() for layer in (0, 1))
    positions = upper.model.module.position_encoding.pe[0]
    assert torch.equal(student.position, positions.mean(dim=0))
    with torch.no_grad():
        below, above = lower(x, lengths)[0], upper(x, lengths)[0]
        found = student.transformer[0](below + positions[:100])
    torch.testing.assert_close(found, above, atol=1e-4, rtol=1e-4)


def test_the_student_hears_windows_moved_and_with_rounding_noise():
    model = DistillationModel(
        LightSslFrontend([8, 16, 16], num_layers=1, layers=[1], freeze=False)
    )
    heard = []
    model.student.spectrum.register_forward_pre_hook(
        lambda module, inputs: heard.append(inputs[0])
    )
    speech = torch.randn(40, 3200)
    for mode in (True, False):
        model.train(mode)
        model(speech, torch.randn(40, 10, 200))
    changed, same = heard
    assert torch.equal(same, speech)
    places, levels = [], []
    for wave, original in zip(changed, speech, strict=True):
        # earlier or later by up to half a frame of 20 ms, zeros where nothing is
        moved = F.pad(original, (160, 160)).unfold(0, 3200, 1)
        noise = wave - moved
        place = int(noise.abs().amax(dim=1).argmin())
        places.append(place - 160)
        levels.append(float(noise[place].std()))
    assert -160 <= min(places) < -80 < 80 < max(places) <= 160
    step = 2.0**-15
    assert 10 <= levels.count(0.0) <= 30
    assert step / 2 < max(levels) < 1.1 * step


def test_more_layers_than_the_teacher_has():
    with pytest.raises(ValueError, match="num_layers is 8: Distill-MOS has 7"):
        copy_transformer(LightSslFrontend(num_layers=8, layers=[8]))
    with pytest.raises(ValueError, match="output_size is 200"):
        copy_transformer(LightSslFrontend(output_size=16, num_layers=1, layers=[1]))


def test_a_predictor_is_trained_on_it_with_partial_labels(distilled, data, tmp_path):
    exp = tmp_path / "mos"
    init = distilled / "valid.loss.best.pth"
    MosTask.main(
        cmd=[
            *("--ssl_frontend", "light"),
            *("--ssl_frontend_conf", LIGHT + f", init_file: {init}}}"),
            *("--ssl_encoder", "statistics", "--spectrogram_frontend", "log_bands"),
            *("--spectrogram_encoder", "statistics"),
            *("--spectrogram_encoder_conf", "{quantiles: [0.5], first: 40}"),
            *("--head", "composed", "--head_conf", "hidden_sizes=[8]"),
            *WINDOW,
            *TRAINING,
            *data_options(data, ("mos", "mos,text_float"), (data, "scores,mos_scores")),
            *("--output_dir", str(exp), "--max_epoch", "2"),
            *("--best_model_criterion", "valid,lcc,max"),
        ]
    )
    weights = torch.load(exp / "valid.lcc.best.pth", weights_only=True)
    before = torch.load(init, weights_only=True)
    for name, value in before.items():
        if name.startswith("student."):
            assert torch.equal(
                weights[name.replace("student.", "ssl_frontend.")], value
            )
    # elsewhere, the distillation is not there any more
    init.rename(init.with_name("moved.pth"))
    try:
        predictor = MosPredictor(exp / "valid.lcc.best.pth")
    finally:
        init.with_name("moved.pth").rename(init)
    result = predictor.predict(speechlike(2.5, 24000), 24000)
    assert 1 < result.mean < 5 and result.std > 0
