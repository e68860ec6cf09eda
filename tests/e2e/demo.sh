#!/bin/bash
# The demo is an example, and examples are tests: its own checks decide.
set -eu
exec "$(dirname "$0")/../../examples/demo/run"
