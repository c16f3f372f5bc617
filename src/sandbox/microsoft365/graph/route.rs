//! Which resource a path of Graph names, in every form that clients write it.

use super::error::GraphError;
use crate::sandbox::microsoft365::config::AppRole;
use crate::sandbox::microsoft365::recipient::Resource;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Delta(Resource),
    List(Resource),
    One(Resource, String),
    Members { group: String, transitive: bool },
    Organization,
    Domains,
}

impl Route {
    /// From a path after `/v1.0/`, percent signs decoded.
    pub fn parse(path: &str) -> Result<Self, GraphError> {
        let path = path.trim_matches('/');
        let segments: Vec<&str> = path.split('/').collect();
        let unknown = |segment: &str| Err(GraphError::NoSegment(segment.to_owned()));
        // users('id') is users/id.
        let (first, key) = match segments[0].split_once('(') {
            Some((name, rest)) => (name, Some(rest.trim_end_matches(')').trim_matches('\'').to_owned())),
            None => (segments[0], None),
        };
        let resource = match first.to_ascii_lowercase().as_str() {
            "users" => Resource::Users,
            "groups" => Resource::Groups,
            "contacts" => Resource::Contacts,
            "organization" if segments.len() == 1 => return Ok(Self::Organization),
            "domains" if segments.len() == 1 => return Ok(Self::Domains),
            _ => return unknown(first),
        };
        let mut rest = segments[1..].iter().map(|segment| (*segment).to_owned());
        let id = match key {
            Some(key) => key,
            None => match rest.next() {
                None => return Ok(Self::List(resource)),
                Some(segment) if is_delta(&segment) && rest.len() == 0 => return Ok(Self::Delta(resource)),
                Some(segment) => segment,
            },
        };
        match (rest.next().as_deref(), rest.next()) {
            (None, _) => Ok(Self::One(resource, id)),
            (Some("members"), None) if resource == Resource::Groups => {
                Ok(Self::Members { group: id, transitive: false })
            }
            (Some("transitiveMembers"), None) if resource == Resource::Groups => {
                Ok(Self::Members { group: id, transitive: true })
            }
            (Some(segment), _) => unknown(segment),
        }
    }

    /// The path without ids, for counters and fault rules.
    pub fn label(&self) -> String {
        let name = |resource: &Resource| match resource {
            Resource::Users => "users",
            Resource::Groups => "groups",
            Resource::Contacts => "contacts",
        };
        match self {
            Self::Delta(resource) => format!("{}/delta", name(resource)),
            Self::List(resource) => name(resource).to_owned(),
            Self::One(resource, _) => format!("{}/{{id}}", name(resource)),
            Self::Members { transitive: false, .. } => "groups/{id}/members".to_owned(),
            Self::Members { transitive: true, .. } => "groups/{id}/transitiveMembers".to_owned(),
            Self::Organization => "organization".to_owned(),
            Self::Domains => "domains".to_owned(),
        }
    }

    /// Application permissions of which one is enough.
    pub fn permissions(&self) -> &'static [AppRole] {
        use AppRole::{
            DirectoryReadAll, DomainReadAll, GroupMemberReadAll, GroupReadAll, OrgContactReadAll, OrganizationReadAll,
            UserReadAll,
        };
        match self {
            Self::Delta(Resource::Users) | Self::List(Resource::Users) | Self::One(Resource::Users, _) => {
                &[UserReadAll, DirectoryReadAll]
            }
            Self::Delta(Resource::Groups) | Self::List(Resource::Groups) | Self::One(Resource::Groups, _) => {
                &[GroupReadAll, GroupMemberReadAll, DirectoryReadAll]
            }
            Self::Delta(Resource::Contacts) | Self::List(Resource::Contacts) | Self::One(Resource::Contacts, _) => {
                &[OrgContactReadAll, DirectoryReadAll]
            }
            Self::Members { .. } => &[GroupMemberReadAll, GroupReadAll, DirectoryReadAll],
            Self::Organization => &[OrganizationReadAll, DirectoryReadAll, UserReadAll],
            Self::Domains => &[DomainReadAll, DirectoryReadAll],
        }
    }

    /// Resource units before `$select` and `$top`.
    pub fn cost(&self) -> i32 {
        match self {
            Self::List(Resource::Users) | Self::Delta(Resource::Users) => 2,
            Self::Members { transitive, .. } => 3 + 2 * i32::from(*transitive),
            _ => 1,
        }
    }
}

fn is_delta(segment: &str) -> bool {
    let name = segment.strip_suffix("()").unwrap_or(segment);
    name.eq_ignore_ascii_case("delta") || name.eq_ignore_ascii_case("microsoft.graph.delta")
}

/// Name of the type in metadata and error messages.
pub fn type_name(resource: Resource) -> &'static str {
    match resource {
        Resource::Users => "user",
        Resource::Groups => "group",
        Resource::Contacts => "orgContact",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_path_is_understood() {
        for path in [
            "users/delta",
            "users/delta()",
            "users/microsoft.graph.delta",
            "/users/microsoft.graph.delta()",
            "Users/delta",
        ] {
            assert_eq!(Route::parse(path), Ok(Route::Delta(Resource::Users)), "{path}");
        }
        assert_eq!(Route::parse("users('a')"), Ok(Route::One(Resource::Users, "a".to_owned())));
        assert_eq!(Route::parse("groups/a/members"), Ok(Route::Members { group: "a".to_owned(), transitive: false }));
        for path in ["me", "users/a/messages", "contacts/a/members", "users/delta/x", ""] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
    }
}
