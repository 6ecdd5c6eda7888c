import pytest
import torch

from espnet_samos.frontend.level import loud_power, remove_dc


def test_dc_goes_and_silence_around_stays():
    x = torch.randn(2, 1000)
    x = x - x.mean(dim=1, keepdim=True)
    padded = torch.nn.functional.pad(x + 0.3, (50, 200))
    torch.testing.assert_close(remove_dc(padded)[:, 50:1050], x, atol=1e-5, rtol=0)
    assert (remove_dc(padded)[:, :50] == 0).all()
    assert (remove_dc(torch.zeros(1, 10)) == 0).all()


def test_loud_power_is_that_of_what_sounds():
    speech = torch.rand(1, 200).square()
    loud = loud_power(speech)
    padded = torch.nn.functional.pad(speech, (0, 10_000))
    torch.testing.assert_close(loud_power(padded), loud)
    torch.testing.assert_close(loud_power(7 * speech), 7 * loud)
    assert loud_power(torch.full((1, 9), 0.5)).item() == pytest.approx(0.5)
    # a click, 20 dB above the loudest
    speech[0, 100] = 100.0
    assert loud < loud_power(speech) < 10 * loud
    assert loud_power(torch.zeros(1, 5)) == 0
