"""Corpora: one module for each, and one writer of Kaldi data directories.

The module of a corpus has a function `prepare` that takes the options this corpus
needs as keyword arguments (folders, tables, ...) and returns the clips of each
set: `Dict[str, List[Clip]]`. Where its labels need a word of caution, the module
says it in a string `LABEL_NOTE`, which travels with the data directories.

A new corpus is one module and one line here.
"""

CORPORA = {
    "mini": "espnet_samos.corpora.mini",
    "csv": "espnet_samos.corpora.csv_table",
}
