#!/usr/bin/env bash
# The nightly run: bring the index up to date with a folder, and answer the questions again where something has changed. Safe to start at any
# time and again after a crash: a second run ends with code 2 (within half a minute), and what is done is not done twice.
#
#   DOCUMENTS=/data/library QUESTIONS=/data/questions.parquet OUTPUT=/data/answers deploy/schedule/nightly.sh [options of `gemma-submit answer`]
set -euo pipefail

: "${DOCUMENTS:?names the folder with the documents}"
: "${QUESTIONS:?names the files with the questions}"
: "${OUTPUT:?names the folder for the answers}"

exec "$(dirname "${BASH_SOURCE[0]}")/../bin/gemma-submit" answer \
  --documents "$DOCUMENTS" --questions "$QUESTIONS" --output "$OUTPUT" "$@"
