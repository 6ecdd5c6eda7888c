"""ESPnet3's systems: a metric, a dataset and a task, named in its configurations."""
