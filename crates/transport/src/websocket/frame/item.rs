//! What is found in a stream of frames, and who takes it.

/// What a server sent. The slices live as long as the call that hands it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole text message: valid UTF-8, as bytes, because a `str` would cost a look at every byte of text that is
    /// known to be ASCII.
    Text(&'a [u8]),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping, to be answered with the same bytes.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The close frame: code and reason if it has any. Nothing follows it.
    Close(Option<(u16, &'a str)>),
}

/// Takes what a server sent, where messages may be compressed.
pub(in crate::websocket) trait Sink {
    fn item(&mut self, item: Item<'_>);

    /// A message that is compressed, as it came, without the four bytes that every flush ends with; what it inflates to must be
    /// UTF-8 if it is `text`.
    fn deflated(&mut self, text: bool, payload: &[u8]);
}

/// One of a connection on which nothing is compressed.
pub(super) struct Plain<F>(pub(super) F);

impl<F: FnMut(Item<'_>)> Sink for Plain<F> {
    #[inline]
    fn item(&mut self, item: Item<'_>) {
        self.0(item);
    }

    /// Of a decoder that was not told so there is none.
    fn deflated(&mut self, _text: bool, _payload: &[u8]) {}
}
