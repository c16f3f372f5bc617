//! Where the interfaces of each Microsoft cloud are.

use crate::directory::Error;
use crate::model::connector::{Cloud, Microsoft365};
use std::net::IpAddr;
use url::{Host, Url};

/// One interface: where it is, and what a token for it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    /// Without a slash at its end.
    pub(super) base: String,
    /// The resource by the cloud's own name, whatever address is used to reach it.
    pub(super) scope: String,
}

#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    /// The tenant's token endpoint.
    pub(super) token: String,
    pub(super) graph: Interface,
    pub(super) exchange: Interface,
}

struct Hosts {
    login: &'static str,
    graph: &'static str,
    exchange: &'static str,
}

fn hosts(cloud: Cloud) -> Hosts {
    let (login, graph, exchange) = match cloud {
        Cloud::Global => ("login.microsoftonline.com", "graph.microsoft.com", "outlook.office365.com"),
        Cloud::UsGov => ("login.microsoftonline.us", "graph.microsoft.us", "outlook.office365.us"),
        Cloud::UsGovDod => ("login.microsoftonline.us", "dod-graph.microsoft.us", "outlook-dod.office365.us"),
        Cloud::China => ("login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn", "partner.outlook.cn"),
    };
    Hosts { login, graph, exchange }
}

impl Endpoints {
    pub(super) fn of(settings: &Microsoft365) -> Result<Self, Error> {
        let Hosts { login, graph, exchange } = hosts(settings.cloud);
        let interface = |name: &str, host: &str| {
            Ok::<_, Error>(Interface { base: base(settings, name, host)?, scope: format!("https://{host}/.default") })
        };
        Ok(Self {
            token: format!("{}/{}/oauth2/v2.0/token", base(settings, "login", login)?, settings.tenant_id),
            graph: interface("graph", graph)?,
            exchange: interface("exchange", exchange)?,
        })
    }

    /// Nothing of it leaves this machine, so that no proxy has a say.
    pub(super) fn are_local(&self) -> bool {
        [&self.token, &self.graph.base, &self.exchange.base].iter().all(|url| is_local(url))
    }
}

fn base(settings: &Microsoft365, name: &str, host: &str) -> Result<String, Error> {
    let Some(written) = settings.endpoints.get(name) else { return Ok(format!("https://{host}")) };
    let sound = Url::parse(written).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "http") && url.has_host() && url.query().is_none() && url.fragment().is_none()
    });
    match sound {
        true => Ok(written.trim_end_matches('/').to_owned()),
        false => {
            Err(Error::Configuration(format!("endpoints.{name} is no http(s) address: write https://host[:port]")))
        }
    }
}

fn is_local(url: &str) -> bool {
    match Url::parse(url).ok().and_then(|url| url.host().map(|host| host.to_owned())) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// A link that the service gave, on the address that the connector uses: a token goes to no other server, and
/// what lies behind a proxy stays behind it. `None` = this is no link.
pub(super) fn rebased(link: &str, base: &str) -> Option<String> {
    let link = Url::parse(link).ok()?;
    let rest = &link[url::Position::BeforePath..url::Position::AfterQuery];
    // A base with a path of its own: the link may or may not know of it.
    let path = Url::parse(base).ok()?.path().trim_end_matches('/').to_owned();
    let rest = rest.strip_prefix(path.as_str()).unwrap_or(rest);
    Some(format!("{base}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::connector::Microsoft365Auth;

    fn settings(cloud: Cloud, endpoints: &[(&str, &str)]) -> Microsoft365 {
        Microsoft365 {
            tenant_id: "t-1".into(),
            organization: "contoso.onmicrosoft.com".into(),
            client_id: "c-1".into(),
            auth: Microsoft365Auth::WorkloadIdentity,
            cloud,
            endpoints: endpoints.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect(),
            graph_only: false,
            cmdlets_per_request: 1,
        }
    }

    #[test]
    fn each_cloud_has_its_own_addresses() {
        for (cloud, token, graph) in [
            (Cloud::Global, "https://login.microsoftonline.com/t-1/oauth2/v2.0/token", "https://graph.microsoft.com"),
            (Cloud::UsGov, "https://login.microsoftonline.us/t-1/oauth2/v2.0/token", "https://graph.microsoft.us"),
            (
                Cloud::UsGovDod,
                "https://login.microsoftonline.us/t-1/oauth2/v2.0/token",
                "https://dod-graph.microsoft.us",
            ),
            (
                Cloud::China,
                "https://login.chinacloudapi.cn/t-1/oauth2/v2.0/token",
                "https://microsoftgraph.chinacloudapi.cn",
            ),
        ] {
            let found = Endpoints::of(&settings(cloud, &[])).unwrap();
            assert_eq!((found.token.as_str(), found.graph.base.as_str()), (token, graph));
            assert_eq!(found.graph.scope, format!("{graph}/.default"));
            assert!(!found.are_local());
        }
    }

    #[test]
    fn an_override_changes_the_address_and_not_the_scope() {
        let local =
            [("login", "http://127.0.0.1:8365/"), ("graph", "http://localhost:1"), ("exchange", "http://[::1]:2")];
        let found = Endpoints::of(&settings(Cloud::Global, &local)).unwrap();
        assert_eq!(found.token, "http://127.0.0.1:8365/t-1/oauth2/v2.0/token");
        assert_eq!(found.exchange.scope, "https://outlook.office365.com/.default");
        assert!(found.are_local());
        for bad in ["ftp://x", "https://", "x", "https://x?y=z"] {
            assert!(Endpoints::of(&settings(Cloud::Global, &[("graph", bad)])).is_err(), "{bad}");
        }
    }

    #[test]
    fn links_are_followed_on_our_own_address_only() {
        for (link, base, wanted) in [
            (
                "https://evil.example/v1.0/users?$skiptoken=a%20b",
                "https://g.example",
                Some("https://g.example/v1.0/users?$skiptoken=a%20b"),
            ),
            (
                "https://g.example/proxy/v1.0/users",
                "https://g.example/proxy",
                Some("https://g.example/proxy/v1.0/users"),
            ),
            ("https://g.example/v1.0/users", "https://p.example/proxy", Some("https://p.example/proxy/v1.0/users")),
            ("no link", "https://g.example", None),
        ] {
            assert_eq!(rebased(link, base).as_deref(), wanted, "{link}");
        }
    }
}
