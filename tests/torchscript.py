"""TorchScript archives as the published one is, from this project's modules."""

import torch


def _holder(**modules):
    holder = torch.nn.Module()
    for name, module in modules.items():
        setattr(holder, name, module)
    return holder


class PublishedModel(torch.nn.Module):
    """One of our models with its modules named as in the published checkpoint."""

    def __init__(self, model):
        super().__init__()
        self._fpm = _holder(_encoder=model.ssl_encoder.layers)
        if model.spectrogram_encoder is not None:
            self._spm = _holder(encoder=model.spectrogram_encoder.layers)
        self._mos_mapping_module = _holder(
            _mu_head=model.head.mean_mlp, _var_head=model.head.variance_mlp
        )
        # attributes that are no weights, which an archive has as well
        self.sizes = [64, 32]
        self.settings = {"dropout_rate": 0.3}

    def forward(self, ssl, spectrogram):
        vector = self._fpm._encoder(ssl.transpose(1, 2)).flatten(1)
        if hasattr(self, "_spm"):
            hidden = self._spm.encoder(spectrogram.unsqueeze(1))
            vector = torch.cat((vector, hidden.amax(dim=(2, 3))), dim=1)
        mean = self._mos_mapping_module._mu_head(vector) * 2
        return mean, self._mos_mapping_module._var_head(vector)


def save_torchscript(model, inputs, path, how="script"):
    """Write an ESPnetMosModel as a TorchScript archive in the published naming."""
    published = PublishedModel(model).eval()
    if how == "script":
        torch.jit.save(torch.jit.script(published), path)
    else:
        one_clip = tuple(x[:1] for x in inputs)
        torch.jit.save(torch.jit.trace(published, one_clip, check_trace=False), path)
    return path
