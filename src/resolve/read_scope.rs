//! What a pull must read, over all schedules that use a connector (design §4).

use super::namespace::connector_name;
use crate::api::convert::{InvalidField, checked_connector, source_rules, target_rules};
use crate::api::{GalSyncConnector, GalSyncSchedule};
use crate::model::connector::ReadScope;
use crate::model::filters::Filters;
use crate::model::mapping::{AttributeRule, Mapping};
use crate::model::{Attribute, OwnerId};

/// The union of attributes and filter groups that the connector's filters and the schedules that read it need.
/// A schedule that is invalid does not count; its own condition tells.
pub fn read_scope<'a>(
    connector: &GalSyncConnector,
    schedules: impl IntoIterator<Item = &'a GalSyncSchedule>,
    owner: &OwnerId,
) -> Result<ReadScope, InvalidField> {
    let name = connector_name(connector);
    let mut scope = ReadScope::default();
    add_filters(&mut scope, &checked_connector(connector)?.filters);
    for schedule in schedules {
        let Some(index) = super::namespace::sources(schedule).position(|source| source == name) else { continue };
        let Ok(source) = source_rules(schedule, index) else { continue };
        let targets = 0..schedule.spec.targets.len();
        let targets: Result<Vec<_>, _> = targets.map(|target| target_rules(schedule, target, owner)).collect();
        let Ok(targets) = targets else { continue };
        add_filters(&mut scope, &source.filters);
        targets.iter().for_each(|rules| add_mapping(&mut scope, &rules.mapping));
    }
    Ok(scope)
}

fn add_filters(scope: &mut ReadScope, filters: &Filters) {
    scope.groups.extend(filters.groups.names().cloned());
    if !filters.opt_out_mark.is_empty() {
        scope.attributes.extend(Attribute::ALL.iter().filter(|attribute| attribute.is_custom()));
    }
    scope.attributes.extend(filters.expression.iter().flat_map(|expression| expression.attributes()));
}

fn add_mapping(scope: &mut ReadScope, mapping: &Mapping) {
    for &attribute in Attribute::ALL {
        match mapping.rule(attribute) {
            AttributeRule::Copy => {
                scope.attributes.insert(attribute);
            }
            AttributeRule::Expression(expression) => scope.attributes.extend(expression.attributes()),
            AttributeRule::Drop | AttributeRule::Constant(_) => {}
        }
    }
    // Whoever has no display name is shown by these, also where they do not cross over themselves.
    if !matches!(mapping.rule(Attribute::DisplayName), AttributeRule::Drop) {
        scope.attributes.extend([Attribute::GivenName, Attribute::Surname]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schedule(name: &str, source: &str, mapping: serde_json::Value) -> GalSyncSchedule {
        serde_json::from_value(json!({
            "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncSchedule",
            "metadata": { "name": name, "namespace": "n" },
            "spec": { "interval": "24h", "policy": "Sync",
                "sources": [{ "connectorRef": { "name": source }, "filters": {
                    "groups": { "exclude": ["secret"] }, "expression": "entry.title != 'x' && has(entry.notes)" } }],
                "targets": [{ "connectorRef": { "name": "t" }, "mapping": mapping }] }
        }))
        .unwrap()
    }

    /// Seen: a person without a display name became a contact that was shown by the address.
    #[test]
    fn the_names_that_stand_in_for_a_display_name_are_read() {
        let connector: GalSyncConnector = serde_json::from_value(json!({
            "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": "a" },
            "spec": { "type": "Memory", "memory": { "path": "/x" }, "filters": { "optOutMark": "" } }
        }))
        .unwrap();
        let dropped = json!({ "action": "Drop" });
        for (display_name, read) in [
            (json!({ "action": "Copy" }), true),
            (json!({ "expression": "entry.company" }), true),
            (json!({ "value": " " }), true),
            (dropped.clone(), false),
        ] {
            let attributes = json!({ "givenName": dropped, "surname": dropped, "displayName": display_name });
            let schedules = [schedule("one", "a", json!({ "attributes": attributes }))];
            let scope = read_scope(&connector, &schedules, &OwnerId::new("o").unwrap()).unwrap();
            for name in [Attribute::GivenName, Attribute::Surname] {
                assert_eq!(scope.attributes.contains(&name), read, "{display_name}");
            }
        }
    }

    #[test]
    fn the_union_over_all_schedules_that_read_it() {
        let connector: GalSyncConnector = serde_json::from_value(json!({
            "apiVersion": "galsync.dev/v1alpha1", "kind": "GalSyncConnector", "metadata": { "name": "a" },
            "spec": { "type": "Memory", "memory": { "path": "/x" },
                "filters": { "optOutMark": "", "groups": { "include": ["all"] } } }
        }))
        .unwrap();
        let schedules = [
            schedule(
                "one",
                "a",
                json!({ "attributes": { "pager": { "action": "Copy" }, "title": { "action": "Drop" } } }),
            ),
            schedule(
                "two",
                "a",
                json!({ "attributes": { "office": { "expression": "entry.custom7 + entry['fax']" } } }),
            ),
            schedule("other", "b", json!({ "attributes": { "homePhone": { "action": "Copy" } } })),
        ];
        let owner = OwnerId::new("o").unwrap();
        let alone = read_scope(&connector, [], &owner).unwrap();
        assert_eq!((alone.attributes.len(), alone.groups.len()), (0, 1));
        let scope = read_scope(&connector, &schedules, &owner).unwrap();
        assert_eq!(scope.groups, ["all".to_owned(), "secret".to_owned()].into());
        for (attribute, wanted) in [
            (Attribute::Pager, true),
            (Attribute::Title, true),
            (Attribute::Notes, true),
            (Attribute::Custom7, true),
            (Attribute::Fax, true),
            (Attribute::DisplayName, true),
            (Attribute::HomePhone, false),
            (Attribute::Custom1, false),
        ] {
            assert_eq!(scope.attributes.contains(&attribute), wanted, "{attribute}");
        }
    }
}
