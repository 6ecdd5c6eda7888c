import argparse
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from espnet2.layers.create_adapter import create_adapter
from espnet2.schedulers.abs_scheduler import AbsBatchStepScheduler
from espnet2.tasks.abs_task import scheduler_classes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet_samos.bin import mos_inference
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.inference.torch_engine import collate
from espnet_samos.mos.build import load_model
from espnet_samos.mos.conv1d_encoder import Conv1dEncoder
from espnet_samos.mos.conv2d_encoder import Conv2dEncoder
from espnet_samos.mos.gaussian_head import GaussianHead
from espnet_samos.tasks.mos import MosTask
from espnet_samos.utils.config import merge_files
from tests.frontend.checkpoints import make_checkpoint
from tests.tiny_model import save_model

CONF = Path(__file__).parents[2] / "conf"
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
        + ["--train_data_path_and_name_and_type", "x,speech,clip"]
        + ["--valid_data_path_and_name_and_type", "x,speech,clip"]
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


def test_statistics_need_no_encoders():
    """What stage 3 of the recipe reads of a configuration has none."""
    args = parse("--ssl_frontend", "none")
    preprocess = MosTask.build_preprocess_fn(args, train=False)
    assert list(preprocess.rates()) == ["speech_48k"]


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


ALIGNED = ("--head_conf", "corpora=[a, b]")


def test_corpora_are_numbered_as_the_head_has_them():
    args = parse(*ALIGNED)
    args.train_data_path_and_name_and_type = []
    clip = dict(speech=np.ones(16000, "f4"), fs=np.array([16000]))
    preprocess = MosTask.build_preprocess_fn(args, train=True)
    assert preprocess("utt", dict(clip, corpus="a"))["corpus"].tolist() == [0]
    assert preprocess("utt", dict(clip, corpus="b"))["corpus"].tolist() == [1]
    assert "corpus" not in preprocess("utt", clip)
    with pytest.raises(ValueError, match="utt is of the corpus c, .*there are: a, b"):
        preprocess("utt", dict(clip, corpus="c"))
    # a head of one scale has no use for them
    args = parse()
    args.train_data_path_and_name_and_type = []
    preprocess = MosTask.build_preprocess_fn(args, train=True)
    assert "corpus" not in preprocess("utt", dict(clip, corpus="c"))


@torch.no_grad()
def test_aligned_model_validates_on_each_corpus_scale_and_predicts_on_the_first():
    torch.manual_seed(0)
    model = MosTask.build_model(parse(*ALIGNED)).eval()
    for parameter in model.head.alignment.parameters():
        parameter.fill_(0.05)
    batch = dict(
        speech_16k=torch.randn(3, 16000),
        speech_16k_lengths=torch.tensor([16000] * 3),
        speech_48k=torch.randn(3, 48000),
        speech_48k_lengths=torch.tensor([48000] * 3),
    )
    mean, variance = model.predict(**batch)
    mos = torch.tensor([[2.0], [3.0], [4.0]])
    output = model(mos=mos, corpus=torch.tensor([[0], [1], [0]]), **batch)
    scale, offset = (output["stats"][f"{n}_b"].item() for n in ("scale", "offset"))
    expected = torch.stack((mean[0], scale * mean[1] + offset, mean[2]))
    torch.testing.assert_close(output["mean"], expected)
    scales = torch.tensor([1, scale, 1])
    torch.testing.assert_close(
        output["loss"].squeeze(),
        torch.nn.functional.gaussian_nll_loss(
            expected, mos.flatten(), scales**2 * variance
        ),
    )


def test_aligned_weights_go_into_a_head_with_these_corpora_only():
    weights = MosTask.build_model(parse(*ALIGNED)).state_dict()
    more = MosTask.build_model(parse(*ALIGNED[:1], "corpora=[a, b, c]"))
    # as ESPnet's --init_param does it: new corpora keep their initial values
    more.load_state_dict({**more.state_dict(), **weights})
    for options in ((), (*ALIGNED[:1], "corpora=[a, c]")):
        model = MosTask.build_model(parse(*options))
        with pytest.raises(ValueError, match=r"\(b.log_scale, b.shift\): name them"):
            model.load_state_dict({**model.state_dict(), **weights})


@pytest.fixture(scope="module")
def ssl_checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssl")
    return make_checkpoint(folder, "wav2vec2_local", pre_norm=True)


def ssl_options(path, freeze):
    return [
        "--ssl_frontend_conf",
        f"{{frontend_conf: {{upstream: wav2vec2_local, path_or_url: {path}}}, "
        f"freeze: {freeze}}}",
        *("--preprocessor_conf", "window_seconds=2.0"),
    ]


