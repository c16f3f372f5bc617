//! Microsoft 365: tenants with three services before them, which are the token endpoint, Graph and Exchange's cmdlet
//! endpoint. Exchange is where changes happen; Graph's view learns of them later.

pub mod attributes;
pub mod change;
pub mod config;
pub mod directory;
pub mod exchange;
pub mod graph;
pub mod guid;
pub mod hosted;
mod keeper;
pub mod objects;
pub mod odata;
pub mod recipient;
mod record;
pub mod seed;
pub mod tenant;
pub mod token;

pub use hosted::Microsoft365;

use super::server::service::System;
use exchange::ExchangeService;
use graph::GraphService;
use std::sync::Arc;
use token::TokenService;

/// As the server takes it.
pub fn system(microsoft365: &Arc<Microsoft365>) -> System {
    System {
        name: "microsoft365",
        tenants: microsoft365.clone(),
        services: vec![
            Box::new(ExchangeService(microsoft365.clone())),
            Box::new(GraphService(microsoft365.clone())),
            Box::new(TokenService(microsoft365.clone())),
        ],
    }
}
