import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet_samos import MosPredictor, mos_score
from espnet_samos.audio.reading import AudioError
from espnet_samos.inference.torch_engine import collate
from tests.tiny_model import save_model, speechlike


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return MosPredictor.from_pretrained(save_model(tmp_path_factory.mktemp("exp")))


@pytest.fixture
def files(tmp_path):
    """Files of several rates, from shorter than a window to much longer."""
    paths = []
    for i, (seconds, fs) in enumerate(
        [(0.3, 16000), (3.7, 44100), (1.0, 48000), (2.05, 8000), (0.9, 24000)]
    ):
        paths.append(tmp_path / f"{i}.wav")
        soundfile.write(paths[-1], speechlike(seconds, fs, i), fs, subtype="FLOAT")
    return paths


def test_a_short_clip_has_the_recipes_score(predictor):
    for seconds in (0.3, 1.0):
        clip = speechlike(seconds, 22050)
        data = predictor.preprocess("x", dict(speech=clip, fs=np.array([22050])))
        mean, std = predictor.torch_engine.predict_batch(collate([data]))
        result = predictor.predict(clip, 22050)
        expected = (mean.item(), std.item())
        assert (result.mean, result.std) == pytest.approx(expected, abs=1e-6)
        assert result.num_windows == 1
        low, high = result.interval
        assert (low + high) / 2 == pytest.approx(result.mean)
        assert high - low == pytest.approx(2 * 1.959964 * result.std)


def test_a_long_clip_has_the_mixture_of_its_windows(predictor):
    clip = speechlike(3.7, 44100)
    windows = list(predictor.predict_windows(clip, 44100, hop_seconds=1.0))
    assert [window.start for window in windows] == pytest.approx([0, 1, 2, 2.7])
    result = predictor.predict(clip, 44100)
    # a window at a random moment; the last two share 0.3 s
    times = np.array([1, 1, 0.85, 0.85]) * [window.sound for window in windows]
    rng = np.random.default_rng(0)
    draws = np.concatenate(
        [
            rng.normal(window.mean, window.std, round(time * 100_000))
            for window, time in zip(windows, times, strict=True)
        ]
    )
    assert result.mean == pytest.approx(np.mean(draws), abs=0.01)
    assert result.std == pytest.approx(np.std(draws), abs=0.01)
    assert result.num_windows == 4
    assert np.ptp([window.mean for window in windows]) > 1e-3


def test_scores_over_time_overlap_by_half(predictor):
    windows = predictor.predict_windows(speechlike(2.2, 44100), 44100)
    assert [w.start for w in windows] == pytest.approx([0, 0.5, 1.0, 1.2])


def test_scores_do_not_depend_on_batches_workers_or_order(predictor, files):
    alone = {}
    for path in files:
        samples, fs = soundfile.read(path, dtype="float32")
        alone[str(path)] = predictor.predict(samples, fs)
    for batch_size, num_workers, paths in (
        (1, 0, files),
        (3, 2, files[::-1]),
        (64, 4, files),
    ):
        results = list(
            predictor.predict_files(
                paths, batch_size=batch_size, num_workers=num_workers
            )
        )
        assert [result.name for result in results] == [str(path) for path in paths]
        for result in results:
            expected = alone[result.name]
            assert result.mean == pytest.approx(expected.mean, abs=1e-5)
            assert result.std == pytest.approx(expected.std, abs=1e-5)
            assert result.num_windows == expected.num_windows
            assert result.warnings == expected.warnings


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(fs=st.sampled_from([8000, 11025, 44100, 96000]), seconds=st.floats(1.01, 3))
def test_a_window_is_scored_as_that_part_of_the_resampled_clip(predictor, fs, seconds):
    import soxr

    clip = speechlike(seconds, fs)
    whole = {
        name: soxr.resample(clip, fs, rate, quality="HQ")
        for name, rate in (("speech_16k", 16000), ("speech_48k", 48000))
    }
    for window in predictor.predict_windows(clip, fs, hop_seconds=0.7):
        assert window.end - window.start == pytest.approx(1.0)
        batch = {}
        for name, rate in (("speech_16k", 16000), ("speech_48k", 48000)):
            start = min(round(window.start * rate), len(whole[name]) - rate)
            cut = torch.from_numpy(whole[name][start : start + rate])[None]
            batch.update({name: cut, f"{name}_lengths": torch.tensor([rate])})
        mean, _ = predictor.torch_engine.predict_batch(batch)
        assert window.mean == pytest.approx(mean[0], abs=1e-4)
    assert window.end == pytest.approx(len(clip) / fs, abs=1e-4)


