"""The stand-in for Python that recipes of ESPnet are given."""

import subprocess
import sys

import pytest


def run(*args, stdin=""):
    return subprocess.run(
        [sys.executable, "-m", "espnet_samos.integrations.espnet", *args],
        input=stdin,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "args, stdin",
    [
        (["-c", "import sys; print(sys.argv[1:]); sys.exit(3)", "a b"], ""),
        (["-", "a b"], "import sys; print(sys.argv[1:]); sys.exit(3)"),
        (["script.py", "a b"], ""),
    ],
)
def test_what_is_not_espnet_is_left_to_python(tmp_path, monkeypatch, args, stdin):
    (tmp_path / "script.py").write_text("import sys; print(sys.argv[1:]); sys.exit(3)")
    monkeypatch.chdir(tmp_path)
    result = run(*args, stdin=stdin)
    assert (result.returncode, result.stdout) == (3, "['a b']\n")


def test_modules_of_others_and_unknown_ones_are_left_to_python():
    assert run("-m", "json.tool", stdin="[1]").stdout.split() == ["[", "1", "]"]
    unknown = run("-m", "espnet2.bin.no_such")
    assert unknown.returncode == 1
    assert "No module named espnet2.bin.no_such" in unknown.stderr


def test_espnet_modules_run_as_main():
    result = run("-m", "espnet2.bin.launch", "--help")
    assert result.returncode == 0
    assert result.stdout.startswith("usage: launch.py")


def test_usage():
    assert '--python "python3 -m espnet_samos.integrations.espnet"' in run().stdout


def test_starting_costs_no_torch():
    code = (
        "import sys, espnet_samos.integrations.espnet; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
