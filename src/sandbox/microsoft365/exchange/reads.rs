//! The cmdlets that read.

use super::cmdlet::{Bound, Cmdlet};
use super::error::CmdletError;
use super::filter::Filter;
use super::output::{Cursor, Output};
use super::properties::{Naming, Shape, Typed, insert, render};
use crate::sandbox::microsoft365::directory::Number;
use crate::sandbox::microsoft365::recipient::{Kind, Recipient};
use crate::sandbox::microsoft365::tenant::Tenant;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::sync::Arc;

/// How a result is wanted.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// `$select`, as it was written.
    pub select: Option<Vec<&'a str>>,
    pub page_size: usize,
    pub cursor: Cursor,
}

pub fn read(
    cmdlet: Cmdlet,
    bound: &Bound,
    wanted: &Wanted<'_>,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<Output, CmdletError> {
    match cmdlet {
        Cmdlet::GetAcceptedDomain => configuration(cmdlet, accepted_domains(tenant), bound, wanted),
        Cmdlet::GetOrganizationConfig => configuration(cmdlet, vec![organization(tenant)], bound, wanted),
        Cmdlet::GetDistributionGroupMember => members(bound, wanted, tenant, now),
        _ => recipients(cmdlet, bound, wanted, tenant, now),
    }
}

fn shape(cmdlet: Cmdlet) -> Shape {
    match cmdlet {
        Cmdlet::GetMailContact => Shape::MailContact,
        Cmdlet::GetContact => Shape::Contact,
        Cmdlet::GetMailbox => Shape::Mailbox,
        Cmdlet::GetDistributionGroup => Shape::DistributionGroup,
        Cmdlet::GetUnifiedGroup => Shape::UnifiedGroup,
        Cmdlet::GetDynamicDistributionGroup => Shape::DynamicDistributionGroup,
        _ => Shape::Recipient,
    }
}

/// Kinds that a cmdlet shows.
fn shows(cmdlet: Cmdlet, kind: Kind) -> bool {
    match cmdlet {
        Cmdlet::GetMailContact | Cmdlet::GetContact => kind == Kind::MailContact,
        Cmdlet::GetMailbox => kind.is_mailbox(),
        Cmdlet::GetDistributionGroup => {
            matches!(kind, Kind::MailUniversalDistributionGroup | Kind::MailUniversalSecurityGroup | Kind::RoomList)
        }
        Cmdlet::GetUnifiedGroup => kind == Kind::GroupMailbox,
        Cmdlet::GetDynamicDistributionGroup => kind == Kind::DynamicDistributionGroup,
        _ => kind.in_exchange(),
    }
}

fn selected(names: Option<&Vec<&str>>, shape: Shape, cmdlet: Cmdlet) -> Result<Vec<&'static str>, CmdletError> {
    let all = shape.properties();
    let Some(names) = names else { return Ok(all) };
    let find = |name: &&str| {
        let found = all.iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
        found.copied().ok_or_else(|| CmdletError::Select((*name).to_owned(), cmdlet.name()))
    };
    names.iter().map(find).collect()
}

fn recipients(
    cmdlet: Cmdlet,
    bound: &Bound,
    wanted: &Wanted<'_>,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<Output, CmdletError> {
    let organization = tenant.organization.to_string();
    let naming = Naming { organization: &organization, directory: &tenant.directory };
    let names = selected(wanted.select.as_ref(), shape(cmdlet), cmdlet)?;
    let visible = |recipient: &Recipient| shows(cmdlet, recipient.kind) && recipient.found_from <= now;
    if let Some(identity) = bound.text("Identity") {
        let strict = cmdlet == Cmdlet::GetContact;
        let found = tenant.directory.find(identity, strict).and_then(|number| tenant.directory.get(number));
        let found = found.filter(|found| visible(found)).ok_or_else(|| CmdletError::NotFound(identity.to_owned()))?;
        return Ok(Output::one(render(found, &names, naming)));
    }
    let filter = bound.text("Filter").map(Filter::parse).transpose()?;
    let details = details(bound)?;
    let anr = bound.text("Anr").map(str::to_lowercase);
    let matches = |(_, recipient): &(Number, &Arc<Recipient>)| {
        visible(recipient)
            && details
                .as_ref()
                .is_none_or(|details| details.iter().any(|name| name.eq_ignore_ascii_case(recipient.kind.details())))
            && anr.as_ref().is_none_or(|anr| resembles(recipient, anr))
            && filter.as_ref().is_none_or(|filter| filter.matches(recipient, naming))
    };
    let found = tenant.directory.after(wanted.cursor.after).filter(matches);
    Ok(page(found, wanted, bound.result_size(), |recipient| render(recipient, &names, naming)))
}

fn details(bound: &Bound) -> Result<Option<Vec<String>>, CmdletError> {
    let Some(names) = bound.texts("RecipientTypeDetails") else { return Ok(None) };
    match names.iter().find(|name| !Kind::is_known_details(name)) {
        Some(unknown) => Err(CmdletError::Transformation {
            parameter: "RecipientTypeDetails".to_owned(),
            value: unknown.clone(),
            kind: "Microsoft.Exchange.Data.Directory.Recipient.RecipientTypeDetails",
        }),
        None => Ok(Some(names)),
    }
}

