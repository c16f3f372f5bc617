//! Filters: what an unwritten field means at a connector and at a schedule.

use super::{At, InvalidField, domains, each, expression};
use crate::api::filters::{ExcludeOrInclude, Filters, KeepOrExclude, NameFilter, ObjectType, SkipOrInclude};
use crate::model::filters as checked;
use crate::model::{EntryClass, OrganizationalUnit, RecipientType, SmtpAddress};
use std::collections::BTreeSet;

/// A connector's filters: unwritten fields have the defaults of mail-rules §8.
pub fn connector_filters(at: &At, filters: Option<&Filters>) -> Result<checked::Filters, InvalidField> {
    over(at, filters, checked::Filters::default())
}

/// A schedule's filters: unwritten fields narrow nothing.
pub fn schedule_filters(at: &At, filters: Option<&Filters>) -> Result<checked::Filters, InvalidField> {
    over(at, filters, checked::Filters::open())
}

fn over(at: &At, filters: Option<&Filters>, base: checked::Filters) -> Result<checked::Filters, InvalidField> {
    let Some(filters) = filters else { return Ok(base) };
    let Filters {
        domains: by_domain,
        object_types,
        recipient_types,
        disabled_users,
        restricted_groups,
        hidden_membership_groups,
        accept_foreign_domains,
        hidden,
        on_microsoft_only,
        groups,
        organizational_units,
        opt_out_mark,
        expression: condition,
        limit_to,
    } = filters;
    let base_domains = base.domains;
    Ok(checked::Filters {
        domains: match by_domain {
            None => base_domains,
            Some(filter) => checked::DomainFilter {
                include: domains(&at.field("domains").field("include"), &filter.include)?,
                exclude: domains(&at.field("domains").field("exclude"), &filter.exclude)?,
                matching: filter.matching.into(),
            },
        },
        recipient_types: if object_types.is_none() && recipient_types.is_none() {
            base.recipient_types
        } else {
            let classes = object_types.iter().flatten().flat_map(|&class| of_class(class));
            classes.chain(recipient_types.iter().flatten().map(|&kind| kind.into())).collect()
        },
        exclude_disabled_users: disabled_users
            .map_or(base.exclude_disabled_users, |written| written == KeepOrExclude::Exclude),
        include_restricted_groups: restricted_groups
            .map_or(base.include_restricted_groups, |written| written == SkipOrInclude::Include),
        include_hidden_membership: hidden_membership_groups
            .map_or(base.include_hidden_membership, |written| written == SkipOrInclude::Include),
        accept_foreign_domains: accept_foreign_domains.unwrap_or(base.accept_foreign_domains),
        include_hidden: hidden.map_or(base.include_hidden, |written| written == ExcludeOrInclude::Include),
        include_onmicrosoft_only: on_microsoft_only
            .map_or(base.include_onmicrosoft_only, |written| written == SkipOrInclude::Include),
        groups: groups.as_ref().map_or(base.groups, names),
        organizational_units: match organizational_units {
            None => base.organizational_units,
            Some(filter) => units(&at.field("organizationalUnits"), filter)?,
        },
        opt_out_mark: opt_out_mark.as_ref().map_or(base.opt_out_mark, |mark| mark.as_str().to_owned()),
        expression: condition.as_ref().map(|text| expression(&at.field("expression"), text)).transpose()?,
        limit_to: each(&at.field("limitTo"), limit_to.as_deref().unwrap_or_default(), |address| {
            SmtpAddress::parse(address.as_str())
        })?,
    })
}

fn of_class(class: ObjectType) -> impl Iterator<Item = RecipientType> {
    let class = match class {
        ObjectType::User => EntryClass::User,
        ObjectType::Group => EntryClass::Group,
        ObjectType::Contact => EntryClass::Contact,
    };
    RecipientType::ALL.into_iter().filter(move |kind| kind.class() == class && kind.in_object_types())
}

