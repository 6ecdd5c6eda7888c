#!/usr/bin/env bash
# Train and test a MOS predictor on a corpus: ./run.sh --stage 1 --stop_stage 6
# Options of this script: --corpus; all others are those of mos.sh (--help).
set -e
set -u
set -o pipefail

corpus=mini

# --corpus may stand anywhere; the rest goes on to mos.sh
args=()
while [ $# -gt 0 ]; do
    if [ "$1" = --corpus ]; then
        corpus=${2:?--corpus needs a name}
        shift 2
    else
        args+=("$1")
        shift
    fi
done

case "${corpus}" in
    mini)
        opts=(
            --pretrain_set mini_pretrain --pretrain_valid_set mini_pretrain_dev
            --train_set mini_train --valid_set mini_dev
            --test_sets "mini_test mini_unseen"
            --dump_ssl_feats true
        )
        ;;
    *)
        echo "run.sh: error: unknown --corpus '${corpus}' (there is: mini)." \
            "For data directories of your own, call mos.sh: see docs/own_corpus.md" >&2
        exit 2
        ;;
esac

conf=conf/${corpus}
./mos.sh \
    --local_data_opts "--corpus ${corpus}" \
    --pretrain_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/pretrain.yaml" \
    --train_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/finetune.yaml" \
    --inference_config conf/inference.yaml \
    --expdir "exp/${corpus}" \
    "${opts[@]}" ${args[@]+"${args[@]}"}
