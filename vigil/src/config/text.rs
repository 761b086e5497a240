//! Text that comes in: lists, percent-encoding, URLs; and how it may be shown.

use std::fmt::Write as _;

use crate::export::Secret;

/// How much of a value a warning quotes.
const SHOWN: usize = 80;

/// The value in backticks, on one line and not too long.
pub(super) fn quote(value: &str) -> String {
    let mut shown = String::from("`");
    for (count, character) in value.chars().enumerate() {
        if count == SHOWN {
            shown.push('…');
            break;
        }
        if character.is_control() {
            // Writing to a string doesn't fail.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown.push('`');
    shown
}

/// The URL, or what was meant for one, without user, password and query.
pub(super) fn redact(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, rest)) => format!("***@{rest}"),
        None => rest.to_owned(),
    };
    let rest = match rest.find(['?', '#']) {
        Some(end) if rest[end..].starts_with('?') => format!("{}?***", &rest[..end]),
        Some(end) => rest[..end].to_owned(),
        None => rest,
    };
    match scheme {
        Some(scheme) => format!("{scheme}://{rest}"),
        None => rest,
    }
}

/// The bytes that percent-encoded text stands for, and whether all of it was well-formed. What
/// isn't stays as it is.
fn percent_decode(text: &str) -> (Vec<u8>, bool) {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut well_formed = true;
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at] == b'%')
            .then(|| Some((hex(*bytes.get(at + 1)?)?, hex(*bytes.get(at + 2)?)?)));
        match pair {
            Some(Some((high, low))) => {
                decoded.push(high << 4 | low);
                at += 3;
                continue;
            }
            Some(None) => well_formed = false,
            None => {}
        }
        decoded.push(bytes[at]);
        at += 1;
    }
    (decoded, well_formed)
}

