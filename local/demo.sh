#!/usr/bin/env bash
# Train both models on the mini corpus and show them side by side.
# Options are passed on to run.sh, e.g. --train_args "--max_epoch 3".
set -euo pipefail

# shellcheck source=/dev/null
. ./path.sh

for model in ssl_layer_mos sa_ssl_mos; do
    ./run.sh --corpus mini --model "${model}" --stage 1 --stop_stage 6 \
        --tag "${model}" "$@"
done

exp=exp/mini
tag=inference_valid.lcc.best
echo
python3 -m espnet_samos.bin.mos_compare --set mini_test --level utterance \
    SSL-Layer-MOS="${exp}/mos_ssl_layer_mos/${tag}/mini_test/scores.json" \
    SA-SSL-MOS="${exp}/mos_sa_ssl_mos/${tag}/mini_test/scores.json"
echo
echo "Tables with intervals, and plots: ${PWD}/${exp}/mos_*/RESULTS.md"
echo "Score a file of your own:"
echo "  ${VENV}/bin/samos score --model ${PWD}/${exp}/mos_sa_ssl_mos FILE..."
