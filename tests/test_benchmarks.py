"""The scripts in benchmarks/, on something small."""

import re

import pytest

from benchmarks import ssl_feats_formats, training_memory


def test_ssl_feats_formats(capsys, tmp_path):
    options = "--num_clips 3 --num_frames 50 --dim 8 --repeats 1 --dir"
    ssl_feats_formats.main([*options.split(), str(tmp_path)])
    rows = {
        cells[0]: [float(cell) for cell in cells[1:]]
        for cells in re.findall(
            r"^\| (.+?)" + 5 * r" \| ([\d.e+-]+)" + r" \|$",
            capsys.readouterr().out,
            re.MULTILINE,
        )
    }
    assert len(rows) >= 7 and not list(tmp_path.iterdir())
    errors = {name: error for name, (*_, error) in rows.items()}
    assert errors["ark, float32"] == 0
    ours = errors["ark, float16 in shards (ours)"]
    assert 0 < ours < 0.01 < errors["ark, 8 bits a value (CM)"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_corpus(capsys):
    sizes = ["1000", "100000"]
    options = ["--steps", "20", "--batch_size", "8"]
    training_memory.main(["--utterances", *sizes, *options])
    printed = capsys.readouterr().out
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", printed, re.MULTILINE)
    assert [utterances for utterances, _ in rows] == sizes
    main, large_main = (float(row.split(" | ")[0]) for _, row in rows)
    assert large_main <= 1.2 * main
