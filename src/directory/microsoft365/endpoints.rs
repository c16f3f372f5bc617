//! Where the interfaces of each Microsoft cloud are.

use crate::directory::Error;
use crate::http::Endpoint;
use crate::model::connector::{Cloud, Microsoft365};

/// One interface: where it is, and what a token for it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    pub(super) endpoint: Endpoint,
    /// The resource by the cloud's own name, whatever address is used to reach it.
    pub(super) scope: String,
}

#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    /// The tenant's token endpoint.
    pub(super) token: String,
    login: Endpoint,
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
        let endpoint = |name: &str, host: &str| {
            let written = settings.endpoints.get(name).map(String::as_str);
            let endpoint = Endpoint::new(&format!("https://{host}"), written);
            endpoint.map_err(|error| Error::Configuration(format!("endpoints.{name} {error}")))
        };
        let interface = |name: &str, host: &str| {
            Ok::<_, Error>(Interface { endpoint: endpoint(name, host)?, scope: format!("https://{host}/.default") })
        };
        let login = endpoint("login", login)?;
        Ok(Self {
            token: format!("{}/{}/oauth2/v2.0/token", login.base(), settings.tenant_id),
            login,
            graph: interface("graph", graph)?,
            exchange: interface("exchange", exchange)?,
        })
    }

    /// Nothing of it leaves this machine, so that no proxy has a say.
    pub(super) fn are_local(&self) -> bool {
        [&self.login, &self.graph.endpoint, &self.exchange.endpoint].iter().all(|endpoint| endpoint.is_local())
    }
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
            assert_eq!((found.token.as_str(), found.graph.endpoint.base()), (token, graph));
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
}
