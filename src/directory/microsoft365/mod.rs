//! Microsoft 365: [`Microsoft365Source`] reads the recipients of Exchange Online and lets Microsoft Graph add what
//! only Graph has; [`Microsoft365Target`] keeps mail contacts.
//!
//! Exchange Online is spoken to through the cmdlet endpoint that Microsoft's own PowerShell module uses: Graph
//! neither writes contacts nor says who is hidden. `docs/microsoft365.md` is for administrators;
//! `tests/microsoft365/requests.txt` is every request line and body shape that this folder sends.

mod aadsts;
mod apply;
mod attributes;
mod batch;
mod certificate;
mod cmdlet;
mod cmdlet_error;
mod cmdlet_queue;
mod contact;
mod contents;
mod credential;
mod cursor;
mod endpoints;
mod entry;
mod graph;
mod graph_details;
mod graph_only;
mod groups;
mod invocation;
mod properties;
mod recipient_stream;
mod row;
mod session;
mod source;
mod source_verify;
mod target;
mod target_verify;
mod write;

use std::path::PathBuf;

pub use source::Microsoft365Source;
pub use target::Microsoft365Target;

const SYSTEM: super::SystemName = super::SystemName::new("Microsoft 365");

/// What the app signs in with.
pub enum Microsoft365Secrets {
    ClientSecret(String),
    /// `tls.crt` and `tls.key`, in PEM.
    Certificate {
        certificate: Vec<u8>,
        key: Vec<u8>,
    },
    /// A file with the token of a Kubernetes service account, for the audience `api://AzureADTokenExchange`.
    Federated {
        token_file: PathBuf,
    },
}

impl std::fmt::Debug for Microsoft365Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Microsoft365Secrets")
    }
}
