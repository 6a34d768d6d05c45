//! How much a peer may make a codec hold.
//!
//! Every decoder takes its message limit as a parameter; these are the values used when nobody asks
//! for another one. They exist so that a broken server shows up as an error that names a number, and
//! not as a load generator that was killed for its memory.

/// Largest message, in bytes of payload.
pub const MAX_MESSAGE: usize = 16 << 20;

/// Largest response head, and largest trailer section, in bytes.
pub const MAX_HEAD: usize = 64 << 10;

/// Longest chunk-size line, extensions included, in bytes before its line end.
pub const MAX_CHUNK_LINE: usize = 4 << 10;
