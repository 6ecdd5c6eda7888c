"""Score files with one predictor: the process that `benchmarks.predictors` measures.

    python -m benchmarks.predictor_worker <name> <file> ...

Imports no more than the predictor does.
"""

import sys
import time
from typing import Callable, List

import soundfile

from espnet_samos.peers import choose_peers

OURS = "samos"


def scorer(name: str) -> Callable[[List[str]], None]:
    """Load a predictor; return what scores files with it."""
    if name == OURS:
        from espnet_samos import MosPredictor

        predictor = MosPredictor.from_pretrained()

        def score(files: List[str]) -> None:
            for result in predictor.predict_files(files):
                assert result.error is None, result.error

        return score
    peer = choose_peers([name])[0][name]()

    def score_with_peer(files: List[str]) -> None:
        for file in files:
            peer.scores(*soundfile.read(file, dtype="float32"))

    return score_with_peer


def work(name: str, files: List[str]) -> None:
    """Score files in this process; print the seconds without the start."""
    score = scorer(name)
    start = time.perf_counter()
    score(files)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2:])
