"""SSL features on disk: whole, or made again. Each fault is injected."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_samos.train import ssl_feats
from espnet_samos.train.ssl_feats import (
    SslFeatsError,
    SslFeatsReader,
    check_same_ssl,
    find_shards,
    join_shards,
)

SSL = dict(ssl_frontend="ssl_layer", window_seconds=1.0, weights="abc")
SHAPE = (7, 4)


def make_data(folder, count=5):
    """A data directory with some clips, whose contents do not matter here."""
    folder.mkdir(exist_ok=True)
    utts = [f"utt{i}" for i in range(count)]
    for utt in utts:
        (folder / f"{utt}.wav").write_bytes(utt.encode())
    lines = [f"{utt} {folder / utt}.wav\n" for utt in utts]
    (folder / "wav.scp").write_text("".join(lines))
    (folder / "utt2fs").write_text("".join(f"{utt} 16000\n" for utt in utts))
    return folder


def feats_of(utt):
    rng = np.random.default_rng(int(utt.removeprefix("utt")))
    return rng.standard_normal(SHAPE).astype(np.float16)


def write(shards):
    for shard in shards:
        # however they lie in memory
        clips = ((utt, np.asfortranarray(feats_of(utt))) for utt in shard.utts)
        shard.write(clips, SSL)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A data directory of five clips and its three shards, in a folder."""
    monkeypatch.setattr(ssl_feats, "SHARD_SIZE", 2)
    data, folder = make_data(tmp_path / "data"), tmp_path / "feats"
    shards = find_shards(data, folder)
    assert [len(shard.utts) for shard in shards] == [2, 2, 1]
    write(shards)
    join_shards(data, folder)
    return data, folder, shards


def whole(shard):
    try:
        shard.check()
    except SslFeatsError:
        return False
    return True


def test_a_reader_gives_what_was_written(written):
    _, folder, _ = written
    reader = SslFeatsReader(str(folder / "ssl_feats.scp"))
    assert list(reader) == [f"utt{i}" for i in range(5)] and len(reader) == 5
    assert "utt4" in reader and "utt5" not in reader
    for utt, feats in reader.items():
        assert feats.dtype == np.float32
        np.testing.assert_array_equal(feats, feats_of(utt))
    with pytest.raises(SslFeatsError, match="has no features of utt5"):
        reader["utt5"]


def test_the_list_is_one_that_kaldiio_reads(written):
    _, folder, _ = written
    feats = kaldiio.load_scp(str(folder / "ssl_feats.scp"))
    np.testing.assert_array_equal(feats["utt3"], feats_of("utt3"))


