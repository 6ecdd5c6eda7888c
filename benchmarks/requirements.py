"""What the checks for a GPU import beside PyTorch, torchaudio and transformers.

A machine with a GPU often has these three and no way to more. What is listed here is
what cannot be imported without; the tests run the checks with nothing else.
"""

from importlib import metadata
from typing import List

GIVEN = ("torch", "torchaudio", "transformers")
ALL_CHECKS = (
    "antlr4-python3-runtime",
    "certifi",
    "cffi",
    "distillmos",
    "espnet",
    "espnet-s3prl",
    "humanfriendly",
    "omegaconf",
    "requests",
    "soundfile",
    "soxr",
    "typeguard",
    "urllib3",
    "xls-r-sqa",
)
# ESPnet's trainer
TRAINER = (
    "einops",
    "kaldiio",
    "lazy-loader",
    "librosa",
    "llvmlite",
    "numba",
    "omniio",
    "scipy",
    "sentencepiece",
    "torch-complex",
)


def requirements() -> List[str]:
    """List them with the versions that are installed here, as pip reads it."""

    def pinned(names: tuple) -> List[str]:
        return [f"{name}=={metadata.version(name)}" for name in names]

    return [
        "# beside " + ", ".join(GIVEN),
        *pinned(ALL_CHECKS),
        "# for training_epoch alone",
        *pinned(TRAINER),
    ]
