#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# rank.sh FOLDER PROGRAM...: leave this rank's process number in FOLDER/RANK and become the program.
folder=$1
shift
echo $$ >"$folder/${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"
exec "$@"