/// Ambiguous name resolution: the start of a name or of an address.
fn resembles(recipient: &Recipient, text: &str) -> bool {
    let names = [&recipient.display_name, &recipient.name, &recipient.alias];
    names.iter().any(|name| name.to_lowercase().starts_with(text))
        || recipient.primary().to_lowercase().starts_with(text)
}

/// One page of a list, which ends early where `ResultSize` says so.
fn page<'a>(
    mut found: impl Iterator<Item = (Number, &'a Arc<Recipient>)>,
    wanted: &Wanted<'_>,
    result_size: Option<usize>,
    show: impl Fn(&Recipient) -> Value,
) -> Output {
    let left = result_size.map_or(usize::MAX, |size| size.saturating_sub(wanted.cursor.told));
    let mut output = Output::default();
    let mut last = wanted.cursor.after;
    for (number, recipient) in found.by_ref().take(left.min(wanted.page_size)) {
        output.value.push(show(recipient));
        last = Some(number);
    }
    if found.next().is_some() {
        if output.value.len() == left {
            output.warnings.push("There are more results available than are currently displayed. To view them, increase the value for the ResultSize parameter.".to_owned());
        } else {
            output.next = Some(Cursor { after: last, told: wanted.cursor.told + output.value.len() });
        }
    }
    output
}

fn members(bound: &Bound, wanted: &Wanted<'_>, tenant: &Tenant, now: Timestamp) -> Result<Output, CmdletError> {
    let cmdlet = Cmdlet::GetDistributionGroupMember;
    let identity = bound.needed("Identity")?;
    let organization = tenant.organization.to_string();
    let naming = Naming { organization: &organization, directory: &tenant.directory };
    let names = selected(wanted.select.as_ref(), Shape::Recipient, cmdlet)?;
    let group = tenant.directory.find(identity, false).and_then(|number| tenant.directory.get(number));
    let group = group.filter(|group| shows(Cmdlet::GetDistributionGroup, group.kind) && group.found_from <= now);
    let group =
        group.and_then(|group| group.group.as_ref()).ok_or_else(|| CmdletError::NotFound(identity.to_owned()))?;
    let from = wanted.cursor.after.map_or(0, |number| number + 1);
    let numbered = (0..).zip(&group.members).skip(from as usize);
    let found = numbered.filter_map(|(index, guid)| Some((index, tenant.directory.by_guid(*guid)?)));
    Ok(page(found, wanted, bound.result_size(), |recipient| render(recipient, &names, naming)))
}

type Object = Vec<(&'static str, Typed)>;

/// Objects of the organization's configuration: few, so on one page.
fn configuration(
    cmdlet: Cmdlet,
    objects: Vec<Object>,
    bound: &Bound,
    wanted: &Wanted<'_>,
) -> Result<Output, CmdletError> {
    let mut output = Output::default();
    let identity = bound.text("Identity");
    for object in objects {
        let named =
            |wanted: &str| matches!(object.first(), Some((_, Typed::Text(name))) if name.eq_ignore_ascii_case(wanted));
        if identity.is_some_and(|identity| !named(identity)) {
            continue;
        }
        if let Some(unknown) = wanted
            .select
            .iter()
            .flatten()
            .find(|name| !object.iter().any(|(known, _)| known.eq_ignore_ascii_case(name.trim())))
        {
            return Err(CmdletError::Select((*unknown).to_owned(), cmdlet.name()));
        }
        let mut json = Map::new();
        for (name, value) in object {
            let chosen = wanted
                .select
                .as_ref()
                .is_none_or(|names| names.iter().any(|wanted| wanted.trim().eq_ignore_ascii_case(name)));
            if chosen {
                insert(&mut json, name, value);
            }
        }
        output.value.push(Value::Object(json));
    }
    match identity {
        Some(identity) if output.value.is_empty() => Err(CmdletError::NotFound(identity.to_owned())),
        _ => Ok(output),
    }
}

fn accepted_domains(tenant: &Tenant) -> Vec<Object> {
    let text = |text: &str| Typed::Text(text.to_owned());
    let all = std::iter::once(&tenant.organization).chain(&tenant.domains);
    let object = |domain: &crate::model::Domain| {
        vec![
            ("Identity", text(domain.as_str())),
            ("Name", text(domain.as_str())),
            ("DomainName", text(domain.as_str())),
            ("DomainType", text("Authoritative")),
            ("Default", Typed::Bool(domain == tenant.default_domain())),
            ("InitialDomain", Typed::Bool(*domain == tenant.organization)),
            ("MatchSubDomains", Typed::Bool(false)),
        ]
    };
    all.map(object).collect()
}

fn organization(tenant: &Tenant) -> Object {
    let name = tenant.organization.to_string();
    vec![
        ("Identity", Typed::Text(name.clone())),
        ("Name", Typed::Text(name.clone())),
        ("DisplayName", Typed::Text(name.split('.').next().unwrap_or_default().to_owned())),
        ("Guid", Typed::Guid(tenant.id)),
        ("IsDehydrated", Typed::Bool(false)),
        ("AdminDisplayVersion", Typed::Text("0.20 (15.20.8000.0)".to_owned())),
    ]
}
