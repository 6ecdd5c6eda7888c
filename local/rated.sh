#!/usr/bin/env bash
# The paper's six rows on clips that people rated: trained on a made corpus with computed
# labels, on rated clips, and on both in two steps; tested on talkers that training never
# met. Weights of it are for this experiment: TCD-VoIP is for non-commercial use.
# Interrupted, the same command goes on where it stopped.
#
# Lists are split on purpose, other scripts are where the recipe runs:
# shellcheck disable=SC1091,SC2034,SC2046,SC2086
set -euo pipefail

corpora="tcd_voip p835_reference neural_codec_mushra" # Corpora to prepare
rated_sets="tcd_voip p835_fb48 p835_wb16 neural_codec_mushra" # Their sets, the reference first
conf=conf/mini                     # Directory of YAML files
extra_config=""                    # YAML files over those
rows=""                            # Rows, where not all are wanted
num_folds=2                        # Folds over talkers
num_runs=5                         # Seeds
nj=$(env -u OMP_NUM_THREADS nproc) # Trainings at once, each of one thread
expdir=exp/rated                   # Experiments and RESULTS.md
download=false                     # Fetch corpora where their licences allow it
train_args=""                      # For every training
help_message="Usage: ./run.sh --corpus rated [options]
Options with their defaults:
$(sed -nE '/^[a-z_]+=.* # /{s/([a-z_]+)=(\S*)/--\1 \2/g;s/ +# /\t/p}' "$0" | expand -t 45)"

. ./path.sh
. local/check_args.sh
. utils/parse_options.sh

for corpus in ${corpora}; do
    local/data.sh --corpus "${corpus}" --download "${download}"
done
marker=data/.rated_folds
key="${rated_sets} in ${num_folds}"
made=$([ -f "${marker}" ] && cat "${marker}" || true)
if [ "${made}" != "${key}" ] ||
    [ -n "$(find $(printf 'data/%s/wav.scp ' ${rated_sets}) -newer "${marker}")" ]; then
    python3 -m espnet_samos.bin.mos_fold_data --num_folds "${num_folds}" --output_dir data \
        --data_dirs $(printf 'data/%s ' ${rated_sets})
    echo "${key}" > "${marker}"
fi

for fold in $(seq "${num_folds}"); do
    # sets <part>: the sets of this fold
    sets() { printf "%s_fold${fold}_$1 " ${rated_sets} | xargs; }
    mkdir -p "${expdir}/fold${fold}"
    # each listening test has a scale of its own; predictions are on that of the first
    head=${expdir}/fold${fold}/head.yaml
    {
        echo "head_conf:"
        echo "    corpora: [$(sets train | sed 's/ /, /g')]"
    } > "${head}"
    local/experiment.sh --corpora mini --pretrain_set mini_pretrain \
        --pretrain_valid_set mini_pretrain_dev --train_set "$(sets train)" \
        --valid_set "$(sets dev)" --test_sets "$(sets test)" --dump_ssl_feats true \
        --conf "${conf}" --extra_config "${extra_config:+${extra_config} }${head}" \
        --expdir "${expdir}/fold${fold}" --rows "${rows}" \
        --num_runs "${num_runs}" --num_finetunes 1 --ngpu 0 --nj "${nj}" \
        --multichannel downmix --max_jobs_run "${nj}" --train_args "${train_args}"
done
python3 -m espnet_samos.bin.mos_rated --exp_dir "${expdir}" --sets ${rated_sets} \
    --num_folds "${num_folds}" ${rows:+--rows ${rows}}
