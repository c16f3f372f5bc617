//! Whether a tenant can be read, and what its administrator should know.

use super::attributes::on_recipient;
use super::cmdlet::Call;
use super::graph::{Failed, Graph, Object, Resource};
use super::session::Session;
use super::source::Microsoft365Source;
use super::target::accepted_domains;
use crate::directory::{Error, Source};
use crate::model::observed::Verification;
use crate::model::{Attribute, Domain};
use std::collections::BTreeSet;

/// Permissions with which a token could do more than it needs.
const TOO_WIDE: &[&str] =
    &[".ReadWrite.", "full_access_as_app", "Mail.", "Calendars.", "Contacts.", "Files.", "Sites."];

pub(super) async fn verify(source: &Microsoft365Source) -> Result<Verification, Error> {
    let mut found = Verification {
        identity: source.identity().await?.to_string(),
        credential_expires: source.sessions.account.credential.expires(),
        ..Verification::default()
    };
    let mut missing = Vec::new();
    for resource in Resource::ALL {
        let path = format!("/{}?$select=id&$top=1", resource.path());
        match source.graph().page(&path, resource).await {
            Ok(_) => {}
            Err(Failed::Error(Error::Forbidden { .. })) => missing.push(resource.permission()),
            Err(failed) => return Err(failed.into_error()),
        }
    }
    if !missing.is_empty() {
        let names = missing.join(", ");
        found
            .warnings
            .push(format!("cannot read: give the application {names} of Microsoft Graph, with admin consent"));
    }
    let mut may_list = true;
    if source.graph_only {
        found.domains = verified_domains(source.graph()).await?;
        found.warnings.push(
            "graphOnly: hidden recipients and groups that take no mail from outside may be included, and dynamic \
             distribution groups are not; give the application a view-only role in Exchange and take graphOnly away"
                .to_owned(),
        );
    } else {
        for cmdlet in ["Get-Recipient", "Get-DistributionGroup", "Get-UnifiedGroup", "Get-DynamicDistributionGroup"] {
            let call = Call::new(cmdlet).with("ResultSize", 1).select(["Guid"]);
            match source.exchange().run(&call).await.map_err(|failed| failed.into_error(cmdlet)) {
                Ok(_) => {}
                Err(Error::Forbidden { action, hint, .. }) => {
                    may_list = false;
                    found.warnings.push(format!("cannot read: Exchange Online does not permit {action}: {hint}"));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if may_list {
            // Only a proposal: without the right to ask, nobody's domains are proposed.
            found.domains = match accepted_domains(source.exchange()).await {
                Err(Error::Forbidden { .. }) => BTreeSet::new(),
                domains => domains?,
            };
        }
    }
    found.can_read = missing.is_empty() && may_list;
    found.warnings.extend(unavailable(source));
    found.warnings.extend(too_wide(&source.sessions.graph).await?);
    if !source.graph_only {
        found.warnings.extend(too_wide(&source.sessions.exchange).await?);
    }
    Ok(found)
}

/// Attributes that neither interface tells of people. The defaults are left out: nobody asked for them by name.
fn unavailable(source: &Microsoft365Source) -> Option<String> {
    let told = |attribute: Attribute| {
        let enriched = [Attribute::MobilePhone, Attribute::Fax, Attribute::Street].contains(&attribute);
        let graph_has = on_recipient(attribute) && attribute != Attribute::Notes;
        enriched
            || attribute.crosses_by_default()
            || if source.graph_only { graph_has } else { on_recipient(attribute) }
    };
    let missing: Vec<&str> = source
        .scope
        .attributes
        .iter()
        .filter(|attribute| !told(**attribute))
        .map(|attribute| attribute.name())
        .collect();
    (!missing.is_empty()).then(|| format!("Microsoft 365 does not tell {} of its people", missing.join(", ")))
}

async fn too_wide(session: &Session) -> Result<Option<String>, Error> {
    let permissions = session.permissions().await?.unwrap_or_default();
    let wide: Vec<String> =
        permissions.into_iter().filter(|name| TOO_WIDE.iter().any(|part| name.contains(part))).collect();
    Ok((!wide.is_empty()).then(|| format!("the application has {}; that is wider than needed", wide.join(", "))))
}

/// Needs a permission that nothing else needs; without it nobody's domains are proposed.
async fn verified_domains(graph: Graph<'_>) -> Result<BTreeSet<Domain>, Error> {
    match graph.all::<Object>("/domains", Resource::Users).await {
        Ok(domains) => Ok(domains
            .iter()
            .filter(|domain| domain.get("isVerified").is_none_or(|verified| verified == true))
            .filter_map(|domain| Domain::parse(domain.get("id")?.as_str()?).ok())
            .collect()),
        Err(Failed::Error(Error::Forbidden { .. })) => Ok(BTreeSet::new()),
        Err(failed) => Err(failed.into_error()),
    }
}