fn hex(digit: u8) -> Option<u8> {
    // One digit in base 16 is less than 16.
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// The text behind percent-encoding, if it is encoded well and UTF-8.
fn decode(text: &str) -> Option<String> {
    let (bytes, well_formed) = percent_decode(text);
    well_formed.then(|| String::from_utf8(bytes).ok()).flatten()
}

/// The text in base 64, with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        for place in 0..4 {
            if place <= chunk.len() {
                let index = group >> (18 - 6 * place) & 63;
                encoded.push(char::from(ALPHABET[index as usize]));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

/// The value of an `authorization` header for a user and a password.
pub(super) fn basic(user_and_password: &[u8]) -> Secret {
    Secret::new(format!("Basic {}", base64(user_and_password)))
}

/// `key=value,key2=value2` with percent-encoding, as attributes of a resource. One that can't be
/// read makes the whole unreadable, as the specification says.
pub(super) fn attributes(list: &str) -> Result<Vec<(String, String)>, String> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for entry in entries(list) {
        let (key, value) = entry
            .split_once('=')
            .ok_or_else(|| format!("{} is not `key=value`", quote(entry)))?;
        let (Some(key), Some(value)) = (decode(key.trim()), decode(value.trim())) else {
            return Err(format!("{} is not percent-encoded UTF-8", quote(entry)));
        };
        if key.is_empty() {
            return Err(format!("{} has no key", quote(entry)));
        }
        attributes.retain(|(other, _)| *other != key);
        attributes.push((key, value));
    }
    Ok(attributes)
}

/// Headers, and what is wrong with the entries that are none.
#[derive(Default)]
pub(super) struct Headers {
    pub(super) headers: Vec<(String, Secret)>,
    /// A problem and what becomes of the entry. Neither quotes it: any part may be a secret.
    pub(super) problems: Vec<(String, &'static str)>,
}

impl Headers {
    /// `name=value,name2=value2` with percent-encoding in the values.
    pub(super) fn parse(list: &str) -> Self {
        let mut headers = Self::default();
        for (index, entry) in entries(list).enumerate() {
            let number = index + 1;
            let Some((name, value)) = entry.split_once('=') else {
                headers.leave_out(format!("entry {number} is not `name=value`"));
                continue;
            };
            let (value, well_formed) = percent_decode(value.trim());
            if !well_formed {
                headers.problems.push((
                    format!("the value of entry {number} is not percent-encoded"),
                    "it is sent as it stands",
                ));
            }
            match String::from_utf8(value) {
                Ok(value) => headers.add(&format!("entry {number}"), name.trim(), value),
                Err(_) => headers.leave_out(format!("the value of entry {number} is not UTF-8")),
            }
        }
        headers
    }

    /// Adds a header in the place of an earlier one, if it can be sent.
    pub(super) fn add(&mut self, entry: &str, name: &str, value: String) {
        let name = name.to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(is_token) {
            self.leave_out(format!("{entry} has no valid header name"));
        } else if is_reserved(&name) {
            self.leave_out(format!("`{name}` is the exporter's to set"));
        } else if !value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        {
            self.leave_out(format!("the value of {entry} is not printable ASCII"));
        } else {
            self.headers.retain(|(other, _)| *other != name);
            self.headers.push((name, Secret::new(value)));
        }
    }

    fn leave_out(&mut self, problem: String) {
        self.problems.push((problem, "it is not sent"));
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_reserved(name: &str) -> bool {
    const RESERVED: &[&str] = &[
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "te",
        "transfer-encoding",
    ];
    RESERVED.contains(&name) || name.starts_with("grpc-")
}

/// A URL, as far as an exporter needs it taken apart.
#[derive(Clone)]
pub(super) struct Url {
    scheme: &'static str,
    /// Percent-decoded.
    user: Option<Vec<u8>>,
    host: String,
    path: String,
    query: Option<String>,
}

impl Url {
    /// Reads a URL of `http` or `https`. Without a scheme it has the given one, if any.
    pub(super) fn parse(text: &str, default_scheme: Option<&'static str>) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
        if !text.bytes().all(allowed) {
            return None;
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (
                ["http", "https"]
                    .into_iter()
                    .find(|known| scheme.eq_ignore_ascii_case(known))?,
                rest,
            ),
            None => (default_scheme?, text),
        };
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        Some(Self {
            scheme,
            user: user
                .filter(|user| !user.is_empty())
                .map(|user| percent_decode(user).0),
            host: host_and_port(host)?,
            path: path.to_owned(),
            query: query.map(str::to_owned),
        })
    }

    /// The `authorization` that its user and password stand for.
    pub(super) fn authorization(&self) -> Option<Secret> {
        let mut user = self.user.clone()?;
        if !user.contains(&b':') {
            user.push(b':');
        }
        Some(basic(&user))
    }

    /// Whether it names a place on the host.
    pub(super) fn has_path(&self) -> bool {
        !matches!(self.path.as_str(), "" | "/") || self.query.is_some()
    }

    /// Whether its path is that, or ends in it.
    pub(super) fn path_ends_with(&self, path: &str) -> bool {
        self.path
            .trim_end_matches('/')
            .strip_suffix(path)
            .is_some_and(|before| before.ends_with('/'))
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// The URL as it stands, but for an empty path, which is the root.
    pub(super) fn verbatim(&self) -> String {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        self.with_path(path)
    }

    /// The URL with `relative` after its path.
    pub(super) fn join(&self, relative: &str) -> String {
        let slash = if self.path.ends_with('/') { "" } else { "/" };
        self.with_path(&format!("{}{slash}{relative}", self.path))
    }

    fn with_path(&self, path: &str) -> String {
        let origin = self.origin();
        match &self.query {
            Some(query) => format!("{origin}{path}?{query}"),
            None => format!("{origin}{path}"),
        }
    }
}

/// `host` or `host:port` in one form, if it can be one.
fn host_and_port(text: &str) -> Option<String> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        let port = if rest.is_empty() {
            ""
        } else {
            rest.strip_prefix(':')?
        };
        (format!("[{address}]"), port)
    } else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
        if host.is_empty() || !host.bytes().all(allowed) {
            return None;
        }
        (host.to_owned(), port)
    };
    if port.is_empty() {
        return Some(host);
    }
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    Some(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_to_groups_of_four() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ];
        for (text, encoded) in cases {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn what_may_be_secret_in_a_url_is_not_shown() {
        let cases = [
            (
                "https://user:word@host/path?key=k#f",
                "https://***@host/path?***",
            ),
            ("user:word@host:1", "***@host:1"),
            ("http://a:p@ss@host", "http://***@host"),
            ("http://host/path#f", "http://host/path"),
            ("nothing", "nothing"),
        ];
        for (url, shown) in cases {
            assert_eq!(redact(url), shown);
        }
    }

    #[test]
    fn a_url_is_taken_apart_and_put_together() {
        let cases = [
            ("http://h", "http://h/", "http://h/v1/traces"),
            (
                "HTTP://h:4318/",
                "http://h:4318/",
                "http://h:4318/v1/traces",
            ),
            (
                "https://h/base",
                "https://h/base",
                "https://h/base/v1/traces",
            ),
            (
                "https://h/base/",
                "https://h/base/",
                "https://h/base/v1/traces",
            ),
            (
                "https://h:/base?k=v",
                "https://h/base?k=v",
                "https://h/base/v1/traces?k=v",
            ),
            ("http://h?k=v", "http://h/?k=v", "http://h/v1/traces?k=v"),
            (
                "http://[::1]:4318",
                "http://[::1]:4318/",
                "http://[::1]:4318/v1/traces",
            ),
            ("http://u:p@h/x#y", "http://h/x", "http://h/x/v1/traces"),
        ];
        for (text, verbatim, joined) in cases {
            let url = Url::parse(text, None).unwrap();
            assert_eq!(url.verbatim(), verbatim, "{text}");
            assert_eq!(url.join("v1/traces"), joined, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_http_is_refused() {
        let cases = [
            "",
            "h:4318",
            "ftp://h",
            "http://",
            "http:///x",
            "http://h:port",
            "http://h:70000",
            "http://h:0",
            "http://h/a b",
            "http://[::1",
            "http://[x]:1",
            "http://ü",
            "http://:80",
            "unix:///var/run/x",
            "http://h:1:2",
            "http://[::1]x",
        ];
        for text in cases {
            assert!(Url::parse(text, None).is_none(), "{text}");
        }
    }
}
