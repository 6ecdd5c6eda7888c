#!/usr/bin/env bash
# Fetch ESPnet's mini_an4 recipes, with their speech, beside the scripts that
# tools/setup.sh has fetched: `make integration` runs them. What is there is kept, and
# a checkout that tools/espnet points to (ESPNET_ROOT) has them already.
#
# Environment:
#   VENV  the virtual environment (default: .venv)
set -euo pipefail

cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}

die() { echo "fetch_mini_an4: error: $*" >&2; exit 1; }

[ -d tools/espnet ] || die "no tools/espnet: run tools/setup.sh first"
[ -d tools/espnet/egs2/mini_an4/asr1 ] && exit 0
[ -L tools/espnet ] && die "$(realpath tools/espnet) has no egs2/mini_an4/asr1"

version=$(cat tools/espnet/VERSION)
echo "fetch_mini_an4: fetching the mini_an4 recipes of ESPnet ${version}"
part=$(mktemp -d tools/espnet.part.XXXX)
trap 'rm -rf "${part}"' EXIT
"${VENV}/bin/python" -m pip download --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation --no-binary espnet \
    --dest "${part}" "espnet==${version}"
tar -xzf "${part}"/espnet-*.tar.gz -C "${part}" --wildcards \
    'espnet-*/egs2/mini_an4/asr1' 'espnet-*/egs2/mini_an4/aqa1' \
    'espnet-*/tools/extra_path.sh'
for recipe in asr1 aqa1; do
    # links inside recipes do not survive in a source distribution
    for name in scripts pyscripts steps utils; do
        ln -sfn "../../TEMPLATE/asr1/${name}" \
            "${part}/espnet-${version}/egs2/mini_an4/${recipe}/${name}"
    done
done
mkdir -p tools/espnet/tools
mv "${part}/espnet-${version}/tools/extra_path.sh" tools/espnet/tools
mv "${part}/espnet-${version}/egs2/mini_an4" tools/espnet/egs2
