"""Answers whose tokens are due at times that they are told. The contract is docs/PROTOCOL.md."""