def test_a_killed_job_leaves_no_shard_and_harms_no_other(written):
    data, folder, shards = written
    kept = [shard.ark.stat().st_mtime_ns for shard in (shards[0], shards[2])]
    # a process of its own
    script = f"""
        import os, signal, sys
        from pathlib import Path
        from espnet_samos.train import ssl_feats
        from tests.train.test_ssl_feats import SSL, feats_of
        ssl_feats.SHARD_SIZE = 2
        shard = ssl_feats.find_shards(Path({str(data)!r}), Path({str(folder)!r}))[1]
        def clips():
            yield shard.utts[0], feats_of(shard.utts[0])
            os.kill(os.getpid(), signal.SIGKILL)
        shard.write(clips(), SSL)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=Path(__file__).parents[2]
    )
    assert result.returncode == -9
    assert [whole(shard) for shard in shards] == [True, False, True]
    with pytest.raises(SslFeatsError, match="1 of 3 parts .*ssl_feats.2.json is not"):
        join_shards(data, folder)
    with pytest.raises(SslFeatsError, match="has 5 clips, .* have 3: run stage 3"):
        SslFeatsReader(str(folder / "ssl_feats.scp"))
    write([shards[1]])
    assert SslFeatsReader(str(join_shards(data, folder)))["utt3"].shape == SHAPE
    assert kept == [s.ark.stat().st_mtime_ns for s in (shards[0], shards[2])]


def test_a_truncated_ark_is_named(written):
    data, folder, shards = written
    scp = str(folder / "ssl_feats.scp")
    reader = SslFeatsReader(scp)
    size = shards[1].ark.stat().st_size
    os.truncate(shards[1].ark, size - 10)
    message = f"ssl_feats.2.ark has {size - 10} bytes of {size}: run stage 3 again"
    assert [whole(shard) for shard in shards] == [True, False, True]
    with pytest.raises(SslFeatsError, match=message):
        join_shards(data, folder)
    with pytest.raises(SslFeatsError, match=message):
        SslFeatsReader(scp)
    # under a training that has begun
    reader["utt2"]
    with pytest.raises(SslFeatsError, match="utt3 cannot be read"):
        reader["utt3"]
    shards[1].ark.unlink()
    with pytest.raises(SslFeatsError, match="utt2 cannot be read"):
        reader["utt2"]
    with pytest.raises(SslFeatsError, match="ssl_feats.2.ark has 0 bytes"):
        SslFeatsReader(scp)


def test_a_line_that_the_list_lost_is_noticed(written):
    data, folder, _ = written
    scp = folder / "ssl_feats.scp"
    lines = scp.read_text().splitlines(keepends=True)
    scp.write_text("".join(lines[:2] + lines[3:]))
    message = "has 4 clips, and the arks beside it have 5"
    with pytest.raises(SslFeatsError, match=message):
        SslFeatsReader(str(scp))
    scp.write_text("".join(lines)[: -len(lines[-1]) + 3])
    with pytest.raises(SslFeatsError, match="ssl_feats.scp is damaged"):
        SslFeatsReader(str(scp))
    join_shards(data, folder)
    assert scp.read_text() == "".join(lines)
    scp.unlink()
    with pytest.raises(SslFeatsError, match="ssl_feats.scp: run stage 3 first"):
        SslFeatsReader(str(scp))


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[:20], lambda text: "[]", lambda text: text.replace("size", "")],
)
def test_a_damaged_marker_is_noticed(written, damage):
    _, folder, shards = written
    shards[0].marker.write_text(damage(shards[0].marker.read_text()))
    assert not whole(shards[0])
    with pytest.raises(SslFeatsError, match="ssl_feats.1.json is damaged"):
        SslFeatsReader(str(folder / "ssl_feats.scp"))


def test_shards_of_other_clips_are_made_again(written):
    data, folder, shards = written
    # the same clip, recorded anew
    os.utime(data / "utt0.wav", ns=(1, 1))
    assert [whole(s) for s in find_shards(data, folder)] == [False, True, True]
    with pytest.raises(SslFeatsError, match="1 of 3 parts .*made from other clips"):
        join_shards(data, folder)
    # a clip fewer at the end, and none at all in the last shard
    make_data(data, count=4)
    shards = find_shards(data, folder)
    write(shards)
    reader = SslFeatsReader(str(join_shards(data, folder)))
    assert list(reader) == [f"utt{i}" for i in range(4)]
    assert sorted(path.name for path in folder.iterdir()) == [
        *("ssl_feats.1.ark", "ssl_feats.1.json", "ssl_feats.1.scp"),
        *("ssl_feats.2.ark", "ssl_feats.2.json", "ssl_feats.2.scp"),
        "ssl_feats.scp",
    ]


def test_a_clip_that_is_gone_is_named(written):
    data, folder, _ = written
    (data / "utt3.wav").unlink()
    with pytest.raises(SslFeatsError, match="utt3.wav is not there any more: run sta"):
        join_shards(data, folder)


@pytest.mark.parametrize(
    "key, value", [("weights", "d"), ("window_seconds", 2.0), ("layer", 3)]
)
def test_features_of_another_ssl_model_are_refused(written, key, value):
    _, folder, _ = written
    check_same_ssl(folder, SSL)
    check_same_ssl(folder, {k: v for k, v in SSL.items() if k != "weights"})
    with pytest.raises(SslFeatsError, match=f"{key} was .*, is {value}.*remove that"):
        check_same_ssl(folder, {**SSL, key: value})
    check_same_ssl(folder / "nothing", SSL)


def test_a_full_disk_is_named_and_nothing_is_taken_for_whole(written):
    _, folder, shards = written
    shards[2].ark.unlink()
    shards[2].ark.symlink_to("/dev/full")
    with pytest.raises(SslFeatsError, match="ssl_feats.3.ark cannot be .*room"):
        write([shards[2]])
    assert [whole(shard) for shard in shards] == [True, True, False]


def test_a_marker_says_what_the_features_are_of(written):
    _, _, shards = written
    marker = json.loads(shards[0].marker.read_text())
    assert marker["ssl"] == SSL and marker["num_clips"] == 2
    assert marker["size"] == shards[0].ark.stat().st_size
