//! Our decoders, state machines and servers, held against the specifications.
