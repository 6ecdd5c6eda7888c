"""Download corpora whose licences let anyone do so."""

import importlib
import logging
import shutil
from pathlib import Path
from typing import Optional, Union

from espnet_samos.corpora import CORPORA
from espnet_samos.corpora.sources import Source
from espnet_samos.utils.tables import DataError


def download(
    corpus: str, corpus_dir: Union[str, Path], source: Optional[Source] = None
) -> None:
    """Download a corpus, unless its folder is there already.

    Everything is done in `<corpus_dir>.download`, and `corpus_dir` is there only when
    all of it is complete. A download that broke off goes on where it stopped.

    Args:
        corpus: A key of `CORPORA`.
        corpus_dir: The folder that the corpus' `prepare` reads.
        source: Where from; None: as the corpus' module says.

    Raises:
        DataError: The corpus cannot be downloaded by a program, or the download
            failed; the message says how else to get it.
    """
    corpus_dir = Path(corpus_dir)
    if corpus_dir.is_dir() and any(corpus_dir.iterdir()):
        logging.info("%s is there already: nothing is downloaded", corpus_dir)
        return
    module = importlib.import_module(CORPORA[corpus])
    where = getattr(module, "WHERE", None)
    source = source or getattr(module, "DOWNLOAD", None)
    if source is None:
        raise DataError(
            f"corpus {corpus} is not one that can be downloaded from here"
            + (f": get it from {where}" if where else "")
        )
    logging.info("downloading %s to %s: %s", corpus, corpus_dir, where)
    folder = corpus_dir.with_name(f"{corpus_dir.name}.download")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        source.fetch(folder).replace(corpus_dir)
        shutil.rmtree(folder)
    except (DataError, OSError) as e:
        raise DataError(f"corpus {corpus}: {e}\nGet it by hand from {where}") from e
