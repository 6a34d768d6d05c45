//! Whatever clients send, and any cut of it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// Frames as clients send them, and some as they should not.
fn some_frame() -> impl Strategy<Value = Vec<u8>> {
    let number = 0_u32..12;
    let path = prop_oneof![Just("/sse"), Just("/sse?after=0"), Just("/x"), Just("x")];
    let request = (number.clone(), path, any::<bool>(), any::<Index>()).prop_map(
        |(number, path, ends, cut)| {
            let block = block("GET", path, &[("content-length", "3")][usize::from(ends)..]);
            let ends = u8::from(ends) * flag::END_STREAM;
            let (first, rest) = block.split_at(cut.index(block.len()));
            if first.is_empty() {
                return frame_of(kind::HEADERS, ends | flag::END_HEADERS, number, &block);
            }
            let head = frame_of(kind::HEADERS, ends, number, first);
            [
                head,
                frame_of(kind::CONTINUATION, flag::END_HEADERS, number, rest),
            ]
            .concat()
        },
    );
    let data = (number.clone(), vec(any::<u8>(), 0..20), any::<u8>())
        .prop_map(|(number, content, flags)| frame_of(kind::DATA, flags & 9, number, &content));
    let four = (
        prop_oneof![Just(kind::WINDOW_UPDATE), Just(kind::RST_STREAM)],
        number.clone(),
        any::<u32>(),
    )
        .prop_map(|(kind, number, value)| frame_of(kind, 0, number, &(value >> 8).to_be_bytes()));
    let settings = (1_u16..7, 0_u32..100_000)
        .prop_map(|(name, value)| written(|out| frame::settings(&[(name, value)], out)));
    let any = (0_u8..12, any::<u8>(), number, vec(any::<u8>(), 0..20))
        .prop_map(|(kind, flags, number, content)| frame_of(kind, flags, number, &content));
    prop_oneof![6 => request, 2 => data, 2 => four, 2 => settings, 1 => any]
}

/// What a machine says to `pieces`, but messages: it has none.
fn said_to<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool, usize) {
    let mut bench = Bench::new();
    let mut said = Vec::new();
    for piece in pieces {
        bench.hear(piece);
        said.extend(bench.said());
    }
    (said, bench.machine.is_over(), bench.machine.subscriptions())
}

proptest! {
    #[test]
    fn any_cut_is_the_same(
        all in vec(some_frame(), 0..30),
        cuts in vec(1_usize..60, 1..10),
    ) {
        let bytes = [preface(&[]), all.concat()].concat();
        let whole = said_to([&bytes[..]].into_iter());
        let each = said_to(bytes.chunks(1));
        let mut cuts = cuts.into_iter().cycle();
        let mut rest = &bytes[..];
        let some = said_to(std::iter::from_fn(|| {
            let (piece, behind) = rest.split_at(cuts.next()?.min(rest.len()));
            rest = behind;
            (!piece.is_empty()).then_some(piece)
        }));
        let told = |said: &(Vec<u8>, bool, usize)| {
            let frames: Vec<_> = frames(&said.0).iter().map(without_date).collect();
            (frames, said.1, said.2)
        };
        prop_assert_eq!(told(&each), told(&whole));
        prop_assert_eq!(told(&some), told(&whole));
    }

    /// It ends with a word of leave, or goes on.
    #[test]
    fn garbage_is_survived(
        begins: bool,
        garbage in prop_oneof![vec(any::<u8>(), 0..600), vec(some_frame(), 0..9).prop_map(|all| all.concat())],
        more in vec(any::<u8>(), 0..600),
    ) {
        let mut bytes = if begins { preface(&[]) } else { Vec::new() };
        bytes.extend(garbage);
        bytes.extend(more);
        let (said, over, _) = said_to([&bytes[..]].into_iter());
        let last = frames(&said).pop().unwrap();
        prop_assert_eq!(over, last.0 == kind::GOAWAY);
    }
}

/// Dates are of the clock.
fn without_date(said: &Said) -> Said {
    let mut said = said.clone();
    if said.0 == kind::HEADERS {
        said.3.truncate(said.3.len() - 29);
    }
    said
}
