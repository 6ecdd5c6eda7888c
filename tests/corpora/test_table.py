import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_samos.corpora.table import parse_rows, read_rows
from espnet_samos.utils.tables import DataError


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def cells(path, *needed, **options):
    return [dict(row.cells) for row in read_rows(path, needed, **options)]


def test_reads_what_spreadsheets_write(table):
    expected = [{"a": "x, y", "b": 'say "z"'}, {"a": "ü", "b": ""}]
    text = 'a, b\n"x, y","say ""z"""\n\nü ,\n'
    for encoding in ("utf-8", "utf-8-sig"):
        for newline in ("\n", "\r\n", "\r"):
            content = text.replace("\n", newline).encode(encoding)
            assert cells(table(content), "a", "b") == expected


def test_lines_without_header(table):
    path = table("1,2\n3,4\n")
    assert cells(path, "a", "b", header=False) == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": "4"},
    ]


def test_counts_lines_as_editors_do(table):
    rows = read_rows(table('a\n1\n\n"2\n3"\n4\n'), ["a"])
    # Where an entry runs over lines, its last one.
    assert [row.line for row in rows] == [2, 5, 6]


@pytest.mark.parametrize(
    "content, message",
    [
        ("a\n1\n", "line 1: no column b in the header \\(a\\): the table needs"),
        ("a,b,a\n1,2,3\n", "line 1: two columns a in the header"),
        ("a,b\n1\n", "1 problem.*\n  line 2: not 2 fields \\(a, b\\)"),
        ("a,b\n1,2,3\n", "1 problem.*\n  line 2: not 2 fields"),
        ('a,b\n1,2\n"1,2\n', "line 3: not a table with ',' .* \\(unexpected end"),
        ('a,b\n1,"2"x\n', "line 2: not a table"),
        ("a,b\n1,2\nü,1\n".encode("latin-1"), "line 3: not UTF-8 \\(invalid"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1: not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "line 1: has a NUL"),
        ("a,b\n1,\0\n", "line 2: has a NUL character"),
        ("a,b\n1," + 200000 * "2", "line 2: not a table .*field larger"),
        ("a,b\n", "no lines after the header"),
        ("", "t.csv: no lines: add"),
    ],
)
def test_refuses_by_file_and_line(table, content, message):
    with pytest.raises(DataError, match=f"t.csv: {message}|{message}") as error:
        read_rows(table(content), ["a", "b"])
    assert "t.csv" in str(error.value)


def test_refuses_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "gone.csv", tmp_path / ("a" * 300)):
        with pytest.raises(DataError, match=f"no such file: {path}"):
            read_rows(path, ["a"])


@pytest.mark.parametrize(
    "method, text, value",
    [
        ("number", "-1.5e2", -150.0),
        ("number", "x", "a 'x' is not a number"),
        ("number", "inf", "a 'inf' is not a number"),
        ("number", "", "no a: fill it in"),
        ("mos", "1", 1.0),
        ("mos", "5.01", "a 5.01 is outside 1..5: rescale"),
        ("std", "", None),
        ("std", "0", 0.0),
        ("std", "-0.1", "a '-0.1' is below 0"),
        ("count", "", None),
        ("count", "8.0", 8),
        ("count", "7.5", "a '7.5' is not a whole number from 1 up"),
        ("count", "0", "a '0' is not a whole number from 1 up"),
        ("name", "a  b", "a_b"),
        ("text", "", "no a: fill it in"),
    ],
)
def test_cells(table, method, text, value):
    path = table(f'b,a\n1,"{text}"\n')
    read = lambda: parse_rows(  # noqa: E731
        path, read_rows(path, ["a"]), lambda row: getattr(row, method)("a"), ["b"]
    )
    if isinstance(value, str) and method not in ("name",):
        with pytest.raises(DataError, match=f"t.csv: 1 .*\n  line 2: 1: {value}"):
            read()
    else:
        assert read() == [value]


def test_files_stay_in_their_folder(table, tmp_path):
    (tmp_path / "wav").mkdir()
    inside, outside = tmp_path / "wav/a.wav", tmp_path / "b.wav"
    inside.touch()
    outside.touch()

    def read(name, suffix=""):
        path = table(f"a\n{name}\n")
        row = read_rows(path, ["a"])[0]
        return row.file("a", tmp_path / "wav", suffix)

    assert read("a.wav") == read("./a.wav") == read("a", ".wav") == inside
    assert read("a.wav", ".wav") == inside
    for name in ("../b.wav", str(outside), str(inside)):
        with pytest.raises(DataError, match="leads out of .*wav: write it relative"):
            read(name)
    for name in ("b.wav", "a", 300 * "a"):
        with pytest.raises(DataError, match="no such file"):
            read(name)


def test_rows_are_unique_by_the_columns_that_tell_them_apart(table, caplog):
    path = table("a,b\n1,1\n1,2\n2,1\n1,2\n")
    rows = read_rows(path, ["a", "b"])
    with pytest.raises(DataError) as error:
        parse_rows(path, rows, lambda row: row, ["a"])
    assert "line 3: 1: this is on line 2 already" in str(error.value)
    assert "line 5: 1: this is on line 2 already" in str(error.value)
    with pytest.raises(
        DataError, match="1 problem.*\n  line 5: 1, 2: this is on line 3"
    ):
        parse_rows(path, rows, lambda row: row, ["a", "b"])
    kept = parse_rows(path, rows, lambda row: row.line, ["a", "b"], skip=True)
    assert kept == [2, 3, 4] and "line 5: 1, 2: this is on line 3" in caplog.text


@given(content=st.binary(max_size=60) | st.text('ab,"\r\n\0;1 é', max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_rows_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        rows = read_rows(path, ["a"], header=False)
    except DataError as e:
        assert "any.csv" in str(e)
    else:
        assert rows and all(set(row.cells) == {"a"} for row in rows)
