#!/usr/bin/env bash
# Train and test a MOS predictor on a corpus: ./run.sh --stage 1 --stop_stage 6
# Options of this script: --corpus; all others are those of mos.sh (--help).
# --corpus paper and paper_mini train many, for tables: local/experiment.sh (--help);
# --corpus rated, too, on clips that people rated: local/rated.sh (--help).
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
    paper)
        exec local/experiment.sh --corpora "nisqa audiomos tcd_voip tencent" \
            --pretrain_set nisqa_train --pretrain_valid_set nisqa_valid \
            --train_set audiomos_train --valid_set audiomos_valid \
            --test_sets "audiomos_test nisqa_test_for nisqa_test_livetalk nisqa_test_p501
                tcd_voip tencent_without_reverb tencent_with_reverb" \
            --conf conf/paper --published conf/paper/published.yaml --expdir exp/paper \
            ${args[@]+"${args[@]}"}
        ;;
    paper_mini)
        cores=$(env -u OMP_NUM_THREADS nproc)
        exec local/experiment.sh --corpora mini \
            --pretrain_set mini_pretrain --pretrain_valid_set mini_pretrain_dev \
            --train_set mini_train --valid_set mini_dev \
            --test_sets "mini_test mini_unseen" --dump_ssl_feats true \
            --conf conf/mini --expdir exp/mini \
            --num_runs 3 --num_finetunes 1 --ngpu 0 --nj "${cores}" \
            --max_jobs_run "${cores}" ${args[@]+"${args[@]}"}
        ;;
    rated)
        exec local/rated.sh ${args[@]+"${args[@]}"}
        ;;
    *)
        echo "run.sh: error: unknown --corpus '${corpus}' (there are: mini, paper, paper_mini, rated)." \
            "For data directories of your own, call mos.sh: see docs/own_corpus.md" >&2
        exit 2
        ;;
esac

conf=conf/${corpus}
./mos.sh \
    --local_data_opts "--corpus ${corpus}" \
    --pretrain_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/pretrain.yaml" \
    --train_config "${conf}/model.yaml ${conf}/train.yaml ${conf}/finetune.yaml" \
    --inference_config "${conf}/inference.yaml" \
    --expdir "exp/${corpus}" \
    "${opts[@]}" ${args[@]+"${args[@]}"}
