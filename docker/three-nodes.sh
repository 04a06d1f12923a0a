#!/bin/sh
# Three nodes of three operators on this machine, without containers: a (Kassel), b (Prishtina), c (Rabat).
# b follows a; a and c follow each other. Walks through peering as their admins would, then goes on until Ctrl-C.
#
#   docker/three-nodes.sh            in a folder ./three-nodes, on ports 8081 to 8083
#   docker/three-nodes.sh --once     ends once everything was shown, and removes the folder
#
# LOTSE names the program (default: target/release/lotse), FOLDER the folder, PORT the first port.
set -eu

LOTSE=${LOTSE:-$(dirname "$0")/../target/release/lotse}
FOLDER=${FOLDER:-three-nodes}
PORT=${PORT:-8081}
ONCE=${1:-}
# Plain http, and addresses of this machine, are for trying out only.
export LOTSE_PEER_INSECURE=true LOTSE_LOG=${LOTSE_LOG:-warn}
PROCESSES=

[ -x "$LOTSE" ] || { echo "$LOTSE is missing: cargo build --release" >&2; exit 1; }
mkdir -p "$FOLDER"

url() { echo "http://localhost:$1"; }
A=$PORT B=$((PORT + 1)) C=$((PORT + 2))

# node PORT COMMAND...: a command of the node on that port
node() { (instead "$@"); }

# instead PORT COMMAND...: the same in the place of this shell, so that whoever ends its process ends the node
instead() {
  port=$1
  shift
  exec env LOTSE_LISTEN="127.0.0.1:$port" LOTSE_BASE_URL="$(url "$port")" LOTSE_DATA="$FOLDER/$port" "$LOTSE" "$@"
}

say() { printf '\n== %s\n' "$*"; }

stop() {
  for process in $PROCESSES; do kill "$process" 2>/dev/null || true; done
  for process in $PROCESSES; do wait "$process" 2>/dev/null || true; done
  if [ "$ONCE" = --once ]; then rm -rf "$FOLDER"; fi
}
trap stop EXIT
trap 'exit 130' INT TERM

# until_found PORT NUMBER: waits until that node shows so many entries
until_found() {
  tries=0
  while :; do
    total=$(curl -s "$(url "$1")/api/v1/entries?limit=1" | grep -o '"total":[0-9]*' | cut -d : -f 2 || true)
    [ "${total:-0}" -ge "$2" ] && break
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "node on port $1 shows ${total:-0} entries, not $2" >&2; exit 1; }
    sleep 0.1
  done
  echo "the node on port $1 shows $total entries"
}

say "three nodes: a with the demo directory, b and c with nothing but their operators"
if [ -d "$FOLDER/$A" ]; then command_a=serve; else command_a=demo; fi
instead "$A" $command_a > "$FOLDER/a.out" 2> "$FOLDER/a.log" &
PROCESSES="$PROCESSES $!"
for port in $B $C; do
  [ -d "$FOLDER/$port" ] || node "$port" init --email office@example.org --operator "Office on port $port (invented)" > "$FOLDER/$port.init"
  instead "$port" serve > "$FOLDER/$port.out" 2> "$FOLDER/$port.log" &
  PROCESSES="$PROCESSES $!"
done
until_found "$A" 160
until_found "$B" 1
until_found "$C" 1

say "each admin looks up the fingerprint of its own node"
fingerprint() { node "$1" peer id 2>/dev/null | sed -n 's/^fingerprint *//p'; }
FINGER_A=$(fingerprint "$A") FINGER_B=$(fingerprint "$B") FINGER_C=$(fingerprint "$C")
echo "a $FINGER_A"
echo "b $FINGER_B"
echo "c $FINGER_C"

say "b asks a; the admins compare fingerprints (by telephone), and both approve"
node "$B" peer add "$(url "$A")"
node "$A" peer approve "localhost:$B" --fingerprint "$FINGER_B"
node "$B" peer approve "localhost:$A" --fingerprint "$FINGER_A"

say "c asks a and knows the fingerprint already; a approves and follows c too, and c approves that"
node "$C" peer add "$(url "$A")" --fingerprint "$FINGER_A"
node "$A" peer approve "localhost:$C" --fingerprint "$FINGER_C" --follow
node "$C" peer approve "localhost:$A"

say "entries flow: b and c show what a has, a shows what c has"
until_found "$B" 160
until_found "$C" 160
curl -s "$(url "$B")/api/v1/offers?q=Beratung&limit=1&origin=$(url "$A")"
echo

say "each can prove that it holds the same as the origin"
node "$B" peer verify "localhost:$A"
node "$C" peer verify "localhost:$A"
node "$A" peer verify "localhost:$C"
node "$A" peer list

if [ "$ONCE" = --once ]; then exit 0; fi
say "a $(url "$A")   b $(url "$B")   c $(url "$C")   (Ctrl-C ends them; credentials of a: $FOLDER/a.out)"
wait
