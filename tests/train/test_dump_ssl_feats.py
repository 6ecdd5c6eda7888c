"""Compute SSL features once, and train from them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from espnet_samos.audio.preprocessor import MosPreprocessor
from espnet_samos.bin import mos_dump_ssl_feats
from espnet_samos.frontend.frozen import Frozen
from espnet_samos.inference.predictor import MosPredictor
from espnet_samos.inference.torch_engine import collate
from espnet_samos.model_zoo.find import DEFAULT_MODEL
from espnet_samos.mos.slots import ssl_frontend_choices
from espnet_samos.tasks.mos import MosTask
from espnet_samos.train import ssl_feats
from espnet_samos.train.dump_ssl_feats import weights_digest
from espnet_samos.train.ssl_feats import SslFeatsError, SslFeatsReader, join_shards
from tests.frontend.checkpoints import make_checkpoint

SECONDS = 2.0


def make_data(folder, count):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(count):
        fs = (16000, 24000, 48000)[i % 3]
        samples = 0.1 * rng.standard_normal(int(fs * rng.uniform(0.3, 1.5)))
        soundfile.write(folder / f"utt{i}.wav", samples, fs)
        for name, value in (("wav.scp", folder / f"utt{i}.wav"), ("utt2fs", fs)):
            with (folder / name).open("a") as f:
                f.write(f"utt{i} {value}\n")
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssl")
    return make_checkpoint(folder, "wav2vec2_local", pre_norm=True)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Two data directories, of five clips and of three, in shards of two."""
    monkeypatch.setattr(ssl_feats, "SHARD_SIZE", 2)
    return [make_data(tmp_path / "train", 5), make_data(tmp_path / "valid", 3)]


def ssl_options(checkpoint, layer=2, seconds=SECONDS):
    return [
        "--ssl_frontend_conf",
        f"{{frontend_conf: {{upstream: wav2vec2_local, path_or_url: {checkpoint}}}, "
        f"layer: {layer}}}",
        *("--preprocessor_conf", f"window_seconds={seconds}"),
    ]


def dump(data, checkpoint, *options, **settings):
    """Run one job, by default the only one."""
    mos_dump_ssl_feats.main(
        [
            *ssl_options(checkpoint, **settings),
            *("--data_dirs", *map(str, data)),
            *("--output_dirs", *(f"{path}_feats" for path in data)),
            *("--num_workers", "0", "--batch_size", "3", *options),
        ]
    )


def join(data):
    """Verify and open what was dumped."""
    folders = [path.with_name(f"{path.name}_feats") for path in data]
    return [
        SslFeatsReader(str(join_shards(*pair)))
        for pair in zip(data, folders, strict=True)
    ]


class Unbuildable:
    """The slot, with frontends that fail when they are built."""

    add_arguments = staticmethod(ssl_frontend_choices.add_arguments)

    def get_class(self, name):
        return lambda **conf: 1 / 0


def training_args(data, checkpoint, *options, **settings):
    args = MosTask.get_parser().parse_args(
        [
            *ssl_options(checkpoint, **settings),
            *("--ssl_encoder_conf", "{hidden_channels: 8, dropout_rate: 0.0}"),
            *("--spectrogram_frontend", "none", "--spectrogram_encoder", "none"),
            *("--output_dir", "unused", *options),
        ]
    )
    for part, path in zip(("train", "valid"), data, strict=True):
        scp = f"{path}_feats/ssl_feats.scp"
        triples = [(scp, "ssl_feats", "ssl_feats")]
        setattr(args, f"{part}_data_path_and_name_and_type", triples)
    return args


def test_jobs_share_the_shards_and_give_what_the_frontend_gives(data, checkpoint):
    for job in (2, 1):
        dump(data, checkpoint, "--job", str(job), "--num_jobs", "2")
    readers = join(data)
    assert [len(reader) for reader in readers] == [5, 3]
    model = MosTask.build_model(training_args(data, checkpoint)).eval()
    preprocess = MosPreprocessor(False, window_seconds=SECONDS)
    for path, reader in zip(data, readers, strict=True):
        for utt, feats in reader.items():
            speech, fs = soundfile.read(path / f"{utt}.wav", dtype="float32")
            clip = preprocess(utt, dict(speech=speech, fs=np.array([fs])))
            window = torch.from_numpy(clip["speech_16k"])[None]
            expected, _ = model.ssl_frontend(window, torch.tensor([window.shape[1]]))
            np.testing.assert_allclose(feats, expected[0].numpy(), rtol=1e-3, atol=1e-4)


def test_a_second_run_computes_only_what_is_not_whole(data, checkpoint, monkeypatch):
    dump(data, checkpoint)
    first = join(data)
    arks = sorted(data[0].parent.glob("*_feats/*.ark"))
    assert len(arks) == 5
    before = [path.stat().st_mtime_ns for path in arks]
    contents = arks[1].read_bytes()
    arks[1].write_bytes(contents[:-100])
    dump(data, checkpoint)
    after = [path.stat().st_mtime_ns for path in arks]
    assert [a != b for a, b in zip(before, after, strict=True)] == [
        path == arks[1] for path in arks
    ]
    for reader, again in zip(first, join(data), strict=True):
        for utt, feats in reader.items():
            np.testing.assert_allclose(feats, again[utt], rtol=2e-3)
    # where all is whole, the SSL model is not even built
    monkeypatch.setattr(mos_dump_ssl_feats, "ssl_frontend_choices", Unbuildable())
    dump(data, checkpoint)
    with pytest.raises(ZeroDivisionError):
        arks[1].unlink()
        dump(data, checkpoint)