def test_what_cannot_be_scored_is_named_and_the_rest_is_scored(
    predictor, files, tmp_path
):
    bad = {
        "text.wav": "cannot be read as audio",
        "missing.wav": "no such file",
        "silent.wav": "silent: no window has any sound",
        "long_silent.wav": "silent: no window has any sound",
        "nan.wav": "1 samples are NaN",
        "late_nan.wav": "1 samples are NaN",
        "short.wav": "too short",
        "slow.wav": "sampling rate 4000 Hz",
    }
    (tmp_path / "text.wav").write_text("not audio")
    nan = speechlike(0.5, 16000)
    nan[77] = np.nan
    late_nan = speechlike(5, 16000)
    late_nan[-77] = np.nan
    for name, samples, fs in (
        ("silent.wav", np.zeros(8000), 16000),
        ("long_silent.wav", np.zeros(80000), 16000),
        ("nan.wav", nan, 16000),
        ("late_nan.wav", late_nan, 16000),
        ("short.wav", np.full(1000, 0.1), 16000),
        ("slow.wav", speechlike(3, 4000), 4000),
    ):
        soundfile.write(tmp_path / name, samples, fs, subtype="FLOAT")
    mixed = [files[0], *(tmp_path / name for name in bad), *files[1:]]
    results = list(predictor.predict_files(mixed, batch_size=3))
    assert [result.name for result in results] == list(map(str, mixed))
    for result in results:
        name = result.name.split("/")[-1]
        if name in bad:
            assert bad[name] in result.error and name in result.error
            assert np.isnan(result.mean) and np.isnan(result.std)
        else:
            assert result.error is None and np.isfinite(result.mean)


def test_several_channels_are_mixed_down_or_refused(predictor):
    clip = speechlike(2, 16000)
    expected = predictor.predict(clip, 16000)
    same = predictor.predict(np.stack([clip, clip], axis=1), 16000)
    assert same.mean == pytest.approx(expected.mean, abs=1e-5)
    assert same.warnings == expected.warnings
    other = np.stack([clip, 0.3 * clip, 0 * clip], axis=1)
    mixed = predictor.predict(other, 16000)
    alone = predictor.predict(other.mean(axis=1), 16000)
    assert mixed.mean == pytest.approx(alone.mean, abs=1e-5)
    assert mixed.warnings["channels"] == "mean of 3 channels (silent: 3)"
    # as torchaudio has them
    assert predictor.predict(other.T, 16000) == mixed
    other[:, 2] = clip
    different = predictor.predict(other, 16000).warnings["channels"]
    assert different == "mean of 3 channels (different from the first: 2)"
    strict = MosPredictor.from_pretrained(
        predictor.torch_engine.train_args.output_dir, multichannel="error"
    )
    with pytest.raises(AudioError, match="3 channels"):
        strict.predict(other, 16000)
    with pytest.raises(ValueError, match="multichannel must be 'error' or 'downmix'"):
        MosPredictor.from_pretrained(multichannel="left")


@pytest.mark.parametrize("shape", [(), (1, 1, 16000), (16000, 1, 1), (0,)])
def test_other_shapes_are_refused(predictor, shape):
    with pytest.raises(AudioError, match="of shape|empty"):
        predictor.predict(np.full(shape, 0.1), 16000)


def test_rates_of_any_type(predictor):
    clip = speechlike(1, 16000)
    expected = predictor.predict(clip, 16000)
    for fs in (16000.0, np.float64(16000), np.int32(16000), torch.tensor(16000)):
        assert predictor.predict(clip, fs) == expected
    for fs in (16000.5, "16000", None, float("nan"), float("inf"), True):
        with pytest.raises(AudioError, match="not a whole number"):
            predictor.predict(clip, fs)
    for fs in (0, -1, 7999, 384001):
        with pytest.raises(AudioError, match="outside 8000-384000"):
            predictor.predict(clip, fs)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(fs=st.sampled_from([176400, 192000, 352800, 384000]), seed=st.integers(0, 9))
