import socket
import sys

import numpy as np
import pytest
import soundfile

from espnet_samos import MosPredictor
from espnet_samos.bin import samos
from espnet_samos.inference.plots import clip_view
from espnet_samos.inference.result import MosResult, WindowScore
from espnet_samos.inference.spectrogram import SpectrogramMonitor
from espnet_samos.integrations.gradio import (
    duration,
    examine,
    make_page,
    reached_by,
    result_html,
    serve,
)
from tests.tiny_model import save_model, speechlike

NOTE = "labels are a proxy & nobody's opinion"


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    folder = save_model(tmp_path_factory.mktemp("exp"))
    (folder / "card.yaml").write_text(f'label_note: "{NOTE}"\n')
    return MosPredictor.from_pretrained(folder)


def write(path, samples, fs):
    soundfile.write(path, samples, fs, subtype="FLOAT")
    return path


@pytest.fixture
def clips(tmp_path):
    """Clips of one window, of several, and with a pause of silent windows."""
    pause = np.zeros(32000)
    parts = speechlike(2, 16000), pause, speechlike(2, 16000, 1)
    return [
        write(tmp_path / "short.wav", speechlike(0.6, 44100), 44100),
        write(tmp_path / "long.wav", speechlike(3.7, 48000), 48000),
        write(tmp_path / "pause.wav", np.concatenate(parts), 16000),
    ]


@pytest.fixture
def bad_clips(tmp_path):
    """Clips that cannot be scored, and why."""
    (tmp_path / "text.wav").write_text("not audio")
    late_nan = speechlike(5, 16000)
    late_nan[-77] = np.nan
    for name, samples, fs in (
        ("silent.wav", np.zeros(8000), 16000),
        ("long_silent.wav", np.zeros(80000), 16000),
        ("stereo.wav", np.full((80000, 2), 0.1), 16000),
        ("late_nan.wav", late_nan, 16000),
        ("brief.wav", np.full(1000, 0.1), 16000),
        ("slow.wav", speechlike(3, 4000), 4000),
    ):
        write(tmp_path / name, samples, fs)
    return {
        tmp_path / "text.wav": "cannot be read as audio",
        tmp_path / "missing.wav": "no such file",
        tmp_path / "silent.wav": "silent: no window has any sound",
        tmp_path / "long_silent.wav": "silent: no window has any sound",
        tmp_path / "late_nan.wav": "1 samples are NaN",
        tmp_path / "brief.wav": "too short",
        tmp_path / "slow.wav": "sampling rate 4000 Hz",
    }


def test_the_page_says_what_the_predictor_says(predictor, clips):
    expected = predictor.predict_files(clips)
    for path, there in zip(clips, expected, strict=True):
        seen = []
        here, scores, spectrogram = examine(
            predictor, path, batch_size=2, on_score=seen.append
        )
        assert here.name == path.name and here.error is None
        assert here.mean == pytest.approx(there.mean, abs=1e-5)
        assert here.std == pytest.approx(there.std, abs=1e-5)
        for field in ("duration", "fs", "bandwidth", "num_windows", "label_note"):
            assert getattr(here, field) == getattr(there, field), field
        assert list(here.warnings) == list(there.warnings)
        windows = predictor.predict_windows(path, hop_seconds=predictor.window_seconds)
        for score, other in zip(scores, windows, strict=True):
            assert score[:-1] == pytest.approx(other[:-1], abs=1e-5, nan_ok=True)
        assert seen == scores
        assert spectrogram.fs == there.fs
        assert spectrogram.duration == pytest.approx(there.duration)


def test_what_cannot_be_scored_has_its_reason_and_no_path(predictor, bad_clips):
    for path, reason in bad_clips.items():
        result, scores, spectrogram = examine(predictor, path)
        assert reason in result.error and path.name in result.error
        assert str(path.parent) not in result.error
        assert np.isnan(result.mean) and scores == [] and spectrogram is None
        page = result_html(result)
        assert reason in page and "No score" in page


def test_several_channels_are_mixed_down(predictor, tmp_path):
    clip = speechlike(1.5, 16000)
    path = write(tmp_path / "stereo.wav", np.stack([clip, clip], axis=1), 16000)
    result, _, spectrogram = examine(predictor, path)
    mean = predictor.predict(clip, 16000).mean
    assert result.mean == pytest.approx(mean, abs=1e-5)
    assert spectrogram.duration == 1.5


def test_the_result_in_words():
    result = MosResult(
        *("<b>.wav", 3.456, 0.25, 125.4, 44100, 7890.0, 3),
        warnings={"bandwidth": "a < b", "new": "of a later version"},
        label_note=NOTE,
    )
    page = result_html(result)
    for text in (
        *(">3.46<", "2.97 to 3.95", "2 min 5 s", "44.1 kHz", "7.9 kHz"),
        *("labels are a proxy &amp; nobody", "spectrum is empty (a &lt; b)"),
        "new (of a later version)",
    ):
        assert text in page, text
    assert "samos-note" not in result_html(MosResult("a.wav", 3.0, 0.1, 1.0, 8000, 1.0))
    assert "<b>.wav" not in result_html(MosResult("<b>.wav", error="<b>.wav: silent"))


