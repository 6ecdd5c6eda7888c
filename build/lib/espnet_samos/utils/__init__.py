"""What every part of the package may use."""

Z95 = 1.959964  # two-sided 95 % of a normal distribution
