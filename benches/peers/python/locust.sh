#!/bin/sh
# locust URL CONNECTIONS: all users at once, no web page, one process.
PEER_CONNECTIONS="$2" exec venv/bin/locust -f locustfile.py --headless --host "$1" --users "$2" --spawn-rate "$2" \
  --stop-timeout 0 --loglevel ERROR --skip-log
