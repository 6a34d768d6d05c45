//! Memory of a connection that is open and quiet. How much a library or a kernel takes for what is given. Trials and the anatomy
//! measure memory per connection; nothing holds it against these formulas.

/// Bytes that a program takes for a connection: its buffers, and what the library keeps beside them.
#[must_use]
pub fn connection(buffers: &[u64], beside: u64) -> u64 {
    buffers.iter().sum::<u64>() + beside
}

/// Bytes for each of `streams` on a connection of HTTP/2, which share what the connection takes.
#[must_use]
pub fn per_stream(connection: f64, stream: f64, streams: f64) -> f64 {
    connection / streams + stream
}

/// Bytes that a kernel takes for its end of a connection: one of each of the objects that make it, and what is queued in it.
#[must_use]
pub fn kernel(objects: &[u64], queued: u64) -> u64 {
    objects.iter().sum::<u64>() + queued
}

/// Bytes that zlib takes to compress, with a window of `2^window` bytes, 9 to 15, at its memory level of 1 to 9 (zconf.h).
#[must_use]
pub fn deflate(window: u32, level: u32) -> u64 {
    (1 << (window + 2)) + (1 << (level + 9))
}

/// Bytes that it takes to decompress, besides a few thousand that it always has.
#[must_use]
pub fn inflate(window: u32) -> u64 {
    1 << window
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether two figures are within 0.2 kB. Those that are given were read by others, on one machine each: they show what the
    /// formulas mean, and are no results of this suite.
    fn is_near(found: f64, given: f64) -> bool {
        (found - given).abs() < 200.0
    }

    /// What tungstenite keeps beside its read buffer is the same with a large one and a small one, so the one foretells the other.
    #[test]
    fn a_read_buffer_is_most_of_a_websocket() {
        let beside = 134_000 - 128 * 1024;
        assert!(is_near(connection(&[4096], beside) as f64, 6850.0));
        // Two buffers of 8 KiB, and hyper's futures.
        let response = connection(&[8192, 8192], 3_600);
        assert!(is_near(response as f64, 20_000.0));
    }

    /// Many streams share what one has to pay alone.
    #[test]
    fn streams_share_a_connection() {
        let (own, stream) = (21_970.0, 2_930.0);
        assert!(is_near(per_stream(own, stream, 1.0), 24_900.0));
        assert!(is_near(per_stream(own, stream, 100.0), 3_150.0));
    }

    /// A socket of TCP, its inode, file, name and place in an epoll, by the sizes that one kernel has for them.
    #[test]
    fn an_end_of_a_connection_takes_a_page_of_the_kernel() {
        let objects = [2368, 832, 192, 192, 128];
        assert_eq!(kernel(&objects, 0), 3712);
        assert_eq!(kernel(&objects, 16 * 1024), 3712 + 16_384);
    }

    #[test]
    fn a_compressor_takes_more_than_the_rest_of_a_connection() {
        assert_eq!(deflate(15, 8), 256 * 1024);
        assert_eq!(inflate(15), 32 * 1024);
        assert_eq!(deflate(9, 1), 3 * 1024);
    }
}
