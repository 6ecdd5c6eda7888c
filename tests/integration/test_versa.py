"""The metric in VERSA's own scorer. Skipped where VERSA is not installed."""

import importlib.util
import json

import pytest
import soundfile

from espnet_samos import MosPredictor
from tests.integrations.test_versa import FILE
from tests.tiny_model import save_model, speechlike

pytestmark = pytest.mark.integration
RATES = dict(utt1=16000, utt2=48000, utt3=24000)


def test_versas_scorer(tmp_path, caplog):
    definition = pytest.importorskip("versa.definition")
    shared = pytest.importorskip("versa.scorer_shared")
    spec = importlib.util.spec_from_file_location("samos_mos", FILE)
    samos_mos = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(samos_mos)
    registry = definition.MetricRegistry()
    samos_mos.register_samos_mos_metric(registry)

    model = save_model(tmp_path / "exp")
    lines, expected = [], {}
    for i, (name, fs) in enumerate(RATES.items()):
        clip = speechlike(1.5, fs, i)
        soundfile.write(tmp_path / f"{name}.wav", clip, fs, subtype="FLOAT")
        lines.append(f"{name} {tmp_path}/{name}.wav\n")
        result = MosPredictor.from_pretrained(model).predict(clip, fs)
        expected[name] = pytest.approx(result.mean, abs=1e-4)
    (tmp_path / "wav.scp").write_text("".join(lines))

    scorer = shared.VersaScorer(registry)
    conf = [dict(name="samos_mos", model=str(model))]
    clips = shared.audio_loader_setup(str(tmp_path / "wav.scp"), "soundfile")
    suite = scorer.load_metrics(conf, use_gt=False)
    output = tmp_path / "scores.jsonl"
    scorer.score_utterances(clips, suite, output_file=str(output), io="soundfile")
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert {row["key"]: row["samos_mos"] for row in rows} == expected
    assert "beside a reference" not in caplog.text

    # beside references at 16 kHz, which VERSA brings every prediction down to
    references = dict.fromkeys(clips, str(tmp_path / "utt1.wav"))
    rows = scorer.score_utterances(clips, suite, references, io="soundfile")
    lowered = {row["key"]: row["samos_mos_bandwidth"] for row in rows}
    assert max(lowered.values()) <= 8000
    assert caplog.text.count("beside a reference") == 1