fn names(filter: &NameFilter) -> checked::NameFilter {
    let set = |names: &[crate::api::text::DirectoryName]| -> BTreeSet<String> {
        names.iter().map(|name| name.as_str().to_owned()).collect()
    };
    checked::NameFilter { include: set(&filter.include), exclude: set(&filter.exclude) }
}

fn units(at: &At, filter: &NameFilter) -> Result<checked::UnitFilter, InvalidField> {
    let set = |at: At, units: &[crate::api::text::DirectoryName]| {
        each(&at, units, |unit| OrganizationalUnit::parse(unit.as_str()))
    };
    Ok(checked::UnitFilter {
        include: set(at.field("include"), &filter.include)?,
        exclude: set(at.field("exclude"), &filter.exclude)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::entry_field::EntryCondition;

    fn read(text: &str) -> Filters {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn unwritten_filters_are_the_default_or_open() {
        let at = At::spec();
        assert_eq!(connector_filters(&at, None).unwrap(), checked::Filters::default());
        assert_eq!(connector_filters(&at, Some(&Filters::default())).unwrap(), checked::Filters::default());
        assert_eq!(schedule_filters(&at, None).unwrap(), checked::Filters::open());
        assert_eq!(schedule_filters(&at, Some(&Filters::default())).unwrap(), checked::Filters::open());
    }

    #[test]
    fn every_field_crosses() {
        let written = read(
            "{domains: {include: [A.test], exclude: [b.test], match: Any}, objectTypes: [Contact],
              recipientTypes: [RoomMailbox], disabledUsers: Exclude, restrictedGroups: Include,
              hiddenMembershipGroups: Include, acceptForeignDomains: true, hidden: Include,
              onMicrosoftOnly: Include, groups: {include: [g]}, organizationalUnits: {exclude: [OU=u]},
              optOutMark: '', expression: 'entry.title != \"\"', limitTo: [A@b.test]}",
        );
        let got = connector_filters(&At::spec(), Some(&written)).unwrap();
        let domain = |name: &str| crate::model::Domain::parse(name).unwrap();
        let wanted = checked::Filters {
            domains: checked::DomainFilter {
                include: [domain("a.test")].into(),
                exclude: [domain("b.test")].into(),
                matching: checked::DomainMatch::Any,
            },
            recipient_types: [RecipientType::MailContact, RecipientType::RoomMailbox].into(),
            exclude_disabled_users: true,
            include_restricted_groups: true,
            include_hidden_membership: true,
            accept_foreign_domains: true,
            include_hidden: true,
            include_onmicrosoft_only: true,
            groups: checked::NameFilter { include: ["g".to_owned()].into(), exclude: BTreeSet::new() },
            organizational_units: checked::UnitFilter {
                include: BTreeSet::new(),
                exclude: [OrganizationalUnit::parse("OU=u").unwrap()].into(),
            },
            opt_out_mark: String::new(),
            expression: Some(EntryCondition::parse("entry.title != \"\"").unwrap()),
            limit_to: [SmtpAddress::parse("a@b.test").unwrap()].into(),
        };
        assert_eq!(got, wanted);
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_path() {
        for (text, path) in [
            ("{domains: {include: [ok.test, '-bad-']}}", "spec.domains.include[1]"),
            ("{limitTo: ['a@@b']}", "spec.limitTo[0]"),
            ("{expression: 'entry.title =='}", "spec.expression"),
            ("{organizationalUnits: {include: ['/Staff', People]}}", "spec.organizationalUnits.include[1]"),
            ("{organizationalUnits: {exclude: ['OU=a\\x']}}", "spec.organizationalUnits.exclude[0]"),
            ("{expression: 'entry.departmnet == \"\"'}", "spec.expression"),
            ("{expression: 'entry.title.reverse() == \"\"'}", "spec.expression"),
            ("{expression: 'entry.title'}", "spec.expression"),
        ] {
            let error = connector_filters(&At::spec(), Some(&read(text))).unwrap_err();
            assert_eq!(error.path, path, "{error}");
        }
    }
}
