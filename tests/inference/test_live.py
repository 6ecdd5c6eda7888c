import io
import subprocess
import sys
import time
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet_samos import LiveScorer, MosPredictor
from espnet_samos.audio.reading import AudioError
from tests.tiny_model import save_model, speechlike


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return MosPredictor.from_pretrained(save_model(tmp_path_factory.mktemp("exp")))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    fs=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    seconds=st.floats(0.2, 4),
    hop=st.sampled_from([None, 0.3, 1.0]),
    seed=st.integers(0, 99),
)
def test_a_stream_has_the_scores_of_the_whole(predictor, fs, seconds, hop, seed):
    clip = speechlike(seconds, fs, seed)
    rng = np.random.default_rng(seed)
    scorer = LiveScorer(fs, predictor, hop)
    scores = []
    at = 0
    while at < len(clip):
        size = int(rng.choice([0, 1, 7, 160, fs // 3, 3 * fs]))
        scores += scorer.push(clip[at : at + size])
        at += size
    # nothing that is complete waits
    assert len(scores) >= int(max(0, seconds - 1.2))
    scores += scorer.finish()
    expected = list(predictor.predict_windows(clip, fs, hop))
    assert len(scores) == len(expected)
    for score, other in zip(scores, expected, strict=True):
        assert score[:-1] == pytest.approx(other[:-1], abs=1e-5)


def test_memory_does_not_grow(predictor):
    scorer = LiveScorer(16000, predictor)
    held = []
    for i in range(40):
        scorer.push(speechlike(1, 16000, i))
        held.append(
            sum(stream.samples.nbytes for stream in scorer.cutter.streams.values())
        )
    assert max(held[20:]) <= 1.01 * max(held[:20])


def test_channels_and_bad_samples(predictor):
    clip = speechlike(2, 16000)
    stereo = LiveScorer(16000, predictor)
    mono = LiveScorer(16000, predictor)
    both = np.stack([clip, clip], axis=1)
    for at in range(0, len(clip), 500):  # fewer than any clip's samples
        first = stereo.push(both[at : at + 500])
        second = mono.push(clip[at : at + 500])
        assert first == second
    with pytest.raises(AudioError, match="NaN"):
        mono.push(np.full(10, np.nan, dtype=np.float32))
    with pytest.raises(AudioError, match="int16"):
        mono.push(np.zeros(10, dtype=np.int16))
    with pytest.raises(AudioError, match="empty"):
        LiveScorer(16000, predictor).finish()
    with pytest.raises(AudioError, match="outside"):
        LiveScorer(1000, predictor)


@pytest.mark.parametrize("form", ["wav", "raw"])
def test_track_prints_while_sound_arrives(predictor, tmp_path, form):
    folder = predictor.torch_engine.train_args.output_dir
    clip = (speechlike(6, 16000) * 32767).astype("<i2")
    soundfile.write(tmp_path / "x.wav", clip, 16000, subtype="PCM_16")
    content = clip.tobytes()
    if form == "wav":
        header = io.BytesIO()
        with wave.open(header, "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
        # as a program writes it that does not know the length yet
        head = bytearray(header.getvalue())
        head[4:8] = head[40:44] = b"\xff\xff\xff\xff"
        content = bytes(head) + content
    options = ["--raw_fs", "16000"] if form == "raw" else []
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "espnet_samos.bin.samos",
            "track",
            "-",
            "--model",
            folder,
        ]
        + options,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.write(content[: len(content) * 2 // 3])  # four seconds
    process.stdin.flush()
    lines = [process.stdout.readline() for _ in range(6)]  # before the rest is there
    assert process.poll() is None
    time.sleep(0.1)
    out, _ = process.communicate(content[len(content) * 2 // 3 :])
    rows = [line.decode().split(",") for line in [*lines, *out.splitlines()]]
    expected = list(predictor.predict_windows(tmp_path / "x.wav"))
    assert len(rows) == 1 + len(expected)
    for row, score in zip(rows[1:], expected, strict=True):
        assert list(map(float, row)) == pytest.approx(score[:4], abs=2e-4)
