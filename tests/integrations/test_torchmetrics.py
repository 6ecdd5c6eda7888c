import copy
import pickle
import subprocess
import sys

import pytest
import torch
from torchmetrics import MetricCollection

from espnet_samos import MosPredictor
from espnet_samos.audio.reading import AudioError
from espnet_samos.integrations.functional import mos_score
from espnet_samos.integrations.torchmetrics import SamosMos
from tests.integrations.test_functional import clips
from tests.tiny_model import save_model

FS = 24000


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    return MosPredictor.from_pretrained(save_model(tmp_path_factory.mktemp("exp")))


@pytest.fixture(scope="module")
def batch():
    """(5, NSamples); its scores differ."""
    return clips(1.2, FS, seeds=range(5)) * torch.tensor([[1], [0.3], [0.1], [3], [2]])


@pytest.fixture(scope="module")
def scores(predictor, batch):
    scores = mos_score(batch, FS, predictor)
    assert scores.std() > 1e-3
    return scores


def test_is_the_mean_over_clips_not_over_batches(predictor, batch, scores):
    metric = SamosMos(FS, predictor)
    metric.update(batch[:1])
    metric.update(batch[1:].view(2, 2, -1))
    assert metric.compute().item() == pytest.approx(scores.mean().item(), abs=1e-5)
    metric.reset()
    value = metric(batch[:2])
    assert value.item() == pytest.approx(scores[:2].mean().item(), abs=1e-5)
    metric.update(batch[2])
    assert metric.compute().item() == pytest.approx(scores[:3].mean().item(), abs=1e-5)
    metric.reset()
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert metric.compute().isnan()


def test_is_declared_as_other_metrics_of_audio_are(predictor, batch):
    assert SamosMos.higher_is_better and SamosMos.is_differentiable
    assert SamosMos.full_state_update is False
    metric = SamosMos(FS, predictor)
    value = metric(batch.clone().requires_grad_())
    assert value.requires_grad
    figure, axes = metric.plot()
    low, high = axes.get_ylim()
    assert low <= 1 and high >= 5
    assert figure is not None


def test_states_of_several_processes_are_added(predictor, batch, scores):
    """What torchmetrics does in DDP: every process gathers the states of all."""
    metrics = [SamosMos(FS, predictor) for _ in range(2)]
    for metric, part in zip(metrics, (batch[:1], batch[1:]), strict=True):
        metric.update(part)
    gathered = iter(
        [getattr(metric, name) for metric in metrics] for name in ("sum_mos", "total")
    )
    metrics[0].sync(
        dist_sync_fn=lambda state, group: next(gathered),
        distributed_available=lambda: True,
    )
    assert metrics[0].total == 5
    synced = metrics[0].sum_mos / metrics[0].total
    assert synced.item() == pytest.approx(scores.mean().item(), abs=1e-5)
    metrics[0].unsync()
    assert metrics[0].total == 1
    metrics[1].merge_state(metrics[0])
    assert metrics[1].compute().item() == pytest.approx(scores.mean().item(), abs=1e-5)


def test_is_copied_pickled_and_collected_but_not_saved(predictor, batch, scores):
    metric = SamosMos(FS, predictor)
    metric.update(batch)
    for twin in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert twin.compute() == metric.compute()
        twin.reset()
        twin.update(batch[:1])
        assert twin.compute().item() == pytest.approx(scores[0].item(), abs=1e-5)
    assert not metric.state_dict() and not list(metric.parameters())
    collection = MetricCollection({"mos": metric}).clone(prefix="val_")
    assert set(collection(batch)) == {"val_mos"}


def test_runs_in_lightning(predictor, tmp_path):
    import lightning

    clean = clips(0.5, FS, seeds=range(4))

    class Vocoder(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.filter = torch.nn.Conv1d(1, 1, 9, padding=4)
            self.mos = SamosMos(FS, predictor)

        def forward(self, x):
            return self.filter(x[:, None])[:, 0]

        def training_step(self, x, _):
            loss = -mos_score(self(x), FS, predictor).mean()
            self.log("loss", loss)
            return loss

        def validation_step(self, x, _):
            self.mos.update(self(x))
            self.log("mos", self.mos, on_epoch=True)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=1e-3)

    vocoder = Vocoder()
    loader = torch.utils.data.DataLoader(clean, batch_size=2)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(vocoder, loader, loader)
    expected = mos_score(vocoder(clean), FS, predictor).mean().item()
    assert trainer.callback_metrics["mos"].item() == pytest.approx(expected, abs=1e-4)
    saved = torch.load(trainer.checkpoint_callback.best_model_path)["state_dict"]
    assert set(saved) == {"filter.weight", "filter.bias"}


def test_a_rate_that_no_model_is_made_for_is_refused(predictor):
    with pytest.raises(AudioError, match="4000 Hz"):
        SamosMos(4000, predictor)


def test_says_what_is_missing():
    code = (
        "import sys; sys.modules['torchmetrics'] = None\n"
        "import espnet_samos.integrations.functional\n"
        "import espnet_samos.integrations.torchmetrics\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (
        "ImportError: espnet_samos.integrations.torchmetrics needs the package"
        in done.stderr
    )
    assert "pip install torchmetrics" in done.stderr