def test_studio_rates(predictor, fs, seed):
    import soxr

    clip = speechlike(1, 48000, seed)
    up = soxr.resample(clip, 48000, fs, quality="VHQ")
    expected = predictor.predict(clip, 48000).mean
    assert predictor.predict(up, fs).mean == pytest.approx(expected, abs=0.02)


def test_signals_that_mislead_have_warnings(predictor):
    clip = speechlike(2, 16000)
    rms = np.sqrt(np.mean(np.square(clip)))
    usual = predictor.predict(clip, 16000).warnings
    assert "offset" not in usual and "level" not in usual
    assert "offset" in predictor.predict(clip + 0.2 * rms, 16000).warnings
    assert "level" in predictor.predict(clip / np.abs(clip).max() * 1.2, 16000).warnings
    with pytest.raises(AudioError, match="divide what was integers"):
        predictor.predict(clip * 32768, 16000)


def test_a_truncated_file_has_a_warning(predictor, tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, speechlike(2, 16000), 16000)
    path.write_bytes(path.read_bytes()[:40000])
    (result,) = predictor.predict_files([path])
    assert result.error is None and "truncated" in result.warnings


def test_one_clip_of_any_kind_does_not_end_the_run(predictor, files, tmp_path):
    raw = tmp_path / "x.raw"
    raw.write_bytes(bytes(1000))

    def broken():
        raise KeyError("lost")

    clips = [
        ("good", str(files[0])),
        ("int16", (np.ones(16000, dtype=np.int16), 16000)),
        ("none", None),
        ("raw", raw),
        ("long", "x" * 300),
        ("null", "a\0b"),
        ("folder", tmp_path),
        ("broken", broken),
        ("device", "/dev/zero"),
        ("again", str(files[0])),
    ]
    for num_workers in (0, 2):
        results = list(predictor.predict_clips(clips, num_workers=num_workers))
        assert [result.name for result in results] == [name for name, _ in clips]
        errors = [result.error is not None for result in results]
        assert errors == [False, *[True] * (len(clips) - 2), False]
        assert "KeyError: 'lost'" in results[7].error


def test_numbers_out_of_range_are_refused_at_once(predictor, files):
    for batch_size in (0, -1):
        with pytest.raises(ValueError, match="batch_size"):
            predictor.predict_files(files, batch_size=batch_size)
        with pytest.raises(ValueError, match="batch_size"):
            predictor.predict(speechlike(1, 16000), 16000, batch_size=batch_size)
    with pytest.raises(ValueError, match="num_workers is -2"):
        predictor.predict_files(files, num_workers=-2)
    everyone = predictor.predict_files(files, num_workers=-1)
    assert len(list(everyone)) == len(files)