def test_durations():
    for seconds, text in (
        *((0.604, "0.60 s"), (59.6, "59.60 s"), (60.2, "1 min 0 s")),
        *((3601, "1 h 0 min 1 s"), (7325.4, "2 h 2 min 5 s")),
    ):
        assert duration(seconds) == text


def view(fs, seconds, bandwidth, scores):
    monitor = SpectrogramMonitor(fs)
    time = np.arange(round(seconds * fs)) / fs
    monitor.update(0.1 * np.sin(2 * np.pi * 2000 * time).astype(np.float32))
    figure = clip_view(monitor.spectrogram(), bandwidth, scores, "clip.wav", NOTE)
    figure.draw_without_rendering()
    return figure, figure.axes[0], figure.axes[2]


def test_the_view_has_one_time_axis_for_spectrogram_and_score():
    scores = [WindowScore(i / 2, i / 2 + 1, 3 + i, 0.2) for i in range(3)]
    # the last column of the spectrogram is not full
    figure, top, bottom = view(16000, 1.998, 7000.0, scores)
    assert top.get_xlim() == bottom.get_xlim() == (0, 1.998)
    left, right = top.get_position(), bottom.get_position()
    assert (left.x0, left.x1) == pytest.approx((right.x0, right.x1))
    assert top.get_ylim() == (0, 24) and bottom.get_ylim() == (1, 5)
    line = bottom.get_lines()[0]
    assert line.get_xdata() == pytest.approx([0.5, 1.0, 1.5])
    assert line.get_ydata() == pytest.approx([3, 4, 5])
    assert figure.get_suptitle() == "clip.wav" and figure.get_supxlabel() == NOTE


def test_the_view_shows_frequencies_where_they_are():
    _, top, _ = view(16000, 1.0, 2500.0, [WindowScore(0, 1, 3, 0.2)])
    (image,) = top.get_images()
    level = image.get_array()
    low, high = image.get_extent()[2:]
    frequency = low + (np.arange(len(level)) + 0.5) / len(level) * (high - low)
    assert frequency[np.argmax(level[:, 100])] == pytest.approx(2.0, abs=0.05)
    (line,) = (line for line in top.get_lines() if line.get_linestyle() == "--")
    assert list(line.get_ydata()) == [2.5, 2.5]
    assert "bandwidth 2.5 kHz" in [text.get_text() for text in top.texts]


@pytest.mark.parametrize("fs", [8000, 44100, 48000, 96000])
def test_what_a_rate_cannot_have_is_hatched(fs):
    _, top, _ = view(fs, 1.0, 3000.0, [WindowScore(0, 1, 3, 0.2)])
    hatched = [patch for patch in top.patches if patch.get_hatch()]
    if fs >= 48000:
        assert hatched == []
    else:
        (patch,) = hatched
        low, high = patch.get_window_extent().intervaly
        inverse = top.transData.inverted()
        assert inverse.transform((0, low))[1] == pytest.approx(fs / 2000)
        assert inverse.transform((0, high))[1] == pytest.approx(24)


def test_a_single_window_is_a_line_as_long_as_the_clip():
    _, _, bottom = view(16000, 1.0, 3000.0, [WindowScore(0, 1, 3.5, 0.2)])
    line = bottom.get_lines()[0]
    assert list(line.get_xdata()) == [0, 1] and list(line.get_ydata()) == [3.5, 3.5]


def test_without_gradio_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)  # cannot be imported
    with pytest.raises(SystemExit, match="1"):
        samos.main(["demo"])
    error = capsys.readouterr().err
    assert 'gradio is not installed: pip install "espnet_samos[demo]"' in error


def test_the_command_serves_to_this_machine_only():
    args = samos.get_parser().parse_args(["demo"])
    assert args.host == "127.0.0.1" and args.share is False


def test_the_page_answers_with_text_and_view(predictor, clips, bad_clips):
    pytest.importorskip("gradio", reason="needs the extra [demo]")
    page = make_page(predictor, batch_size=2)
    assert page.analytics_enabled is False
    (show,) = (block.fn for block in page.fns.values() if block.fn is not None)
    (result,) = predictor.predict_files([clips[1]])
    text, plot = show(str(clips[1]))
    assert f">{result.mean:.2f}<" in text
    assert plot.visible and plot.value is not None
    for path, reason in bad_clips.items():
        text, plot = show(str(path))
        assert reason in text and not plot.visible
    text, plot = show(None)
    assert "labels are a proxy" in text and not plot.visible


def test_a_taken_port_is_named(predictor):
    pytest.importorskip("gradio", reason="needs the extra [demo]")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"tried {port}: give another --port"):
            serve(make_page(predictor), port=port)


def test_it_says_who_can_reach_the_page():
    assert reached_by("127.0.0.1", False) == "only this machine can reach it"
    assert "every machine that reaches 0.0.0.0" in reached_by("0.0.0.0", False)
    assert "from anywhere" in reached_by("127.0.0.1", True)


def test_an_upload_has_a_limit(predictor):
    gradio = pytest.importorskip("gradio", reason="needs the extra [demo]")
    page = make_page(predictor)
    launched = []

    def launch(**options):
        launched.append(options)
        raise OSError

    page.launch = launch
    with pytest.raises(OSError):
        serve(page)
    limit = gradio.utils._parse_file_size(launched[0]["max_file_size"])
    assert limit == 10**9 or limit == 2**30