def test_ssl_learning_rate_is_the_factor_times_that_of_the_rest(ssl_checkpoint):
    overlay = merge_files([str(CONF / "tuning/finetune_ssl.yaml")])
    assert overlay == dict(ssl_frontend_conf=dict(freeze=False), ssl_lr_factor=0.1)
    args = parse(
        *ssl_options(ssl_checkpoint, "false"),
        *("--ssl_lr_factor", "0.1", "--optim", "sgd", "--optim_conf", "lr=0.5"),
    )
    args.train_data_path_and_name_and_type = []
    torch.manual_seed(0)
    model = MosTask.build_model(args)
    (optimizer,) = MosTask.build_optimizers(args, model)
    scheduler = scheduler_classes["exponentialsteplr"](optimizer, gamma=0.8)
    for lr in (0.5, 0.4):
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        output = model(
            mos=torch.tensor([[2.0], [4.0]]),
            speech_16k=torch.randn(2, 32000),
            speech_16k_lengths=torch.tensor([32000] * 2),
            speech_48k=torch.randn(2, 96000),
            speech_48k_lengths=torch.tensor([96000] * 2),
        )
        optimizer.zero_grad()
        output["loss"].backward()
        optimizer.step()
        scheduler.step()
        moved = {"ssl": 0, "rest": 0}
        for name, parameter in model.named_parameters():
            if parameter.grad is None:
                continue
            is_ssl = name.startswith("ssl_frontend.")
            step = lr * (0.1 if is_ssl else 1) * parameter.grad
            torch.testing.assert_close(
                before[name] - parameter.detach(), step, rtol=1e-4, atol=1e-6
            )
            moved["ssl" if is_ssl else "rest"] += step.abs().sum().item()
        assert min(moved.values()) > 1e-3
    # what a resumed training loads
    (again,) = MosTask.build_optimizers(args, model)
    again.load_state_dict(optimizer.state_dict())
    assert [g["lr"] for g in again.param_groups] == pytest.approx([0.32, 0.032])


def test_ssl_learning_rate_goes_with_espnets_exclusions_from_weight_decay(
    ssl_checkpoint,
):
    args = parse(
        *ssl_options(ssl_checkpoint, "false"),
        *("--ssl_lr_factor", "0.5", "--exclude_weight_decay", "true"),
        *("--optim", "adamw", "--optim_conf", "{lr: 0.1, weight_decay: 0.2}"),
    )
    args.train_data_path_and_name_and_type = []
    model = MosTask.build_model(args)
    (optimizer,) = MosTask.build_optimizers(args, model)
    lr = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            expected = 0.05 if name.startswith("ssl_frontend.") else 0.1
            assert lr[id(parameter)] == pytest.approx(expected), name


def test_wrong_settings_of_ssl_training_are_refused(ssl_checkpoint):
    for freeze, feats, factor, message in (
        ("true", [], "0.1", "no weight of the SSL frontend is trained"),
        ("false", ["ssl_feats"], "1.0", "--dump_ssl_feats false"),
    ):
        options = ssl_options(ssl_checkpoint, freeze)
        args = parse(*options, "--ssl_lr_factor", factor)
        args.train_data_path_and_name_and_type = [("x", name, "npy") for name in feats]
        model = MosTask.build_model(args)
        with pytest.raises(ValueError, match=message):
            MosTask.build_optimizers(args, model)
    args = parse("--ssl_frontend", "none", "--ssl_encoder", "none")
    args.ssl_lr_factor = 0.1
    args.train_data_path_and_name_and_type = []
    with pytest.raises(ValueError, match="no weight of the SSL frontend"):
        MosTask.build_optimizers(args, MosTask.build_model(args))


@pytest.mark.parametrize("name", ["mini", "paper"])
def test_balanced_batches_have_the_size_of_others(name):
    """ESPnet's catpow sampler has its own option for the size of a batch."""
    parts = (f"{name}/train", "tuning/balanced")
    files = [str(CONF / f"{part}.yaml") for part in parts]
    config = merge_files(files)
    assert config["max_batch_size"] == config["batch_size"]
    assert (config["valid_iterator_type"], config["valid_batch_type"]) == (
        "sequence",
        "unsorted",
    )


def score_together(predictor, clips):
    batch = collate(
        [
            predictor.preprocess(utt, dict(speech=x, fs=np.array([fs])))
            for utt, (x, fs) in clips.items()
        ]
    )
    moments = predictor.torch_engine.predict_batch(batch)
    # (Batch, 1) each -> (Batch, 2)
    return dict(zip(clips, np.concatenate(moments, axis=1), strict=True))


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
        first = next(predictor.predict_windows(samples, fs))
        np.testing.assert_allclose(together[utt], (first.mean, first.std), atol=1e-5)


