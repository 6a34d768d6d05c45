#!/bin/sh
# artillery URL CONNECTIONS: connects and holds. It neither counts nor parses what it receives, so it prints no count.
cat > "$TMPDIR/receive.yml" <<YML
config:
  target: "$1"
  phases:
    - duration: 1
      arrivalCount: $2
scenarios:
  - engine: ws
    flow:
      - think: 600
YML
ARTILLERY_DISABLE_TELEMETRY=true exec node_modules/.bin/artillery run --quiet "$TMPDIR/receive.yml"
