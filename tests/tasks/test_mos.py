import argparse

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet_samos.bin import mos_inference, samos
from espnet_samos.mos.conv1d_encoder import Conv1dEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder
from espnet_samos.mos.gaussian_head import GaussianHead
from espnet_samos.predictor import MosPredictor
from espnet_samos.tasks.mos import MosTask

TINY = [
    *("--ssl_frontend", "ssl_layer"),
    *("--ssl_frontend_conf", "frontend_conf.upstream=fbank"),
    *("--ssl_encoder_conf", "hidden_channels=8"),
    *("--spectrogram_frontend_conf", "hop_length=480"),
    *("--spectrogram_encoder_conf", "channels=[4, 4, 8, 8]"),
    *("--preprocessor_conf", "window_seconds=1.0"),
]
BOTH = ("ssl", "spectrogram")


def parse(*options, output_dir="unused"):
    return MosTask.get_parser().parse_args(
        [*TINY, *options, "--output_dir", str(output_dir)]
    )


def make_clips(count, seed=0):
    rng = np.random.default_rng(seed)
    rates = rng.choice([8000, 16000, 22050, 24000, 44100, 48000, 96000], count)
    return {
        f"utt{i}": (
            (0.1 * rng.standard_normal(int(fs * rng.uniform(0.1, 2)))).astype("f4"),
            int(fs),
        )
        for i, fs in enumerate(rates)
    }


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    """A random model, saved and loaded as a trained one."""
    directory = tmp_path_factory.mktemp("exp")
    torch.manual_seed(0)
    args = parse(output_dir=directory)
    model = MosTask.build_model(args)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    torch.save(model.state_dict(), directory / "model.pth")
    MosTask.main(
        cmd=[*TINY, "--output_dir", str(directory), "--dry_run", "true", "--ngpu", "0"]
        + ["--train_data_path_and_name_and_type", "x,speech,sound"]
        + ["--valid_data_path_and_name_and_type", "x,speech,sound"]
        + ["--train_shape_file", "x", "--valid_shape_file", "x"]
    )
    predictor = MosPredictor(directory / "model.pth")
    predictor.directory = directory
    return predictor


def test_published_parameter_count():
    """1,570,402 trainable parameters without the SSL model: arXiv 2602.14785."""
    ssl = Conv1dEncoder(input_size=1920, num_frames=499)
    spectrogram = Conv2dEncoder(input_size=161, num_frames=3001)
    assert (ssl.output_size(), spectrogram.output_size()) == (576, 64)
    head = GaussianHead(ssl.output_size() + spectrogram.output_size())
    modules = torch.nn.ModuleList((ssl, spectrogram, head))
    assert sum(p.numel() for p in modules.parameters()) == 1_570_402


@pytest.mark.parametrize("branches", [("ssl",), ("spectrogram",), BOTH])
def test_either_branch_can_be_left_out(branches):
    options = []
    for branch in BOTH:
        if branch not in branches:
            options += [f"--{branch}_frontend", "none", f"--{branch}_encoder", "none"]
    args = parse(*options)
    model = MosTask.build_model(args)
    assert [getattr(model, f"{b}_encoder") is not None for b in BOTH] == [
        b in branches for b in BOTH
    ]
    args.train_data_path_and_name_and_type = []
    data = MosTask.build_preprocess_fn(args, train=True)(
        "utt", dict(speech=np.ones(16000, "f4"), fs=np.array([16000]))
    )
    rate = dict(ssl="speech_16k", spectrogram="speech_48k")
    assert set(data) == {rate[b] for b in branches}
    batch = {name: torch.from_numpy(x)[None] for name, x in data.items()}
    batch.update({f"{n}_lengths": torch.tensor([x.shape[1]]) for n, x in batch.items()})
    output = model(mos=torch.tensor([[3.0]]), **batch)
    output["loss"].backward()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--ssl_frontend", "none"], "ssl_encoder is conv1d"),
        (
            [
                *("--ssl_frontend", "none", "--ssl_encoder", "none"),
                *("--spectrogram_frontend", "none", "--spectrogram_encoder", "none"),
            ],
            "both branches",
        ),
        (["--preprocessor_conf", "window_seconds=0.1"], "too short"),
    ],
)
def test_a_model_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MosTask.build_model(parse(*options))


def test_any_espnet_frontend_fits_the_ssl_slot():
    options = ["--ssl_frontend", "default", "--ssl_frontend_conf", "{n_mels: 20}"]
    parser = MosTask.get_parser()
    args = parser.parse_args([*TINY[4:], *options, "--output_dir", "unused"])
    model = MosTask.build_model(args)
    assert model.ssl_encoder.layers[0][0].in_channels == 20


