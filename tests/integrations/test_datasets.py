import io
import warnings
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from datasets import Audio, Dataset, Features, Value, load_dataset

from espnet_samos import MosPredictor
from espnet_samos.audio.reading import AudioError
from espnet_samos.inference.clips import open_source
from espnet_samos.integrations.datasets import ScoreAudio, decode
from tests.tiny_model import save_model, speechlike

RATES = (16000, 48000, 24000, 44100)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return MosPredictor.from_pretrained(save_model(tmp_path_factory.mktemp("exp")))


@pytest.fixture(scope="module")
def clips():
    return [
        (speechlike(0.4 + i, fs, i) * np.float32((i + 1) / 4), fs)
        for i, fs in enumerate(RATES)
    ]


@pytest.fixture(scope="module")
def expected(predictor, clips):
    means = [predictor.predict(samples, fs).mean for samples, fs in clips]
    assert np.ptp(means) > 1e-3
    return pytest.approx(means, abs=1e-5)


def as_bytes(samples, fs):
    file = io.BytesIO()
    soundfile.write(file, samples, fs, subtype="FLOAT", format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def dataset(clips):
    """A column of Audio with the bytes of files, as on the hub."""
    rows = [{"path": f"{i}.wav", "bytes": as_bytes(*c)} for i, c in enumerate(clips)]
    storage = {"bytes": Value("binary"), "path": Value("string")}
    dataset = Dataset.from_dict({"audio": rows}, Features({"audio": storage}))
    return dataset.cast_column("audio", Audio(decode=False))


@pytest.fixture
def folder(clips, tmp_path):
    for i, (samples, fs) in enumerate(clips):
        soundfile.write(tmp_path / f"{i}.wav", samples, fs, subtype="FLOAT")
    return tmp_path


@pytest.mark.parametrize("batched", [True, False])
def test_a_dataset_gets_columns(predictor, dataset, clips, expected, batched):
    scored = dataset.map(ScoreAudio(predictor), batched=batched, batch_size=3)
    assert list(scored["mos"]) == expected
    assert set(scored["mos_error"]) == {""}
    for i, (samples, fs) in enumerate(clips):
        result = predictor.predict(samples, fs)
        assert scored[i]["mos_std"] == pytest.approx(result.std, abs=1e-5)
        assert scored[i]["mos_bandwidth"] == result.bandwidth
    assert scored[0]["audio"] == dataset[0]["audio"]


@pytest.mark.parametrize("batched", [True, False])
def test_a_streaming_dataset_gets_columns(predictor, dataset, expected, batched):
    stream = dataset.to_iterable_dataset().map(
        ScoreAudio(predictor), batched=batched, batch_size=3
    )
    assert [row["mos"] for row in stream] == expected


def test_parquet_files_are_streamed(predictor, dataset, expected, tmp_path):
    dataset.cast_column("audio", Audio()).to_parquet(tmp_path / "clips.parquet")
    stream = load_dataset(
        "parquet",
        data_files=str(tmp_path / "clips.parquet"),
        split="train",
        streaming=True,
        cache_dir=str(tmp_path / "cache"),
    )
    assert stream.features == {"audio": Audio()}
    stream = stream.cast_column("audio", Audio(decode=False))
    stream = stream.map(ScoreAudio(predictor), batched=True, batch_size=2)
    assert [row["mos"] for row in stream] == expected


def test_a_column_of_names_of_files(predictor, folder, expected):
    names = sorted(map(str, folder.glob("*.wav")))
    scored = Dataset.from_dict({"file": names}).map(
        ScoreAudio(predictor, column="file"), batched=True
    )
    assert list(scored["mos"]) == expected


def test_one_bad_clip_leaves_the_others(predictor, dataset, expected):
    rows = [*dataset["audio"][:2], {"bytes": b"no audio", "path": "x.wav"}]
    rows += [{"bytes": None, "path": "missing.wav"}, {"bytes": None, "path": None}]
    rows += dataset["audio"][2:]
    scored = ScoreAudio(predictor)({"audio": rows})
    good = [0, 1, 5, 6]
    assert [scored["mos"][i] for i in good] == expected
    assert np.isnan(scored["mos"][2:5]).all()
    for error, part in zip(
        scored["mos_error"],
        ("", "", "x.wav", "no such file: missing.wav", "neither array", "", ""),
        strict=True,
    ):
        assert part in error and bool(part) == bool(error)


def test_the_function_is_hashed_so_that_results_are_cached(predictor, dataset):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (
            dataset.map(ScoreAudio(predictor), batched=True) for _ in range(2)
        )
    assert first._fingerprint == second._fingerprint


def test_forms_of_audio_are_decoded_to_the_same_samples(clips, folder):
    samples, fs = clips[3]
    forms = [
        {"array": samples, "sampling_rate": fs, "path": None},
        {"array": samples.astype(np.float64).tolist(), "sampling_rate": fs},
        {"bytes": as_bytes(samples, fs), "path": None},
        {"bytes": None, "path": str(folder / "3.wav")},
        str(folder / "3.wav"),
        {"bytes": None, "path": f"file://{folder}/3.wav"},
    ]
    for form in forms:
        blocks = open_source(partial(decode, form), "error", "clip")
        assert blocks.fs == fs
        np.testing.assert_array_equal(np.concatenate(list(blocks)), samples)
    with pytest.raises(AudioError, match="FileNotFoundError"):
        decode({"bytes": None, "path": f"file://{folder}/none.wav"})
    with pytest.raises(AudioError, match="no audio, but int"):
        decode(3)


def test_torchcodecs_decoder_keeps_channels(predictor):
    """Only its interface: torchcodec needs FFmpeg's libraries."""
    channels = torch.from_numpy(np.stack([speechlike(0.5, 16000, i) for i in (0, 1)]))

    class Decoder:
        def get_all_samples(self):
            return SimpleNamespace(data=channels, sample_rate=16000)

    scored = ScoreAudio(predictor)({"audio": Decoder()})
    expected = predictor.predict(channels.T, 16000)
    assert scored["mos"] == pytest.approx(expected.mean, abs=1e-6)
    assert expected.warnings["channels"].startswith("mean of 2 channels")


@pytest.mark.parametrize("form", ["numpy", "pandas", "arrow", "torch"])
def test_a_formatted_dataset_gets_columns(predictor, clips, expected, form):
    rows = [dict(array=x.tolist(), sampling_rate=fs) for x, fs in clips]
    dataset = Dataset.from_dict({"audio": rows}).with_format(form)
    scored = dataset.map(ScoreAudio(predictor), batched=True, batch_size=3)
    assert list(scored.with_format(None)["mos"]) == expected
