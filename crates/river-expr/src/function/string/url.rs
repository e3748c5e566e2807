//! URL coding and the parts of a URL, as `java.net.URLEncoder`, `URLDecoder` and `URL` see them.

/// Appends `text` in `application/x-www-form-urlencoded` form (UTF-8).
pub fn encode(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

/// Appends the decoded text; `None` if a `%` is not followed by two hexadecimal digits.
pub fn decode(text: &str, out: &mut String) -> Option<()> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = tail.get(..2)?;
                let high = char::from(digits[0]).to_digit(16)?;
                let low = char::from(digits[1]).to_digit(16)?;
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            _ => bytes.push(byte),
        }
    }
    out.push_str(&String::from_utf8_lossy(&bytes));
    Some(())
}

/// The value of `key` in a query: what follows `key=` up to the next `&`.
pub fn parameter<'a>(query: &'a str, key: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

/// A URL taken apart.
pub struct Url<'a> {
    protocol: String,
    authority: Option<&'a str>,
    path: &'a str,
    /// What stands between `?` and `#`.
    pub query: Option<&'a str>,
    reference: Option<&'a str>,
}

/// Protocols that the JDK has a handler for; others are malformed to it.
const PROTOCOLS: &[&str] = &["http", "https", "ftp", "file", "jar", "mailto", "jrt", "jmod"];

impl<'a> Url<'a> {
    /// Parses as `new URL(text)`; `None` where that throws.
    pub fn parse(text: &'a str) -> Option<Url<'a>> {
        let text = text.trim_matches(|c| c <= ' ');
        let text = match text.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("url:") => &text[4..],
            _ => text,
        };
        let (protocol, rest) = text.split_once(':')?;
        let protocol = protocol.to_ascii_lowercase();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            return None;
        }
        let (rest, reference) = match rest.split_once('#') {
            Some((rest, reference)) => (rest, Some(reference)),
            None => (rest, None),
        };
        let (rest, query) = match rest.rsplit_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        let url = Url { protocol, authority, path, query, reference };
        url.port_is_valid().then_some(url)
    }

    /// The part of that name (`HOST`, `PATH` ...), if there is one.
    pub fn part(&self, name: &str) -> Option<String> {
        let text = match name {
            "HOST" => self.host(),
            "PATH" => self.path,
            "QUERY" => self.query?,
            "REF" => self.reference?,
            "PROTOCOL" => &self.protocol,
            "FILE" => {
                let query = self.query.map(|query| format!("?{query}")).unwrap_or_default();
                return Some(format!("{}{query}", self.path));
            }
            "AUTHORITY" => self.authority?,
            "USERINFO" => self.authority?.rsplit_once('@')?.0,
            _ => return None,
        };
        Some(text.to_string())
    }

    fn host_and_port(&self) -> &'a str {
        let authority = self.authority.unwrap_or("");
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    }

    fn host(&self) -> &'a str {
        let host = self.host_and_port();
        match host.find(']') {
            Some(end) if host.starts_with('[') => &host[..=end],
            _ => host.split_once(':').map_or(host, |(host, _)| host),
        }
    }

    fn port_is_valid(&self) -> bool {
        let after = &self.host_and_port()[self.host().len()..];
        let port = after.strip_prefix(':').unwrap_or(after);
        port.is_empty() || port.parse::<u32>().is_ok_and(|p| p <= i32::MAX as u32)
    }
}