def test_random_windows_beside_ssl_features_from_disk_are_refused():
    args = parse("--preprocessor_conf", "random_window=true")
    args.train_data_path_and_name_and_type = [("feats.scp", "ssl_feats", "npy")]
    with pytest.raises(ValueError, match="random_window"):
        MosTask.build_preprocess_fn(args, train=True)
    MosTask.build_preprocess_fn(args, train=False)


def score_together(predictor, clips):
    data = [
        (utt, predictor.preprocess(utt, dict(speech=x, fs=np.array([fs]))))
        for utt, (x, fs) in clips.items()
    ]
    utts, batch = predictor.collate(data)
    return dict(
        zip(utts, zip(*predictor.predict_batch(batch), strict=True), strict=True)
    )


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1000), count=st.integers(2, 6))
def test_a_score_depends_on_the_clip_alone(predictor, seed, count):
    clips = make_clips(count, seed)
    together = score_together(predictor, clips)
    for utt, (samples, fs) in clips.items():
        np.testing.assert_allclose(together[utt], predictor(samples, fs), atol=1e-5)


def test_scores_do_not_depend_on_workers_or_batches(predictor, tmp_path):
    clips = make_clips(7)
    for name, line in (("wav.scp", "{utt} {path}"), ("utt2fs", "{utt} {fs}")):
        with (tmp_path / name).open("w") as f:
            for utt, (samples, fs) in clips.items():
                path = tmp_path / f"{utt}.wav"
                soundfile.write(path, samples, fs, subtype="FLOAT")
                f.write(line.format(utt=utt, path=path, fs=fs) + "\n")
    runs = []
    for workers, batch_size in ((0, 1), (2, 3), (1, 7)):
        output = tmp_path / f"out{workers}"
        mos_inference.main(
            [
                *("--model_file", str(predictor.directory / "model.pth")),
                *("--num_workers", str(workers), "--batch_size", str(batch_size)),
                *("--output_dir", str(output)),
                "--data_path_and_name_and_type",
                f"{tmp_path / 'wav.scp'},speech,sound",
                "--data_path_and_name_and_type",
                f"{tmp_path / 'utt2fs'},fs,text_int",
            ]
        )
        table = {}
        for name in ("mos", "mos_std"):
            for text in (output / name).read_text().splitlines():
                utt, value = text.split()
                table[utt, name] = float(value)
        runs.append(table)
    assert len(runs[0]) == 2 * len(clips)
    for utt, (samples, fs) in clips.items():
        assert runs[0][utt, "mos"] == pytest.approx(
            predictor(samples, fs).mean, abs=1e-5
        )
    for run in runs[1:]:
        assert run == pytest.approx(runs[0], abs=1e-5)


def test_command_scores_files_and_reports_the_bad_one(predictor, tmp_path, capsys):
    samples, fs = make_clips(1)["utt0"]
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    soundfile.write(good, samples, fs, subtype="FLOAT")
    bad.write_text("not audio")
    model = str(predictor.directory / "model.pth")
    with pytest.raises(SystemExit) as status:
        samos.main(["score", "--model", model, str(bad), str(good)])
    assert status.value.code == 1
    captured = capsys.readouterr()
    mean, std, path = captured.out.splitlines()[-1].split("\t")
    expected = predictor(samples, fs)
    assert path == str(good)
    assert float(mean) == pytest.approx(expected.mean, abs=1e-3)
    assert float(std) == pytest.approx(expected.std, abs=1e-3)
    assert "bad.wav" in captured.err and "1 of 2 files" in captured.err


def test_ssl_features_from_disk_give_the_same_score(predictor):
    data = predictor.preprocess(
        "utt", dict(speech=make_clips(1)["utt0"][0], fs=np.array([16000]))
    )
    _, batch = predictor.collate([("utt", data)])
    feats = predictor.model.collect_feats(**batch)["ssl_feats"]
    expected = predictor.predict_batch(batch)
    del batch["speech_16k"], batch["speech_16k_lengths"]
    np.testing.assert_array_equal(
        predictor.predict_batch(dict(batch, ssl_feats=feats)), expected
    )


def test_a_missing_model_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pth"):
        MosPredictor(tmp_path / "nothing.pth")


def test_learning_rate_decays_by_the_step():
    args = parse(
        *("--scheduler", "exponentialsteplr", "--scheduler_conf", "gamma=0.9999")
    )
    assert isinstance(args, argparse.Namespace)
    from espnet2.schedulers.abs_scheduler import AbsBatchStepScheduler
    from espnet2.tasks.abs_task import scheduler_classes

    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-4)
    scheduler = scheduler_classes[args.scheduler](optimizer, **args.scheduler_conf)
    assert isinstance(scheduler, AbsBatchStepScheduler)
    for _ in range(100):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4 * 0.9999**100)
