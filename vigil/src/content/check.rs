//! Whether text is JSON.

/// How deep objects and arrays may stand in each other.
const DEPTH: usize = 128;

/// Whether the text is one JSON object or array. Nothing is built.
pub(crate) fn is_structure(text: &str) -> bool {
    let mut rest = Rest(text.as_bytes());
    rest.space();
    if !matches!(rest.0.first(), Some(b'{' | b'[')) || rest.value(DEPTH).is_none() {
        return false;
    }
    rest.space();
    rest.0.is_empty()
}

/// What is left of the text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.space();
        match self.next()? {
            b'{' => self.items(b'}', depth, |rest, depth| {
                rest.space();
                rest.take(b"\"")?;
                rest.string()?;
                rest.space();
                rest.take(b":")?;
                rest.value(depth)
            }),
            b'[' => self.items(b']', depth, Self::value),
            b'"' => self.string(),
            b't' => self.take(b"rue"),
            b'f' => self.take(b"alse"),
            b'n' => self.take(b"ull"),
            b'-' => {
                let first = self.next()?;
                self.number(first)
            }
            first => self.number(first),
        }
    }

    /// The items of an object or array, from behind where it opens.
    fn items(
        &mut self,
        close: u8,
        depth: usize,
        item: impl Fn(&mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.space();
        if self.take(&[close]).is_some() {
            return Some(());
        }
        loop {
            item(self, depth)?;
            self.space();
            match self.next()? {
                b',' => {}
                end if end == close => return Some(()),
                _ => return None,
            }
        }
    }

    /// A string, from behind the quote that opens it.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let (digits, rest) = self.0.split_at_checked(4)?;
                        if !digits.iter().all(u8::is_ascii_hexdigit) {
                            return None;
                        }
                        self.0 = rest;
                    }
                    _ => return None,
                },
                0..=0x1f => return None,
                _ => {}
            }
        }
    }

    /// A number without its sign, from behind its first digit.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => while self.digit() {},
            _ => return None,
        }
        if self.take(b".").is_some() {
            self.digits()?;
        }
        if self.take(b"e").is_some() || self.take(b"E").is_some() {
            let _ = self.take(b"+").or_else(|| self.take(b"-"));
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let any = self.digit();
        while self.digit() {}
        any.then_some(())
    }

    fn digit(&mut self) -> bool {
        if let [b'0'..=b'9', rest @ ..] = self.0 {
            self.0 = rest;
            true
        } else {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_arrays_are_told_from_what_is_none() {
        for json in [
            "{}",
            " [ ] ",
            r#"{"a":[1,-2.5e+3,0,0.1E9,true,false,null,"\u00e4\"\\"],"b":{}}"#,
            "[[[]],{}]",
            "\n{ \"ä\" : \"\t\" }".replace('\t', "\\t").as_str(),
        ] {
            assert!(is_structure(json), "{json}");
        }
        for none in [
            "",
            "1",
            "\"a\"",
            "null",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[01]",
            "[1.]",
            "[.5]",
            "[+1]",
            "[-]",
            "[1e]",
            "[tru]",
            "[\"a]",
            "[\"\\x\"]",
            "[\"\\u12\"]",
            "[\"\n\"]",
            "{}{}",
            "[] x",
            "[}",
            "{]",
            "[\"\\u+123\"]",
            "{\"a\":1,}",
            "[NaN]",
        ] {
            assert!(!is_structure(none), "{none}");
        }
    }

    #[test]
    fn what_is_too_deep_is_none() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_structure(&deep(DEPTH)));
        assert!(!is_structure(&deep(DEPTH + 1)));
        assert!(!is_structure(&"[".repeat(1_000_000)));
    }
}
