# Python 2.7: the suite's server, on a free port of loopback only.
import json
import sys

from autobahntestsuite.fuzzing import FuzzingServerFactory
from twisted.internet import reactor

with open(sys.argv[1]) as spec:
    factory = FuzzingServerFactory(json.load(spec))
port = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port
factory.setSessionParameters(url="ws://127.0.0.1:%d" % port)
print("PORT %d" % port)
reactor.run()