@pytest.mark.parametrize("changed", [dict(layer=1), dict(seconds=1.5)])
def test_another_layer_or_window_is_refused(data, checkpoint, changed, capsys):
    dump(data, checkpoint)
    with pytest.raises(SystemExit, match="holds features of another SSL model, layer"):
        dump(data, checkpoint, **changed)
    args = training_args(data, checkpoint, **changed)
    with pytest.raises(SslFeatsError, match="is (1|1.5)[,)].*run stage 3 again"):
        MosTask.build_optimizers(args, MosTask.build_model(args))


def test_other_weights_are_refused(data, tmp_path):
    path = make_checkpoint(tmp_path, "wav2vec2_local", pre_norm=True)
    dump(data, path)
    args = training_args(data, path)
    MosTask.build_optimizers(args, MosTask.build_model(args))
    state = torch.load(path)
    state["model_weight"]["encoder.layers.0.fc1.bias"] += 1e-6
    torch.save(state, path)
    args = training_args(data, path)
    with pytest.raises(SslFeatsError, match="weights was"):
        MosTask.build_optimizers(args, MosTask.build_model(args))
    # no features of both models in one folder
    (tmp_path / "train_feats/ssl_feats.2.json").unlink()
    with pytest.raises(SystemExit, match="weights was"):
        dump(data, path)


def test_a_digest_is_of_the_weights_alone():
    def digest(seed, precision=torch.float32):
        torch.manual_seed(seed)
        frozen = Frozen(torch.nn.Linear(2, 3))
        return weights_digest(torch.nn.Sequential(frozen).to(precision))

    assert digest(0) == digest(0, torch.float64) != digest(1)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--preprocessor_conf", "random_window=true"], "random_window"),
        (["--ssl_frontend", "none"], "ssl_frontend is none"),
    ],
)
def test_what_cannot_be_computed_once_is_refused(
    data, checkpoint, options, message, capsys
):
    with pytest.raises(SystemExit) as e:
        dump(data, checkpoint, *options)
    assert message in f"{e.value}{capsys.readouterr().err}"


def test_what_float16_cannot_hold_is_refused(data, checkpoint):
    path = checkpoint.replace(".pt", "_large.pt")
    state = torch.load(checkpoint)
    state["model_weight"]["encoder.layers.0.fc2.bias"] += 7e4
    torch.save(state, path)
    with pytest.raises(SystemExit, match="utt0: .* float16.*--dump_ssl_feats false"):
        dump(data, path)
    assert not list(data[0].parent.glob("*_feats/*.json"))


def test_training_from_disk_is_training_on_the_fly(data, checkpoint):
    dump(data, checkpoint)
    reader, _ = join(data)
    args = training_args(data, checkpoint)
    preprocess = MosTask.build_preprocess_fn(args, train=True)
    collate = MosTask.build_collate_fn(args, train=True)
    runs = []
    for from_disk in (False, True):
        torch.manual_seed(0)
        model = MosTask.build_model(args).train()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.005)
        clips = []
        for i, utt in enumerate(reader):
            speech, fs = soundfile.read(data[0] / f"{utt}.wav", dtype="float32")
            clip = dict(speech=speech, fs=np.array([fs]), mos=np.array([1.0 + i], "f4"))
            if from_disk:
                clip["ssl_feats"] = reader[utt]
            clips.append((utt, preprocess(utt, clip)))
        _, batch = collate(clips)
        assert ("ssl_feats" in batch) == from_disk == ("speech_16k" not in batch)
        losses = []
        for _ in range(20):
            loss = model(**batch)["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        runs.append(losses)
    assert runs[0][-1] < runs[0][0] - 0.1
    np.testing.assert_allclose(*runs, rtol=0.01)


@torch.no_grad()
def test_float16_changes_no_score_by_a_hundredth():
    """With the packaged model and its SSL model."""
    predictor = MosPredictor.from_pretrained(DEFAULT_MODEL)
    clips = []
    for path in sorted((Path(__file__).parents[1] / "data").glob("*.flac")):
        speech, fs = soundfile.read(path, dtype="float32")
        clip = dict(speech=speech, fs=np.array([fs]))
        clips.append(predictor.preprocess(path.stem, clip))
    batch = collate(clips)
    feats, _ = predictor.model.ssl_frontend(
        batch["speech_16k"], batch["speech_16k_lengths"]
    )
    exact, _ = predictor.torch_engine.predict_batch(dict(batch))
    rounded, _ = predictor.torch_engine.predict_batch(
        dict(batch, ssl_feats=feats.half().float())
    )
    change = np.abs(np.asarray(exact) - np.asarray(rounded))
    assert 0 < change.max() < 0.01
