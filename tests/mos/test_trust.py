"""Models from elsewhere: nothing that comes with them is run, on any route."""

import argparse
import os
import shutil
import zipfile

import pytest
import torch
import yaml

from espnet_samos import MosPredictor
from espnet_samos.bin.samos import main as samos
from espnet_samos.frontend.ssl_layer import SslLayerFrontend
from espnet_samos.frontend.upstreams.s3prl import (
    FAMILIES,
    SIGNAL_UPSTREAMS,
    parse_convolutions,
)
from espnet_samos.model_zoo.find import CONFIG, MODEL_FILE, find_model
from espnet_samos.model_zoo.weights import WeightsError, read_weights
from espnet_samos.train.checkpoint import CHECKPOINT
from tests.tiny_model import save_model, speechlike
from tests.train.small import Training, make_data


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, proof):
        self.proof = str(proof)

    def __reduce__(self):
        return (os.system, (f"touch '{self.proof}'",))


@pytest.fixture
def proof(tmp_path):
    """A file that is there if something was run."""
    path = tmp_path / "PWNED"
    yield path
    assert not path.exists()


@pytest.fixture
def hostile(tmp_path, proof):
    """A checkpoint that runs a command where it is unpickled."""
    path = tmp_path / "hostile.pt"
    # what S3PRL's families of that kind look for first
    state = {key: Hostile(proof) for key in ("Config", "Settings", "Distiller")}
    torch.save(dict(state, model_cfg={}, cfg={}), path)
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("trust") / "exp")


@pytest.fixture
def model(original, tmp_path):
    """A function that gives a copy of a model with other options of its frontend."""

    def change(**options):
        folder = tmp_path / "model"
        shutil.copytree(original, folder, dirs_exist_ok=True)
        config = yaml.safe_load((folder / CONFIG).read_text())
        config.update(options)
        (folder / CONFIG).write_text(yaml.safe_dump(config))
        return folder

    return change


def packed(folder):
    """Pack a folder as stage 7 does, with all that lies in it."""
    archive = folder.with_suffix(".zip")
    meta = dict(files=dict(model_file=MODEL_FILE), yaml_files=dict(train_config=CONFIG))
    with zipfile.ZipFile(archive, "w") as f:
        for path in folder.rglob("*"):
            f.write(path, path.relative_to(folder))
        f.writestr("meta.yaml", yaml.safe_dump(meta))
    return archive


def ssl_layer(**conf):
    return dict(ssl_frontend="ssl_layer", ssl_frontend_conf=dict(frontend_conf=conf))


UNTRUSTED = {
    "family": ssl_layer(upstream="distiller_local", path_or_url="pretrained/x.pt"),
    "name": ssl_layer(upstream="distilhubert"),
    "no_upstream": ssl_layer(upstream="Path", path_or_url="x"),
    "url": ssl_layer(upstream="wav2vec2_url", path_or_url="http://localhost/x.pt"),
    "extra": ssl_layer(
        upstream="wav2vec2_local",
        path_or_url="pretrained/x.pt",
        extra_conf=dict(legacy=True),
    ),
    "espnet": dict(ssl_frontend="s3prl", ssl_frontend_conf={}),
    "fused": dict(ssl_frontend="fused", ssl_frontend_conf={}),
    "hub": dict(ssl_frontend="huggingface", ssl_frontend_conf={}),
    "espnet_ssl": dict(ssl_frontend="espnet_ssl", ssl_frontend_conf={}),
}


