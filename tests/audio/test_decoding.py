import io
import os
import struct
import threading

import av
import numpy as np
import pytest
import soundfile

from espnet_samos.audio.decoding import DecodingError, decode

FS = 24000


def speechlike(seconds, seed=0, fs=FS):
    rng = np.random.default_rng(seed)
    n = int(seconds * fs)
    time = np.arange(n) / fs
    tone = np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 2 * time) ** 2
    return (0.3 * tone + 0.01 * rng.standard_normal(n)).astype(np.float32)


def encode(samples, suffix, codec, fs=FS, **options):
    """Encode with FFmpeg's own encoders."""
    file = io.BytesIO()
    with av.open(file, "w", format=suffix, options=options) as container:
        stream = container.add_stream(codec, rate=fs, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = fs
        resampler = av.AudioResampler(stream.format, "mono", fs)
        for converted in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return file.getvalue()


def mp3(samples, **options):
    return encode(samples, "mp3", "mp3", **options)


def unknown_length(flac):
    """Make of a FLAC what a program would have written into a pipe."""
    content = bytearray(flac)
    # total samples: the last 36 of the 64 bits that begin with the rate (STREAMINFO)
    (bits,) = struct.unpack(">Q", content[18:26])
    content[18:26] = struct.pack(">Q", bits & ~(2**36 - 1))
    return bytes(content)


def read(file):
    decoded = decode(file)
    return np.concatenate(list(decoded.blocks)), decoded.fs, decoded.warnings


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("wav", {}),
        ("wav", dict(subtype="GSM610")),
        ("flac", {}),
        ("ogg", {}),
        ("aiff", {}),
        ("au", {}),
        ("w64", {}),
        ("caf", {}),
    ],
)
def test_what_libsndfile_reads_whole_is_as_it_reads_it(tmp_path, suffix, options):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, speechlike(2.3, fs=8000), 8000, format=suffix, **options)
    expected, fs = soundfile.read(path, dtype="float32", always_2d=True)
    samples, read_fs, warnings = read(path)
    np.testing.assert_array_equal(samples, expected)
    assert (read_fs, warnings) == (fs, {})


@pytest.mark.parametrize("container", [{}, dict(write_xing="0")])
def test_an_mp3_is_read_to_its_end(tmp_path, container):
    loud, quiet = speechlike(1.5), 0.01 * speechlike(2.0, seed=1)
    # a low bit rate first: without a header, a length is guessed from it
    content = mp3(quiet, **container) + mp3(loud, **container)
    (tmp_path / "x.mp3").write_bytes(content)
    samples, fs, _ = read(tmp_path / "x.mp3")
    assert fs == FS
    assert len(samples) / fs == pytest.approx(3.5, abs=0.25)
    assert np.abs(samples[-int(0.9 * fs) :]).max() > 0.2


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_joined_files_are_read_to_their_end(tmp_path, suffix):
    parts = []
    for seed in (0, 1):
        file = io.BytesIO()
        soundfile.write(file, speechlike(1.0, seed), FS, format=suffix)
        parts.append(file.getvalue())
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(b"".join(parts))
    assert len(soundfile.read(path)[0]) == FS  # half of it
    samples, _, _ = read(path)
    assert len(samples) / FS == pytest.approx(2.0, abs=0.02)


def test_a_flac_from_a_pipe_does_not_know_its_length(tmp_path):
    file = io.BytesIO()
    soundfile.write(file, speechlike(1.3), FS, format="FLAC")
    path = tmp_path / "x.flac"
    path.write_bytes(unknown_length(file.getvalue()))
    samples, _, warnings = read(path)
    expected, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")
    np.testing.assert_array_equal(samples[:, 0], expected)
    assert warnings == {}


@pytest.mark.parametrize(
    ("suffix", "codec", "fs"),
    [("mp4", "aac", FS), ("webm", "libopus", 48000), ("mp3", "mp3", FS)],
)
def test_ffmpeg_reads_the_rest(tmp_path, suffix, codec, fs):
    clip = speechlike(1.0, fs=fs)
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(encode(clip, suffix, codec, fs))
    samples, read_fs, _ = read(path)
    assert read_fs == fs
    assert len(samples) / fs == pytest.approx(1.0, abs=0.1)
    assert np.abs(samples).max() == pytest.approx(np.abs(clip).max(), rel=0.2)


@pytest.mark.parametrize("suffix", ["wav", "aiff", "au", "w64"])
def test_a_truncated_file_says_so(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, speechlike(1.0), FS, format=suffix)
    content = path.read_bytes()
    assert read(path)[2] == {}
    path.write_bytes(content[: len(content) // 2])
    samples, _, warnings = read(path)
    assert len(samples) == pytest.approx(FS / 2, abs=100)
    assert warnings["truncated"].startswith(("49 %", "50 %"))


@pytest.mark.parametrize("unknown", [0xFFFFFFFF, 0x7FFFF000, 0])
def test_a_wav_from_a_pipe_is_not_truncated(tmp_path, unknown):
    path = tmp_path / "x.wav"
    soundfile.write(path, speechlike(1.0), FS)
    content = bytearray(path.read_bytes())
    data = content.index(b"data") + 4
    content[data : data + 4] = struct.pack("<I", unknown)
    path.write_bytes(content)
    samples, _, warnings = read(path)
    assert (len(samples), warnings) == (FS, {})


def test_a_named_pipe_and_an_open_file(tmp_path):
    soundfile.write(tmp_path / "x.wav", speechlike(1.0), FS)
    content = (tmp_path / "x.wav").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=pipe.write_bytes, args=(content,))
    thread.start()
    expected, _, _ = read(tmp_path / "x.wav")
    np.testing.assert_array_equal(read(pipe)[0], expected)
    thread.join()
    np.testing.assert_array_equal(read(io.BytesIO(content))[0], expected)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello\n",
        b"\xff\xfb" + bytes(2000),
        b"ID3" + bytes(100),
        np.random.default_rng(0).bytes(4000),
    ],
    ids=["empty", "text", "mp3", "id3", "noise"],
)
@pytest.mark.parametrize("suffix", ["wav", "raw", "m4a", "ul"])
def test_what_is_no_audio(tmp_path, content, suffix):
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)
    with pytest.raises(DecodingError):
        read(path)


def test_a_play_list_opens_no_other_file(tmp_path):
    (tmp_path / "secret.mp3").write_bytes(mp3(speechlike(1.0)))
    for text in (
        f"#EXTM3U\n#EXTINF:1,\n{tmp_path}/secret.mp3\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {tmp_path}/secret.mp3\n",
    ):
        path = tmp_path / "x.m3u8"
        path.write_text(text)
        with pytest.raises(DecodingError):
            read(path)


def test_channels_at_their_own_scale(tmp_path):
    stereo = np.stack([speechlike(1.0), 0.5 * speechlike(1.0)], axis=1)
    soundfile.write(tmp_path / "x.wav", stereo, FS, subtype="FLOAT")
    np.testing.assert_array_equal(read(tmp_path / "x.wav")[0], stereo)
