"""What a resumable run has made so far: a line for each part, as it is done."""

from pathlib import Path
from typing import List

from espnet_samos.utils.files import write_text
from espnet_samos.utils.tables import DataError


def read_journal(path: Path, version: str) -> List[str]:
    """Read the lines after the first, which is the version; start a new file with it.

    Lines are appended by others. A killed run may have left its last one unfinished: it
    is dropped, in the file too.

    Raises:
        DataError: The file is of another version.
    """
    if not path.is_file():
        write_text(path, f"{version}\n")
    head, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if head.strip() != version:
        raise DataError(
            f"{path}: '{head.strip()}' instead of '{version}': the folder holds "
            "another version of the corpus; delete it or give another folder"
        )
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        write_text(path, "".join([head, *whole]))
    return whole