@pytest.mark.parametrize("kind", UNTRUSTED)
def test_what_could_run_code_needs_trust(model, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("espnet_samos.model_zoo.find.CACHE_DIR", tmp_path / "cache")
    folder = model(**UNTRUSTED[kind])
    for source in (folder, folder / MODEL_FILE, packed(folder)):
        with pytest.raises(ValueError, match=r"config.yaml: .* trust=True \(--trust\)"):
            MosPredictor.from_pretrained(source)


@pytest.mark.parametrize(
    "upstream",
    [
        *("distiller_local", "mockingjay_local", "tera_local", "audio_albert_local"),
        *(
            "apc_local",
            "npc_local",
            "vq_apc_local",
            "wav2vec_local",
            "vq_wav2vec_local",
        ),
        *("wav2vec2_local", "hubert_local", "wavlm_local", "data2vec_local"),
        *("unispeech_sat_local", "lighthubert_local", "multires_hubert_local"),
        *("mos_tera_local", "mos_apc_local", "decoar2_local", "discretebert_local"),
    ],
)
def test_no_family_unpickles_more_than_tensors(model, hostile, upstream):
    """With trust, too: that is for code, and a checkpoint needs none."""
    conf = ssl_layer(upstream=upstream, path_or_url=str(hostile))
    with pytest.raises((ValueError, FileNotFoundError, ImportError)):
        MosPredictor.from_pretrained(model(**conf), trust=True)
    with pytest.raises((ValueError, TypeError, KeyError, ImportError, AttributeError)):
        SslLayerFrontend(frontend_conf=conf["ssl_frontend_conf"]["frontend_conf"])


def test_a_checkpoint_in_the_archive_is_read_as_tensors(model, hostile):
    folder = model(
        **ssl_layer(upstream="wav2vec2_local", path_or_url="pretrained/x.pt")
    )
    (folder / "pretrained").mkdir()
    shutil.copy(hostile, folder / "pretrained/x.pt")
    with pytest.raises(ValueError, match="more than tensors"):
        MosPredictor.from_pretrained(folder)


@pytest.mark.parametrize("name", ["folder", "archive", "import"])
def test_hostile_weights_are_not_run(
    model, hostile, name, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("espnet_samos.model_zoo.find.CACHE_DIR", tmp_path / "cache")
    if name == "import":
        with pytest.raises(SystemExit):
            samos(["import", str(hostile), "--output_dir", str(tmp_path / "out")])
        assert "no part of weights" in capsys.readouterr().err
        with pytest.raises(WeightsError):
            read_weights(hostile)
        return
    folder = model()
    shutil.copy(hostile, folder / MODEL_FILE)
    source = folder if name == "folder" else packed(folder)
    with pytest.raises(ValueError, match="more than tensors"):
        MosPredictor.from_pretrained(source)


def test_hostile_checkpoints_of_a_training_are_not_run(hostile, tmp_path):
    make_data(tmp_path)
    initialised = Training(
        tmp_path, tmp_path / "a", "--max_epoch", "1", "--init_param", str(hostile)
    )
    (tmp_path / "b").mkdir()
    shutil.copy(hostile, tmp_path / "b" / CHECKPOINT)
    shutil.copy(hostile, tmp_path / "b" / "1epoch.pth")
    resumed = Training(tmp_path, tmp_path / "b", "--max_epoch", "1")
    for training in (initialised, resumed):
        status, text = training.finish()
        assert status != 0 and ("hostile.pt" in text or CHECKPOINT in text)
    # a file that nobody knows to be half-written stays
    assert (tmp_path / "b" / CHECKPOINT).read_bytes() == hostile.read_bytes()


def test_a_trusted_model_is_loaded(model, original):
    expected = MosPredictor.from_pretrained(original).predict(
        speechlike(1, 16000), 16000
    )
    assert (
        MosPredictor.from_pretrained(original, trust=True).predict(
            speechlike(1, 16000), 16000
        )
        == expected
    )
    for upstream in SIGNAL_UPSTREAMS:
        conf = ssl_layer(upstream=upstream)
        with pytest.raises(ValueError, match="is not of the model"):
            MosPredictor.from_pretrained(model(**conf))


def test_convolutions_are_parsed_not_evaluated():
    text = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"
    assert parse_convolutions(text, "x") == eval(text)
    for text in (
        *("__import__('os')", "9**9**9", "[(1, 2, 3)] * 10**9", "[(1, 2)]", "", "[]"),
        *("[(1, 2, 3.5)]", "[x]", "(1, 2, 3)", "[(1,2,3)] * -1", "[[[1]]]", None, 3),
        *("(" * 500, "[(1, 2, 3)] * 999"),
    ):
        with pytest.raises(ValueError, match="no list of convolutions"):
            parse_convolutions(text, "x")
    assert set(FAMILIES) == {
        *("data2vec", "hubert", "unispeech_sat", "wav2vec2", "wavlm")
    }


def test_a_mistyped_path_is_not_asked_for_at_a_hub(tmp_path, monkeypatch):
    def download(tag):
        raise ConnectionError(tag)

    monkeypatch.setattr("espnet_samos.model_zoo.find._download", download)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp").mkdir()
    with pytest.raises(FileNotFoundError, match="no model 'exp/mosel'"):
        find_model("exp/mosel")
    with pytest.raises(ConnectionError, match="user/model"):
        find_model("user/model")
    for name in ("user/mo del", "a/b/c", "../x", "user/..", "$(x)/y", "-x/y"):
        with pytest.raises(FileNotFoundError):
            find_model(name)


def test_arguments_of_a_training_are_data(proof, tmp_path):
    """What S3PRL's checkpoints hold beside tensors is loaded, and nothing else."""
    path = tmp_path / "x.pt"
    torch.save(dict(Args=argparse.Namespace(a=1)), path)
    with pytest.raises(KeyError, match="Config"):  # which comes after it is read
        SslLayerFrontend(
            frontend_conf=dict(upstream="distiller_local", path_or_url=str(path))
        )
