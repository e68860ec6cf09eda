#!/bin/bash
# The demo once more, with its history in a real MongoDB.
set -eu
STORE=mongodb exec "$(dirname "$0")/../run/demo"