def test_names_need_not_be_utf8(predictor, files, tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    shutil.copy(files[0], path)
    results = list(predictor.predict_files([os.fsdecode(path), files[0]]))
    assert results[0].name == f"{tmp_path}/caf\\xe9.wav"
    assert results[0].mean == pytest.approx(results[1].mean, abs=1e-5)


def test_silent_windows_are_left_out_and_counted(predictor):
    clip = speechlike(3, 16000)
    pause = np.zeros(32000, dtype=np.float32)
    long = np.concatenate([clip, pause, clip[:40000]])
    result = predictor.predict(long, 16000)
    windows = list(predictor.predict_windows(long, 16000, hop_seconds=1.0))
    silent = [window for window in windows if np.isnan(window.mean)]
    assert [window.start for window in silent] == [3.0, 4.0]
    # in one batch with silent ones, windows keep their own scores
    alone = predictor.predict_windows(long, 16000, hop_seconds=1.0, batch_size=1)
    means = [window.mean for window in windows]
    np.testing.assert_allclose(means, [window.mean for window in alone], atol=1e-5)
    assert result.num_windows == len(windows) - 2
    assert result.warnings["skipped"].startswith("2 of 8 windows are silent")
    # moments that two windows share count once
    scored = [window for window in windows if not np.isnan(window.mean)]
    moments = np.arange(0, 8, 0.01) + 0.005
    over = [[w.mean for w in scored if w.start <= at < w.start + 1.0] for at in moments]
    means = [np.mean(at_once) for at_once in over if at_once]
    assert result.mean == pytest.approx(np.mean(means), abs=1e-3)


def test_tensors_and_double_precision_are_taken_and_integers_refused(predictor):
    clip = speechlike(1.5, 16000)
    expected = predictor.predict(clip, 16000).mean
    tensor = torch.from_numpy(clip).requires_grad_()
    assert predictor.predict(tensor, 16000).mean == pytest.approx(expected, abs=1e-6)
    double = clip.astype(np.float64)
    assert predictor.predict(double, 16000).mean == pytest.approx(expected, abs=1e-6)
    with pytest.raises(AudioError, match="int16"):
        predictor.predict((clip * 32767).astype(np.int16), 16000)


@pytest.mark.parametrize("hop_seconds", [0, -1, 1.5])
def test_an_impossible_hop_is_refused(predictor, hop_seconds):
    with pytest.raises(ValueError, match="hop_seconds"):
        list(predictor.predict_windows(speechlike(2, 16000), 16000, hop_seconds))


def test_clips_can_come_from_functions(predictor):
    clips = [(f"clip{i}", speechlike(1, 16000, i)) for i in range(3)]
    results = predictor.predict_clips(
        (name, lambda samples=samples: (samples, 16000)) for name, samples in clips
    )
    for result, (name, samples) in zip(results, clips, strict=True):
        assert result.name == name
        expected = predictor.predict(samples, 16000).mean
        assert result.mean == pytest.approx(expected, abs=1e-5)


def test_a_result_that_is_not_waited_for_stops_the_reading(predictor, files):
    for _ in predictor.predict_files(files * 10, batch_size=1):
        break  # hangs if threads wait for the reader for ever


def test_bfloat16_is_refused_where_it_changes_scores(predictor, monkeypatch):
    folder = predictor.torch_engine.train_args.output_dir
    clip = speechlike(1.5, 48000)
    coarse = MosPredictor.from_pretrained(folder, dtype="bfloat16")
    difference = coarse.predict(clip, 48000).mean - predictor.predict(clip, 48000).mean
    assert abs(difference) < 0.01
    monkeypatch.setattr(
        "espnet_samos.inference.predictor.MAX_BFLOAT16_DIFFERENCE", -1.0
    )
    with pytest.raises(ValueError, match="bfloat16 changes scores"):
        MosPredictor.from_pretrained(folder, dtype="bfloat16")
    with pytest.raises(ValueError, match="float32 or bfloat16"):
        MosPredictor.from_pretrained(folder, dtype="float16")


def test_importing_the_package_imports_no_torch():
    code = (
        "import sys, espnet_samos; assert not {'torch', 'espnet2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scoring_does_not_import_what_training_needs():
    script = """
import sys
from espnet_samos import MosPredictor, mos_score
predictor = MosPredictor.from_pretrained()
heavy = {"espnet2.tasks", "espnet2.train.preprocessor", "s3prl", "scipy"}
print(*heavy & set(sys.modules))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.bfloat16, torch.float16, torch.float32]
)
def test_pytorchs_settings_do_not_reach_a_score(predictor, dtype):
    clip = speechlike(1.5, 16000)
    folder = predictor.torch_engine.train_args.output_dir
    expected = predictor.predict(clip, 16000)
    loss = mos_score(torch.from_numpy(clip), 16000, predictor).item()
    threads = torch.get_num_threads()

    def check():
        assert torch.get_default_dtype() is dtype
        loaded = MosPredictor.from_pretrained(folder)
        assert predictor.predict(clip, 16000) == expected
        assert loaded.predict(clip, 16000) == expected
        samples = torch.from_numpy(clip)
        score = mos_score(samples, 16000, loaded)
        assert score.dtype is torch.float32
        assert score.item() == pytest.approx(loss, abs=1e-6)

    torch.set_default_dtype(dtype)
    try:
        check()
        with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            check()
        torch.set_default_device("meta")
        assert predictor.predict(clip, 16000) == expected
        loaded = MosPredictor.from_pretrained(folder)
        assert loaded.predict(clip, 16000) == expected
        torch.set_default_device(None)
        torch.set_num_threads(2)
        again = predictor.predict(clip, 16000)
        assert again.mean == pytest.approx(expected.mean, abs=1e-6)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_num_threads(threads)