def test_scores_do_not_depend_on_workers_or_batches(predictor, tmp_path):
    clips = make_clips(7)
    with (tmp_path / "wav.scp").open("w") as f:
        for utt, (samples, fs) in clips.items():
            path = tmp_path / f"{utt}.wav"
            soundfile.write(path, samples, fs, subtype="FLOAT")
            f.write(f"{utt} {path}\n")
    runs = []
    for workers, batch_size in ((0, 1), (2, 3), (1, 7)):
        output = tmp_path / f"out{workers}"
        mos_inference.main(
            [
                *("--model_file", str(predictor.directory / "model.pth")),
                *("--num_workers", str(workers), "--batch_size", str(batch_size)),
                *("--output_dir", str(output)),
                *("--wav_scp", str(tmp_path / "wav.scp")),
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
        result = predictor.predict(samples, fs)
        assert runs[0][utt, "mos"] == pytest.approx(result.mean, abs=1e-5)
        assert runs[0][utt, "mos_std"] == pytest.approx(result.std, abs=1e-5)
    for run in runs[1:]:
        assert run == pytest.approx(runs[0], abs=1e-5)


def test_ssl_features_from_disk_give_the_same_score(predictor):
    data = predictor.preprocess(
        "utt", dict(speech=make_clips(1)["utt0"][0], fs=np.array([16000]))
    )
    batch = collate([data])
    feats, _ = predictor.model.ssl_frontend(
        batch["speech_16k"], batch["speech_16k_lengths"]
    )
    expected = predictor.torch_engine.predict_batch(batch)
    del batch["speech_16k"], batch["speech_16k_lengths"]
    np.testing.assert_array_equal(
        predictor.torch_engine.predict_batch(dict(batch, ssl_feats=feats)), expected
    )


def test_a_missing_model_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.pth"):
        MosPredictor(tmp_path / "nothing.pth")


def test_learning_rate_decays_by_the_step():
    args = parse(
        *("--scheduler", "exponentialsteplr", "--scheduler_conf", "gamma=0.9999")
    )
    assert isinstance(args, argparse.Namespace)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=1e-4)
    scheduler = scheduler_classes[args.scheduler](optimizer, **args.scheduler_conf)
    assert isinstance(scheduler, AbsBatchStepScheduler)
    for _ in range(100):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4 * 0.9999**100)


def test_init_leaves_a_trained_ssl_model_as_it_was_trained(tmp_path):
    path = make_checkpoint(tmp_path, "wav2vec2_local", pre_norm=True)
    options = (
        *("--preprocessor_conf", "window_seconds=2.0"),
        *("--ssl_frontend_conf", "frontend_conf.upstream=wav2vec2_local"),
        *("--ssl_frontend_conf", f"frontend_conf.path_or_url={path}"),
        *("--ssl_frontend_conf", "freeze=false"),
    )
    plain = MosTask.build_model(parse(*options)).ssl_frontend.state_dict()
    model = MosTask.build_model(parse(*options, "--init", "xavier_uniform"))
    for name, weight in model.ssl_frontend.state_dict().items():
        torch.testing.assert_close(weight, plain[name], rtol=0, atol=0)


def test_the_labels_own_error_can_be_part_of_the_loss():
    torch.manual_seed(0)
    batch = dict(
        speech_16k=torch.randn(3, 16000),
        speech_16k_lengths=torch.tensor([16000] * 3),
        speech_48k=torch.randn(3, 48000),
        speech_48k_lengths=torch.tensor([48000] * 3),
    )
    mos = torch.tensor([[2.0], [3.0], [4.0]])
    ratings = dict(
        mos_std=torch.tensor([[0.5], [1.0], [0.0]]), votes=torch.tensor([[4], [9], [2]])
    )
    model = MosTask.build_model(parse("--model_conf", "label_error=true")).eval()
    mean, variance = model.predict(**batch)
    spread = variance + torch.tensor([0.5**2 / 4, 1.0 / 9, 0.0])
    expected = torch.nn.functional.gaussian_nll_loss(mean, mos.flatten(), spread)
    loss = model(mos=mos, **ratings, **batch)["loss"]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    model.label_error = False
    without = model(mos=mos, **ratings, **batch)["loss"]
    assert abs(without - loss) > 1e-3
    model.label_error = True
    with pytest.raises(ValueError, match="label_error is true, .* utt2votes"):
        model(mos=mos, **batch)


def test_adapters_may_come_without_what_is_not_trained(tmp_path):
    folder = save_model(tmp_path / "exp")
    config, weights = folder / "config.yaml", folder / "valid.lcc.best.pth"
    model, args = load_model(config, weights)
    conf = dict(target_modules=["mean_mlp.0", "mean_mlp.2"], rank=2)
    create_adapter(model, "lora", conf)
    options = dict(vars(args), use_adapter=True, adapter="lora", adapter_conf=conf)
    config.write_text(yaml.safe_dump(options))
    states = model.state_dict()

    def without(prefix):
        return {name: x for name, x in states.items() if not name.startswith(prefix)}

    # a training resumes: ESPnet has left frozen weights out
    with pytest.raises(RuntimeError, match="missing: ssl_encoder.*--save_strategy"):
        model.load_state_dict(without("ssl_encoder."), strict=False)
    model.ssl_encoder.requires_grad_(False)
    model.load_state_dict(without("ssl_encoder."), strict=False)
    with pytest.raises(RuntimeError, match="unexpected: other"):
        model.load_state_dict(dict(states, other=torch.zeros(1)), strict=False)
    # a model is used: the SSL model's weights are in its own checkpoint
    for saved in (states, without("ssl_frontend.")):
        torch.save(saved, weights)
        loaded, _ = load_model(config, weights)
        for name, value in loaded.state_dict().items():
            torch.testing.assert_close(value, states[name])
    torch.save(without("ssl_encoder."), weights)
    with pytest.raises(ValueError, match="missing: ssl_encoder"):
        load_model(config, weights)
