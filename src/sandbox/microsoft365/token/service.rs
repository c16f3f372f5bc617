//! The token endpoint as one of the sandbox's services.

use super::{TokenError, openid_configuration, token};
use crate::sandbox::microsoft365::guid::Guid;
use crate::sandbox::microsoft365::hosted::{Hosted, Microsoft365, refuse};
use crate::sandbox::microsoft365::record::SHAPE;
use crate::sandbox::server::call::{Call, Label, Reply};
use crate::sandbox::server::record::Shape;
use crate::sandbox::server::service::{Answer, Server, Service};
use async_trait::async_trait;
use std::sync::Arc;

/// `POST /{tenant}/oauth2/v2.0/token`, and what clients ask for before it.
#[derive(Debug)]
pub struct TokenService(pub Arc<Microsoft365>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Token,
    OpenId,
}

impl Endpoint {
    /// The endpoint, and how the tenant is called.
    fn parse(path: &str) -> Option<(Self, &str)> {
        let (called, rest) = path.strip_prefix('/')?.split_once('/')?;
        match rest {
            "oauth2/v2.0/token" => Some((Self::Token, called)),
            "v2.0/.well-known/openid-configuration" => Some((Self::OpenId, called)),
            _ => None,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Token => "POST token",
            Self::OpenId => "GET openid-configuration",
        }
    }
}

#[async_trait]
impl Service for TokenService {
    fn name(&self) -> &'static str {
        "token"
    }

    fn route(&self, call: &Call) -> Option<Label> {
        let (endpoint, called) = Endpoint::parse(&call.path)?;
        let operation = endpoint.label().to_owned();
        Some(Label { service: self.name(), tenant: self.0.organization(called), operation })
    }

    async fn answer(&self, call: &Call, _label: &Label, server: &dyn Server) -> Answer {
        let now = server.now();
        let hosted = |called| self.0.tenant(called);
        Answer::Whole(match Endpoint::parse(&call.path) {
            Some((Endpoint::Token, called)) => {
                let mut tenant = hosted(called).map(Hosted::lock);
                token(call, called, tenant.as_deref_mut(), &self.0.mint, now)
            }
            Some((Endpoint::OpenId, called)) => match hosted(called) {
                Some(hosted) => openid_configuration(call, &hosted.lock()),
                None => TokenError::TenantNotFound(called.to_owned()).reply(now, Guid::NIL),
            },
            None => Reply::empty(404),
        })
    }

    fn refuse(&self, status: u16) -> Reply {
        refuse(status)
    }

    fn shape(&self) -> &'static Shape {
        &SHAPE
    }
}
