#!/bin/bash
# An Azure made of recordings, at three moments: nothing invented, enough read, nothing removed by a 403. Where recordings and their
# replay server are at hand; `make corpus` says more.
set -eu
shared=${AZDRIFT_SHARED:-../shared} corpus=${AZDRIFT_CORPUS:-build/corpus}
if [ ! -x "$shared/tools/tape-arm" ] || [ ! -d "$corpus/tapes" ]; then
  echo "no $shared/tools/tape-arm or no $corpus/tapes (AZDRIFT_SHARED, AZDRIFT_CORPUS)"
  exit 77
fi
exec tests/corpus/check_tapes.py "${AZDRIFT:-build/azdrift}" "$shared/tools/tape-arm" "$corpus/tapes"
