"""What holds for every corpus."""

import csv
import io
import logging
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.data_dir import combine_data_dirs, write_data_dir
from espnet_samos.utils.tables import DataError
from tests.corpora.layouts import LAYOUTS, read_layout, write_audio, write_lines

RECIPE = Path(__file__).parents[2] / "egs2/samos/mos1"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folder of each layout."""
    made = {}
    for layout, (_, make) in LAYOUTS.items():
        made[layout] = tmp_path_factory.mktemp("layout")
        make(made[layout])
    return made


def test_every_corpus_has_a_layout():
    assert {corpus for corpus, _ in LAYOUTS.values()} == set(CORPORA) - {
        "mini",
        "broad",
    }


@pytest.mark.skipif(
    not (RECIPE / "utils").exists(), reason="tools/espnet is missing: make setup"
)
def test_data_directories_pass_espnets_own_check(folders, tmp_path):
    for layout, folder in folders.items():
        for name, clips in read_layout(layout, folder).items():
            write_data_dir(clips, tmp_path / layout / name)
    directories = sorted(map(str, tmp_path.glob("*/*")))
    assert len(directories) == 36
    result = subprocess.run(
        f"for d in {' '.join(directories)}; do utils/validate_data_dir.sh --no-text "
        '--no-feats --non-print "$d" || exit 1; done',
        shell=True,
        cwd=RECIPE,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("Successfully validated") == len(directories)


def test_corpora_with_the_same_file_names_do_not_collide(folders, tmp_path):
    """Tencent has 0000.wav in one part; give PSTN and a table of one's own one too."""
    folders = {"tencent": folders["tencent"]}
    for layout, table, header in (
        ("pstn", "pstn_train/pstn_train.csv", "filename,MOS,std,95%CI,votes"),
        ("csv", "my.csv", "path,mos,std,remark,votes"),
    ):
        folders[layout] = tmp_path / layout
        path = folders[layout] / table
        write_audio(path.parent / "0000.wav", 8000)
        write_lines(path, header, "0000.wav,3,0.5,,5")
    directories = []
    for layout, folder in folders.items():
        for name, clips in read_layout(layout, folder).items():
            assert all(clip.utt_id.startswith(name.split("_")[0]) for clip in clips)
            directories.append(tmp_path / "data" / name)
            write_data_dir(clips, directories[-1])
    corpora = ["tencent", "tencent", "pstn", "csv"]
    summary = combine_data_dirs(directories, corpora, tmp_path / "all")
    assert summary.num_clips == 3 + 3 + 1 + 1


# What may have happened to a table: functions of its rows that give its bytes.


def written(rows, encoding="utf-8", **options):
    text = io.StringIO(newline="")
    csv.writer(text, **({"lineterminator": "\n"} | options)).writerows(rows)
    return text.getvalue().encode(encoding)


def without_a_column(rows, draw):
    i = draw(st.integers(0, len(rows[0]) - 1))
    return written([row[:i] + row[i + 1 :] for row in rows])


def repeated_line(rows, draw):
    i = draw(st.integers(1, len(rows) - 1))
    return written([*rows, rows[i]])


def other_cell(rows, draw):
    row = draw(st.sampled_from(rows))
    i = draw(st.integers(0, len(row) - 1))
    texts = "", "0", "6", "nan", "1e999", "x y", "/etc/hostname", "../a", "a" * 300
    row[i] = draw(st.sampled_from(texts) | st.text(max_size=8))
    return written(rows)


def accented(rows, draw):
    rows[-1][0] += "é"
    return written(rows, draw(st.sampled_from(["latin-1", "utf-8"])))


ROW_DAMAGES = [
    without_a_column,
    repeated_line,
    other_cell,
    accented,
    lambda rows, draw: written(rows, draw(st.sampled_from(["utf-16", "utf-16-le"]))),
    lambda rows, draw: written(rows, "utf-8-sig", lineterminator="\r\n"),
    lambda rows, draw: written(rows, quoting=csv.QUOTE_ALL),
    lambda rows, draw: written(rows[:1]),
]
BYTE_DAMAGES = [
    lambda content, draw: b"",
    lambda content, draw: None,  # no file
    lambda content, draw: draw(st.binary(max_size=40)),
    lambda content, draw: content[: draw(st.integers(0, len(content)))],
    lambda content, draw: (
        content[: (i := draw(st.integers(0, len(content))))]
        + draw(st.binary(min_size=1, max_size=9))
        + content[i:]
    ),
]


NO_TABLES = (".wav", ".flac", ".md", ".txt")


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damaged_tables_are_read_or_refused_by_name(layout, folders, tmp_path, data):
    logging.disable()  # what is left out is listed: hundreds of lines
    folder = folders[layout]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    table = data.draw(
        st.sampled_from([p for p in files if p.suffix not in NO_TABLES]),
        label="table",
    )
    content = table.read_bytes()
    damages = [(damage, content) for damage in BYTE_DAMAGES]
    if table.suffix not in (".parquet", ".xlsx"):
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        damages += [(damage, rows) for damage in ROW_DAMAGES]
    damage, what = data.draw(st.sampled_from(damages))
    damaged = damage(what, data.draw)
    try:
        if damaged is None:
            table.unlink()
        else:
            table.write_bytes(damaged)
        read_layout(layout, folder, skip_bad_clips=data.draw(st.booleans()))
    except DataError as e:
        if damaged is None and LAYOUTS[layout][0].startswith(("tcd_voip", "urgent")):
            return  # their tables may have any name
        assert table.name in str(e)
        if damage in (repeated_line, other_cell, accented):
            assert "line " in str(e) or "differ" in str(e)
    finally:
        table.write_bytes(content)
        logging.disable(logging.NOTSET)
