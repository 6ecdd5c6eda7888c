#!/usr/bin/env bash
# Make a virtual environment with everything that the recipe and the tests need,
# and fetch ESPnet's recipe scripts. Safe to repeat: what is there is kept.
#
# Environment:
#   VENV         where the virtual environment goes (default: .venv)
#   PYTHON       the Python to make it with (default: the first fitting one found)
#   ESPNET_ROOT  an ESPnet checkout whose scripts are used instead of fetched ones
set -euo pipefail

cd "$(dirname "$0")/.."
VENV=${VENV:-.venv}

die() { echo "setup: error: $*" >&2; exit 1; }

fits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' \
        2> /dev/null
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        fits "${PYTHON}" || die "PYTHON=${PYTHON} is not a Python 3.12 or 3.13 with venv"
        echo "${PYTHON}"
        return
    fi
    for candidate in python3.12 python3.13 python3 \
        "${PYENV_ROOT:-${HOME}/.pyenv}"/versions/3.1[23]*/bin/python3; do
        if fits "${candidate}"; then
            echo "${candidate}"
            return
        fi
    done
    die "no Python 3.12 or 3.13 with the venv module was found. Install one" \
        "(Debian/Ubuntu: apt install python3.12 python3.12-venv; anywhere:" \
        "pyenv install 3.12, or conda create -n samos python=3.12) and, if it is" \
        "not on the PATH, name it: PYTHON=/path/to/python3.12 make setup"
}

if ! "${VENV}/bin/python" -m pip --version > /dev/null 2>&1; then
    python=$(find_python)
    echo "setup: making ${VENV} with ${python} ($("${python}" --version))"
    "${python}" -m venv --clear "${VENV}"
fi

echo "setup: installing espnet_samos and its dependencies (several GB at the first time)"
"${VENV}/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable ".[espnet,mini,test]"

if [ -n "${ESPNET_ROOT:-}" ]; then
    [ -d "${ESPNET_ROOT}/egs2/TEMPLATE/asr1/utils" ] ||
        die "ESPNET_ROOT=${ESPNET_ROOT} has no egs2/TEMPLATE/asr1/utils"
    if [ -e tools/espnet ] && [ ! -L tools/espnet ]; then
        rm -rf tools/espnet
    fi
    ln -sfn "$(realpath "${ESPNET_ROOT}")" tools/espnet
    echo "setup: using ESPnet's scripts in ${ESPNET_ROOT}"
else
    version=$("${VENV}/bin/python" -m pip show espnet | sed -n 's/^Version: //p')
    if [ "$(cat tools/espnet/VERSION 2> /dev/null)" != "${version}" ] ||
        [ ! -f tools/espnet/egs2/README.md ]; then
        echo "setup: fetching ESPnet ${version}'s recipe scripts"
        part=$(mktemp -d tools/espnet.part.XXXX)
        trap 'rm -rf "${part}"' EXIT
        "${VENV}/bin/python" -m pip download --quiet --disable-pip-version-check \
            --no-deps --no-build-isolation --no-binary espnet \
            --dest "${part}" "espnet==${version}"
        tar -xzf "${part}"/espnet-*.tar.gz -C "${part}" --wildcards \
            'espnet-*/egs2/TEMPLATE' 'espnet-*/egs2/mini_an4/a[sq][ra]1' 'espnet-*/egs2/README.md' \
            'espnet-*/ci/test_integration_espnet2.sh' 'espnet-*/setup.cfg' \
            'espnet-*/tools/extra_path.sh'
        for recipe in asr1 aqa1; do
            # links inside recipes do not survive in a source distribution
            for name in scripts pyscripts steps utils; do
                ln -sfn "../../TEMPLATE/asr1/${name}" \
                    "${part}/espnet-${version}/egs2/mini_an4/${recipe}/${name}"
            done
        done
        echo "${version}" > "${part}/espnet-${version}/VERSION"
        rm -rf tools/espnet
        mv "${part}/espnet-${version}" tools/espnet
    fi
fi
touch "${VENV}/.ready"
echo "setup: done"
