"""The preprocessor, where clips come from several corpora."""

from typing import Dict, Sequence

import numpy as np

from espnet_samos.train.preprocessor import MosPreprocessor


class CorpusPreprocessor(MosPreprocessor):
    """A `MosPreprocessor` that also turns a corpus' name into a number.

    Args:
        corpora: The corpora that the head knows, in its order; empty where it
            makes no difference between corpora.
        options: Those of `MosPreprocessor`.
    """

    def __init__(self, corpora: Sequence[str] = (), **options):
        super().__init__(**options)
        self.corpora = list(corpora)

    def __call__(self, uid: str, data: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
        """Replace `corpus`, a name, by its place (1,) in the list of corpora.

        Where the head has no such list, `corpus` is dropped.

        Raises:
            AudioError: See `MosPreprocessor`.
            ValueError: The head does not know the corpus.
        """
        data = super().__call__(uid, data)
        name = data.pop("corpus", None)
        if name is None or not self.corpora:
            return data
        if name not in self.corpora:
            raise ValueError(
                f"{uid} is of the corpus {name}, which head_conf.corpora does not "
                f"name (there are: {', '.join(self.corpora)})"
            )
        return dict(data, corpus=np.array([self.corpora.index(name)]))
