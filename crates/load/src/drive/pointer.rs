//! Finding one value in a JSON text without building the others (RFC 6901).

/// A JSON pointer, parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A number, or another literal.
    Bare(&'a [u8]),
    /// A string without its quotes, its escapes as they are.
    Text(&'a [u8]),
}

impl Pointer {
    /// Parses a pointer: empty, or `/` before each of its parts.
    ///
    /// # Errors
    ///
    /// A sentence, when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!(
                "{text:?} is no JSON pointer: it begins with a slash, such as /seq or /meta/seq"
            ));
        };
        let parts = rest
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"));
        Ok(Self(parts.collect()))
    }

    /// The number or string that it points at in `json`; `None` where there is none, or `json` is none.
    #[must_use]
    pub fn find<'a>(&self, json: &'a [u8]) -> Option<Found<'a>> {
        let mut scan = Scan { json, at: 0 };
        for part in &self.0 {
            scan.space();
            match scan.next()? {
                b'{' => scan.member(part)?,
                b'[' => scan.element(part)?,
                _ => return None,
            }
        }
        scan.space();
        match scan.peek()? {
            b'"' => {
                let start = scan.at + 1;
                scan.string()?;
                Some(Found::Text(&json[start..scan.at - 1]))
            }
            b'{' | b'[' => None,
            _ => {
                let start = scan.at;
                scan.skip()?;
                Some(Found::Bare(&json[start..scan.at]))
            }
        }
    }
}

struct Scan<'a> {
    json: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Behind `{`: moves before the value called `name`.
    fn member(&mut self, name: &str) -> Option<()> {
        loop {
            self.space();
            let start = self.at + 1;
            if self.peek()? != b'"' {
                return None;
            }
            self.string()?;
            let is_it = is_name(&self.json[start..self.at - 1], name);
            self.space();
            if self.next()? != b':' {
                return None;
            }
            self.space();
            if is_it {
                return Some(());
            }
            self.skip()?;
            self.space();
            if self.next()? != b',' {
                return None;
            }
        }
    }

    /// Behind `[`: moves before the value at `index`.
    fn element(&mut self, index: &str) -> Option<()> {
        let plain = index == "0" || !index.starts_with('0');
        let index: usize = index
            .parse()
            .ok()
            .filter(|_| plain && !index.starts_with('+'))?;
        for _ in 0..index {
            self.space();
            self.skip()?;
            self.space();
            if self.next()? != b',' {
                return None;
            }
        }
        self.space();
        (self.peek()? != b']').then_some(())
    }

    /// A string, from its quote to behind its other one.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => {
                    self.next()?;
                }
                _ => {}
            }
        }
    }

    /// A whole value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                    if depth == 0 {
                        return None;
                    }
                    self.at += 1;
                    continue;
                }
                _ => {
                    while !matches!(
                        self.peek(),
                        None | Some(
                            b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | b'"'
                        )
                    ) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// Whether the string `raw`, with its escapes, is `name`. Names with escapes are rare, and may cost more.
fn is_name(raw: &[u8], name: &str) -> bool {
    if !raw.contains(&b'\\') {
        return raw == name.as_bytes();
    }
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).is_ok_and(|text| text == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn find(json: &str, pointer: &str) -> Option<String> {
        let found = Pointer::parse(pointer).unwrap().find(json.as_bytes())?;
        let (Found::Bare(bytes) | Found::Text(bytes)) = found;
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn values_are_found() {
        let json = r#" {"a" : {"x/y":[1, [2, "t"],{"q\"":true}]}, "seq": 7 ,"é":"\u00e9"}"#;
        assert_eq!(find(json, "/seq").as_deref(), Some("7"));
        assert_eq!(find(json, "/a/x~1y/0").as_deref(), Some("1"));
        assert_eq!(find(json, "/a/x~1y/1/1").as_deref(), Some("t"));
        assert_eq!(find(json, "/a/x~1y/2/q\"").as_deref(), Some("true"));
        assert_eq!(find(json, "/é").as_deref(), Some("\\u00e9"));
        for nothing in ["/b", "/a", "/a/x~1y/3", "/a/x~1y/01", "/seq/0", ""] {
            assert_eq!(find(json, nothing), None, "{nothing}");
        }
        assert!(Pointer::parse("seq").is_err());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            "[a-c\\\\\"/~é ]{0,4}".prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::btree_map("[a-c\\\\\"/~é]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn as_serde_finds_it(value in json(), pretty: bool, path in "(/[a-c0-2\"é]{0,2}){0,3}") {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            let found = Pointer::parse(&path).unwrap();
            let ours = found.find(text.as_bytes()).map(|found| match found {
                Found::Bare(bytes) => serde_json::from_slice::<Value>(bytes).unwrap(),
                Found::Text(bytes) => serde_json::from_slice(&[b"\"", bytes, b"\""].concat()).unwrap(),
            });
            let theirs = value.pointer(&path).filter(|value| !value.is_array() && !value.is_object());
            prop_assert_eq!(ours.as_ref(), theirs);
        }

        #[test]
        fn garbage_is_survived(bytes: Vec<u8>, path in "(/[a-c0-2]{0,2}){0,3}") {
            let _ = Pointer::parse(&path).unwrap().find(&bytes);
        }

        #[test]
        fn nearly_json_is_survived(text in "[\\[\\]{}\",:0-9a\\\\ ]{0,40}", path in "(/[a0-2]{0,2}){0,3}") {
            let _ = Pointer::parse(&path).unwrap().find(text.as_bytes());
        }
    }
}
