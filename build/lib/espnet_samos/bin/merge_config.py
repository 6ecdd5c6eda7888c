#!/usr/bin/env python3
"""Merge YAML configuration files into one."""

import argparse
from pathlib import Path

import yaml
from espnet2.utils.yaml_no_alias_safe_dump import yaml_no_alias_safe_dump

from espnet_samos.utils.config import merge_files
from espnet_samos.utils.files import explain_full_disk, write_text


def get_parser():
    """Return the argument parser."""
    parser = argparse.ArgumentParser(
        description="Merge YAML configuration files, a later one over an earlier, "
        "so that a key is written in one file only"
    )
    parser.add_argument("config", nargs="+", help="YAML files")
    parser.add_argument("--output", required=True, help="The file to write")
    parser.add_argument("--keys", nargs="+", help="Keep these keys only")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="Refuse to change the output where it exists with another content",
    )
    return parser


@explain_full_disk
def main(cmd=None):
    """Merge configuration files."""
    parser = get_parser()
    args = parser.parse_args(cmd)
    try:
        merged = merge_files(args.config)
    except (FileNotFoundError, ValueError) as e:
        parser.error(str(e))
    if args.keys is not None:
        merged = {key: merged[key] for key in args.keys if key in merged}
    output = Path(args.output)
    if output.is_file():
        existing = yaml.safe_load(output.read_text(encoding="utf-8")) or {}
        if existing == merged:
            return
        if args.keep:
            keys = sorted(
                key
                for key in {*merged, *existing}
                if merged.get(key) != existing.get(key)
            )
            parser.error(
                f"{output.parent} was made with another configuration "
                f"(different: {', '.join(keys)}): give this one its own --tag or "
                "--expdir, or remove that directory"
            )
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, yaml_no_alias_safe_dump(merged, indent=4, sort_keys=False))


if __name__ == "__main__":
    main()
