//! What the Exchange endpoint says when a cmdlet fails: generic codes, with the truth in one of several
//! encodings.

use super::super::tenant::Refused;
use crate::sandbox::microsoft365::directory::Conflict;
use crate::sandbox::server::call::Reply;
use serde_json::{Value, json};

/// Why a cmdlet was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmdletError {
    #[error(
        "The operation couldn't be performed because object '{0}' couldn't be found on 'DB9P195A01DC001.EURP195A001.PROD.OUTLOOK.COM'."
    )]
    NotFound(String),
    #[error("The name \"{0}\" is already being used. Please try another name.")]
    NameInUse(String),
    #[error(
        "The value \"{0}\" of property \"Alias\" is used by another recipient object. Please specify a unique value."
    )]
    AliasInUse(String),
    #[error(
        "The proxy address \"{0}\" is already being used by the proxy addresses or LegacyExchangeDN of \"{1}\". Please choose another proxy address."
    )]
    AddressInUse(String, String),
    #[error(
        "The proxy address \"{0}\" is already being used by the proxy addresses or LegacyExchangeDN. Please choose another proxy address."
    )]
    AddressHeld(String),
    #[error(
        "You've reached the maximum number of mail users and contacts you can create at this time. Please try again later."
    )]
    CreateQuota,
    #[error(
        "The operation on mailbox \"{0}\" failed because it's out of the current user's write scope. The action '{1}' can't be performed on the object '{0}' because the object is being synchronized from your on-premises organization. This action should be performed on the object in your on-premises organization."
    )]
    DirSynced(String, &'static str),
    #[error("Parameter set cannot be resolved using the specified named parameters. {0}")]
    Parameter(String),
    #[error("Cannot process command because of one or more missing mandatory parameters: {0}.")]
    Mandatory(&'static str),
    #[error(
        "Cannot process argument transformation on parameter '{parameter}'. Cannot convert value \"{value}\" to type \"{kind}\"."
    )]
    Transformation { parameter: String, value: String, kind: &'static str },
    #[error(
        "The length of the property is too long. The maximum length is {max} and the length of the value provided is {length}. Property Name: {parameter}"
    )]
    TooLong { parameter: String, max: usize, length: usize },
    #[error("Property expression \"{value}\" isn't valid. Valid values are: {rule}. Property Name: {parameter}")]
    Invalid { parameter: String, value: String, rule: &'static str },
    #[error("There is no primary SMTP address for this e-mail address collection.")]
    NoPrimary,
    #[error("Cannot bind parameter 'Filter' to the target. Exception setting \"Filter\": \"{0}\"")]
    Filter(String),
    #[error("The term '{0}' is not recognized as the name of a cmdlet, function, script file, or operable program.")]
    CommandNotFound(String),
    #[error("The property '{0}' named in $select does not exist on the result of '{1}'.")]
    Select(String, &'static str),
    #[error("{0}")]
    BadRequest(String),
    #[error("The server is too busy to carry out the request. Please try again later.")]
    Transient(Transient),
}

/// Failures that pass although the answer is a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transient {
    ServerBusy,
    ProxyNotAvailable,
    AdTransient,
    BackendCommunication,
}

impl Transient {
    pub const ALL: [Self; 4] =
        [Self::ServerBusy, Self::ProxyNotAvailable, Self::AdTransient, Self::BackendCommunication];
}

impl From<Refused> for CmdletError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Conflict(Conflict::Name { name }) => Self::NameInUse(name),
            Refused::Conflict(Conflict::Alias { alias }) => Self::AliasInUse(alias),
            Refused::Conflict(Conflict::Address { proxy, holder }) => Self::AddressInUse(proxy, holder),
            Refused::Held { proxy } => Self::AddressHeld(proxy.replacen("smtp:", "SMTP:", 1)),
        }
    }
}

impl CmdletError {
    /// Full name of the exception.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            Self::NameInUse(_) => "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException",
            Self::AliasInUse(_) | Self::AddressInUse(..) | Self::AddressHeld(_) => {
                "Microsoft.Exchange.Management.Tasks.WLCDManagedMemberExistsException"
            }
            Self::CreateQuota => "Microsoft.Exchange.Data.Directory.RecipientUsageExceededRecentQuotaException",
            Self::DirSynced(..) => "Microsoft.Exchange.Configuration.Tasks.InvalidOperationOnSyncedObjectException",
            Self::Parameter(_) | Self::Mandatory(_) => {
                "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException"
            }
            Self::Transformation { .. } | Self::Filter(_) => {
                "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException"
            }
            Self::TooLong { .. } | Self::Invalid { .. } | Self::NoPrimary => {
                "Microsoft.Exchange.Data.DataValidationException"
            }
            Self::CommandNotFound(_) => "System.Management.Automation.CommandNotFoundException",
            Self::Select(..) | Self::BadRequest(_) => "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
            Self::Transient(Transient::ServerBusy) => "Microsoft.Exchange.Data.Storage.ServerBusyException",
            Self::Transient(Transient::ProxyNotAvailable) => {
                "Microsoft.Exchange.AdminApi.CommandInvocation.CmdletProxyNotAvailableFailure"
            }
            Self::Transient(Transient::AdTransient) => "Microsoft.Exchange.Data.Directory.ADTransientException",
            Self::Transient(Transient::BackendCommunication) => {
                "Microsoft.Exchange.AdminApi.BackendCommunicationException"
            }
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound(_) => 404,
            Self::CommandNotFound(_) => 403,
            _ => 400,
        }
    }

    /// Status and body; `told` counts errors, so that the encodings take turns.
    pub fn body(&self, told: u64) -> (u16, Value) {
        let status = self.status();
        let code = match status {
            404 => "NotFound",
            403 => "Forbidden",
            _ => "BadRequest",
        };
        let (text, kind) = (self.to_string(), self.type_name());
        let id = crate::model::Digest::of(kind.as_bytes()).hex()[..6].to_uppercase();
        let message = match told % 5 {
            0 => Some(format!("Ex{id}|{kind}|{text}")),
            1 => Some(format!("|{kind}|{text}")),
            2 => Some(json!({"Message": text, "TypeName": kind, "InnerError": null}).to_string()),
            3 => Some(
                json!({"ClassName": kind, "Message": text, "localizedString": {"stringId": format!("Ex{id}")}})
                    .to_string(),
            ),
            _ => None,
        };
        let details: Vec<Value> =
            message.iter().map(|text| json!({"code": "Context", "target": "", "message": text})).collect();
        let internal = json!({"message": text, "type": kind, "stacktrace": "   at Microsoft.Exchange.…"});
        let body = json!({"error": {
            "code": code,
            "message": "Error executing cmdlet",
            "details": details,
            "innererror": {
                "message": "Error executing cmdlet",
                "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
                "stacktrace": "   at Microsoft.Exchange.Admin.OData.Core.…",
                "internalexception": internal,
            },
        }});
        (status, body)
    }

    pub fn reply(&self, told: u64, cmdlet: &str) -> Reply {
        let (status, body) = self.body(told);
        Reply::json(status, &body).with("x-exceptiontype", self.type_name()).with("cmdlet-name", cmdlet)
    }
}
