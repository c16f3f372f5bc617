//! Where a service is, and which of its links may be followed with a token in hand. Pure.

use std::net::IpAddr;
use url::{Host, Origin, Position, Url};

/// One interface of a service: its own address, and the one by which the connector reaches it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Without a slash at its end.
    base: String,
    /// The base's own path, which a link may or may not know of; without a slash at its end.
    path: String,
    reached: Origin,
    service: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The administrator corrects the address.
    #[error("is no http(s) address: write https://host[:port]")]
    NotAnAddress,
    /// The link is not followed: whoever wrote it would be sent the token.
    #[error("is no link to this service")]
    ForeignLink,
}

impl Endpoint {
    /// `service` is the interface's own address; `written` the one that the connector names, if it names one.
    ///
    /// # Errors
    /// [`EndpointError::NotAnAddress`].
    pub fn new(service: &str, written: Option<&str>) -> Result<Self, EndpointError> {
        let (service, base) = (address(service)?, written.unwrap_or(service));
        let reached = address(base)?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            path: reached.path().trim_end_matches('/').to_owned(),
            reached: reached.origin(),
            service: service.origin(),
        })
    }

    /// To put a path behind: it has no slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether nothing sent there leaves this machine, so that no proxy has a say.
    pub fn is_local(&self) -> bool {
        let Origin::Tuple(_, host, _) = &self.reached else { return false };
        match host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
            Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
        }
    }

    /// The address behind a link that the service gave, or that was kept since it did. It is always at the address
    /// that the connector uses: what lies behind a proxy stays behind it.
    ///
    /// # Errors
    /// [`EndpointError::ForeignLink`] where scheme, host and port are neither the service's nor the connector's.
    pub fn follow(&self, link: &str) -> Result<String, EndpointError> {
        let link = Url::parse(link).map_err(|_| EndpointError::ForeignLink)?;
        // Other schemes can have an origin of ours without being addresses: `blob:https://…`.
        let is_ours = is_http(&link) && [&self.reached, &self.service].contains(&&link.origin());
        if !is_ours || !link.username().is_empty() || link.password().is_some() {
            return Err(EndpointError::ForeignLink);
        }
        let rest = &link[Position::BeforePath..Position::AfterQuery];
        let below = rest.strip_prefix(self.path.as_str()).filter(|rest| rest.starts_with('/'));
        Ok(format!("{}{}", self.base, below.unwrap_or(rest)))
    }
}

fn address(text: &str) -> Result<Url, EndpointError> {
    let is_sound = |url: &Url| is_http(url) && url.query().is_none() && url.fragment().is_none();
    Url::parse(text).ok().filter(is_sound).ok_or(EndpointError::NotAnAddress)
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") && url.has_host()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SERVICE: &str = "https://g.example";

    #[test]
    fn links_are_followed_at_our_own_address() {
        for (link, written, wanted) in [
            ("https://g.example/v1.0/users?$skiptoken=a%20b", None, "https://g.example/v1.0/users?$skiptoken=a%20b"),
            ("https://G.EXAMPLE:443/v1.0/users#x", None, "https://g.example/v1.0/users"),
            ("https://g.example", None, "https://g.example/"),
            ("https://g.example\\@evil.example/", None, "https://g.example/@evil.example/"),
            (
                "https://p.example/proxy/v1.0/users",
                Some("https://p.example/proxy/"),
                "https://p.example/proxy/v1.0/users",
            ),
            ("https://g.example/v1.0/users", Some("https://p.example/proxy"), "https://p.example/proxy/v1.0/users"),
            ("https://p.example/proxyless", Some("https://p.example/proxy"), "https://p.example/proxy/proxyless"),
            ("http://127.0.0.1:8365/v1.0?a=b", Some("http://127.0.0.1:8365"), "http://127.0.0.1:8365/v1.0?a=b"),
        ] {
            let endpoint = Endpoint::new(SERVICE, written).unwrap();
            assert_eq!(endpoint.follow(link).as_deref(), Ok(wanted), "{link}");
        }
    }

    #[test]
    fn a_hostile_link_takes_the_token_nowhere() {
        for link in [
            "https://evil.example/v1.0/users?$skiptoken=a",
            "http://g.example/v1.0/users",
            "https://g.example:444/v1.0/users",
            "https://g.example.evil.example/v1.0/users",
            "https://g.example@evil.example/v1.0/users",
            "https://evil.example@g.example/v1.0/users",
            "https://:secret@g.example/v1.0/users",
            "https://g.example:x@evil.example/",
            "https:\\\\evil.example\\v1.0",
            "https:///evil.example/v1.0",
            "//evil.example/v1.0/users",
            "/v1.0/users",
            "x:@evil.example/v1.0/users",
            "x:.evil.example/v1.0/users",
            "x:443/v1.0/users",
            "x://g.example/v1.0/users",
            "javascript:https://g.example/",
            "data:text/plain,https://g.example/",
            "blob:https://g.example/1",
            "file:///etc/passwd",
            "ftp://g.example/",
            "https://g.exаmple/with/a/cyrillic/letter",
            "https://g.example%00.evil.example/",
            "https://[::1]/",
            "no link",
            "",
        ] {
            for written in [None, Some("https://p.example/proxy")] {
                let endpoint = Endpoint::new(SERVICE, written).unwrap();
                assert_eq!(endpoint.follow(link), Err(EndpointError::ForeignLink), "{link:?} {written:?}");
            }
        }
    }

    #[test]
    fn whatever_is_followed_stays_at_our_address() {
        // Parts that parsers disagree about, in every order.
        let parts = ["https:", "//", "g.example", "@", "evil.example", ":", "443", "\\", "..", "?", "#", "%2f", "\t"];
        for written in [None, Some("https://p.example/proxy")] {
            let endpoint = Endpoint::new(SERVICE, written).unwrap();
            let home = Url::parse(endpoint.base()).unwrap();
            for number in 0..parts.len().pow(4) {
                let digit = |place: u32| parts[number / parts.len().pow(place) % parts.len()];
                let link = format!("https://{}{}{}{}/x", digit(0), digit(1), digit(2), digit(3));
                let Ok(followed) = endpoint.follow(&link) else { continue };
                let url = Url::parse(&followed).unwrap();
                assert_eq!(url.origin(), home.origin(), "{link:?} → {followed}");
                assert!(url.username().is_empty() && url.password().is_none(), "{link:?} → {followed}");
            }
        }
    }

    #[test]
    fn only_addresses_are_taken_for_one() {
        for bad in ["ftp://x", "https://", "x", "https://x?y=z", "https://x#y", "x:@y"] {
            assert_eq!(Endpoint::new(SERVICE, Some(bad)).err(), Some(EndpointError::NotAnAddress), "{bad}");
        }
        for (written, is_local) in [
            (None, false),
            (Some("http://localhost:1"), true),
            (Some("http://127.0.0.1:8365/"), true),
            (Some("http://[::1]:2"), true),
            (Some("https://localhost.example"), false),
            (Some("https://10.0.0.1"), false),
        ] {
            assert_eq!(Endpoint::new(SERVICE, written).unwrap().is_local(), is_local, "{written:?}");
        }
    }
}
