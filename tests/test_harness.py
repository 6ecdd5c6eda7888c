"""What the benchmarks share, and one that runs in earnest."""

import re
import time

import numpy as np
import pytest
import torch

from benchmarks import everything
from benchmarks.harness import compare, heading, noise, peak_memory, table


def test_a_variant_that_takes_longer_is_said_to():
    rows = compare(
        {"slow": lambda: time.sleep(0.06), "fast": lambda: time.sleep(0.01)}, 3
    )
    _, _, slow, fast = table(rows, clips=10).splitlines()
    assert slow.split("|")[4].strip() == "1.00"
    assert float(fast.split("|")[4]) > 1.5


def test_peak_memory_sees_what_was_given_back():
    with peak_memory("cpu") as peak:
        x = np.ones(30_000_000)  # 0.24 GB
        time.sleep(0.1)
        del x
    assert peak[0] == pytest.approx(0.24, abs=0.05)


def test_noise_is_new_every_time():
    first, second = noise(2, 1000)
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    third = noise(1000)
    torch.manual_seed(0)
    assert not torch.equal(noise(1000), third)
    assert third.square().mean().sqrt().item() == pytest.approx(0.1, rel=0.2)


def test_a_heading_can_be_run_again():
    lines = heading("Title", "name", arguments=["--clips", "2"]).splitlines()
    assert lines[0] == "### Title"
    assert re.match(r"\d{4}-\d\d-\d\d, .*, no GPU, \d+ thread", lines[2])
    assert lines[2].endswith("`python -m benchmarks.name --clips 2`:")


def test_what_was_measured_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "sys.argv", ["everything", "--only", "audio_path", "--output", str(tmp_path)]
    )
    everything.main()
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(r"audio_path-\d{4}-\d\d-\d\d\.md", path.name)
    text = path.read_text()
    assert text.startswith("### Audio path, clips of 10 s\n")
    rates = re.findall(
        r"^\| ([\d.]+) kHz, (?:wav|flac) \| [\d.]+ \| \d+ \|$", text, re.M
    )
    assert rates == ["16", "16", "24", "24", "44.1", "44.1", "48", "48"]
