//! The value of a `Host` header (RFC 9110, 7.2): a name or an address, and perhaps a port.

use std::net::{IpAddr, Ipv6Addr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// In lower case; an IPv6 address without its brackets, in its shortest form.
    pub(super) name: String,
    pub(super) port: Option<u16>,
}

impl Host {
    /// Reads the value; `None` for a malformed one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, rest) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed.split_once(']')?;
                (address.parse::<Ipv6Addr>().ok()?.to_string(), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                (text[..end].to_ascii_lowercase(), &text[end..])
            }
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
        if name.is_empty() || !name.bytes().all(is_name) {
            return None;
        }
        Some(Self { name, port: port(rest)? })
    }

    /// Whether it is a name of loopback, which no name server answers for.
    pub(super) fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// What follows the name: nothing, or a colon and the port. The inner `None` is no port.
fn port(rest: &str) -> Option<Option<u16>> {
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some(None),
        None => None,
        Some("") => Some(None),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(Some(digits.parse().ok()?)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_addresses_are_read_with_and_without_a_port() {
        for (text, name, port) in [
            ("localhost", "localhost", None),
            ("LocalHost:9000", "localhost", Some(9000)),
            ("127.0.0.1:", "127.0.0.1", None),
            ("[::1]:65535", "::1", Some(65_535)),
            ("[0:0:0:0:0:0:0:1]", "::1", None),
            ("evil.example", "evil.example", None),
        ] {
            assert_eq!(Host::parse(text), Some(Host { name: name.to_owned(), port }), "{text}");
        }
    }

    #[test]
    fn everything_else_is_malformed() {
        let malformed = [
            "",
            " ",
            "a b",
            "[::",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[]",
            "[x]",
            ":80",
            "a:b",
            "a:-1",
            "a:65536",
            "a:1:2",
            "user@localhost",
            "localhost/",
            "localhost?",
            "localhost#",
            "lo\u{441}alhost",
            "a%62",
            "a,b",
            "[127.0.0.1]",
            "a\tb",
        ];
        for text in malformed.into_iter().filter(|text| *text != "[::1]:") {
            assert_eq!(Host::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_names_of_loopback_are_loopback() {
        for text in ["localhost", "localhost:1", "127.0.0.1", "127.1.2.3:9", "[::1]"] {
            assert!(Host::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in [
            "localhost.",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "[::]",
            "2130706433",
            "127.1",
            "0x7f.1",
            "a.localhost",
            "[::ffff:127.0.0.1]",
            "10.0.0.1",
        ] {
            assert!(!Host::parse(text).unwrap().is_loopback(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_the_host_of_a_url(text in "[a-z0-9.:\\[\\]@ /%-]{0,24}") {
            if let Some(host) = Host::parse(&text).filter(Host::is_loopback) {
                let url = reqwest::Url::parse(&format!("http://{text}/")).unwrap();
                let named = url.host_str().unwrap().trim_matches(['[', ']']).to_owned();
                prop_assert_eq!(named, host.name);
            }
        }
    }
}
