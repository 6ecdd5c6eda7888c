"""Lists of a corpus: the same as ESPnet's, in little memory."""

import pickle
import tracemalloc

import numpy as np
import pytest
from espnet2.train.dataset import ESPnetDataset
from hypothesis import given
from hypothesis import strategies as st

from espnet_samos.train.compact import CompactTable, compact
from tests.train.small import make_data

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)


@given(st.dictionaries(IDS, st.text(), min_size=1))
def test_strings(table):
    compacted = CompactTable(table)
    assert dict(compacted.items()) == table
    assert list(compacted) == sorted(table)
    assert len(compacted) == len(table)
    assert "x" + max(table) not in compacted or "x" + max(table) in table


@given(
    st.dictionaries(IDS, st.lists(st.floats(-5, 5), min_size=2, max_size=2), min_size=1)
)
def test_numbers(table):
    assert dict(CompactTable(table).items()) == table


def test_types_and_unknown_ids():
    table = CompactTable({"b": [1], "a": [2]})
    assert type(table["b"][0]) is int
    for key in ("", "aa", "c", "c" * 50):
        with pytest.raises(KeyError):
            table[key]
    assert dict(pickle.loads(pickle.dumps(table))) == dict(table)


def test_a_dataset_gives_the_same(tmp_path):
    make_data(tmp_path)
    (tmp_path / "irregular").write_text(
        "".join(f"utt{i:02} {'1 ' * (i % 2 + 1)}\n" for i in range(24)).replace(
            " \n", "\n"
        )
    )
    lists = [
        (str(tmp_path / "wav.scp"), "speech", "sound"),
        (str(tmp_path / "utt2fs"), "fs", "text_int"),
        (str(tmp_path / "mos"), "mos", "text_float"),
        (str(tmp_path / "irregular"), "irregular", "text_int"),
    ]
    before = ESPnetDataset(lists, allow_multi_rates=True)
    after = ESPnetDataset(lists, allow_multi_rates=True)
    compact(after)
    for i in range(24):
        (_, expected), (_, data) = before[f"utt{i:02}"], after[f"utt{i:02}"]
        assert data.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(data[name], value)
            assert data[name].dtype == value.dtype
    assert isinstance(after.loader_dict["speech"].loader.data, CompactTable)
    assert isinstance(after.loader_dict["mos"], CompactTable)


def test_less_memory_than_dictionaries(tmp_path):
    """The lists of 20,000 clips, with ids and paths of usual length."""
    lines = {"wav.scp": [], "mos": [], "utt2fs": []}
    for i in range(20_000):
        utt = f"corpus-system{i % 16:03}-sentence{i:07}"
        lines["wav.scp"].append(
            f"{utt} /corpora/with/a/path/of/usual/length/{utt}.wav\n"
        )
        lines["mos"].append(f"{utt} {1 + i % 4}.25\n")
        lines["utt2fs"].append(f"{utt} 48000\n")
    for name, text in lines.items():
        (tmp_path / name).write_text("".join(text))
    lists = [
        (str(tmp_path / "wav.scp"), "speech", "sound"),
        (str(tmp_path / "mos"), "mos", "text_float"),
        (str(tmp_path / "utt2fs"), "fs", "text_int"),
    ]
    tracemalloc.start()
    dataset = ESPnetDataset(lists, allow_multi_rates=True)
    before, _ = tracemalloc.get_traced_memory()
    compact(dataset)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after < before / 3
