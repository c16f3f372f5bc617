//! The hands of a forest's administrator.

use super::forest::{Account, Forest};
use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, Scope, SearchEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashSet;
use std::sync::Arc;

pub struct Administrator {
    ldap: Ldap,
}

fn set(values: &[&str]) -> HashSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

impl Administrator {
    pub async fn of(forest: &Forest) -> Self {
        Self::signed_in(forest, &forest.administrator).await
    }

    /// The same hands with another account's rights.
    pub async fn signed_in(forest: &Forest, account: &Account) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&forest.ca_file).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let settings = LdapConnSettings::new().set_config(Arc::new(config));
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &forest.ldaps).await.unwrap();
        tokio::spawn(connection.drive());
        let bound = ldap.simple_bind(&account.user_principal_name, &account.password()).await.unwrap();
        assert_eq!(bound.rc, 0, "the account cannot sign in: {}", bound.text);
        Self { ldap }
    }

    /// Makes an object, or gives an existing one these values.
    pub async fn put(&self, dn: &str, attributes: &[(&str, &[&str])]) {
        let values = attributes.iter().filter(|(_, values)| !values.is_empty());
        let values = values.map(|(name, values)| ((*name).to_owned(), set(values))).collect();
        let result = self.ldap.clone().add(dn, values).await.unwrap();
        match result.rc {
            0 => {}
            68 => {
                let fixed = ["objectClass", "cn", "sAMAccountName", "ou"];
                let changes = attributes.iter().filter(|(name, _)| !fixed.contains(name));
                let changes = changes.map(|(name, values)| Mod::Replace((*name).to_owned(), set(values))).collect();
                self.change(dn, changes).await;
            }
            other => panic!("{dn} cannot be made: {other} {}", result.text),
        }
    }

    pub async fn change(&self, dn: &str, changes: Vec<Mod<String>>) {
        if changes.is_empty() {
            return;
        }
        let result = self.ldap.clone().modify(dn, changes).await.unwrap();
        assert_eq!(result.rc, 0, "{dn} cannot be changed: {}", result.text);
    }

    pub async fn replace(&self, dn: &str, name: &str, values: &[&str]) {
        self.change(dn, vec![Mod::Replace(name.to_owned(), set(values))]).await;
    }

    pub async fn add_value(&self, dn: &str, name: &str, value: &str) {
        self.change(dn, vec![Mod::Add(name.to_owned(), set(&[value]))]).await;
    }

    pub async fn delete(&self, dn: &str) {
        let result = self.ldap.clone().delete(dn).await.unwrap();
        assert!(matches!(result.rc, 0 | 32), "{dn} cannot be deleted: {} {}", result.rc, result.text);
    }

    pub async fn rename(&self, dn: &str, rdn: &str, above: Option<&str>) {
        let result = self.ldap.clone().modifydn(dn, rdn, true, above).await.unwrap();
        assert_eq!(result.rc, 0, "{dn} cannot be moved: {}", result.text);
    }

    pub async fn search(&self, base: &str, scope: Scope, filter: &str, attributes: &[&str]) -> Vec<SearchEntry> {
        let found = self.ldap.clone().search(base, scope, filter, attributes.to_vec()).await.unwrap();
        let entries = found.0.into_iter().filter(|entry| !entry.is_ref());
        entries.map(SearchEntry::construct).collect()
    }

    pub async fn read(&self, dn: &str, attributes: &[&str]) -> Option<SearchEntry> {
        self.search(dn, Scope::Base, "(objectClass=*)", attributes).await.pop()
    }

    /// objectGUID as text.
    pub async fn anchor(&self, dn: &str) -> String {
        let found = self.read(dn, &["objectGUID"]).await.expect("the object was made");
        let bytes = found.bin_attrs.get("objectGUID").and_then(|values| values.first().cloned());
        let bytes = bytes.unwrap_or_else(|| found.attrs["objectGUID"][0].clone().into_bytes());
        let hex = |range: std::ops::Range<usize>, back: bool| {
            let mut part = bytes[range].to_vec();
            if back {
                part.reverse();
            }
            hex::encode(part)
        };
        format!(
            "{}-{}-{}-{}-{}",
            hex(0..4, true),
            hex(4..6, true),
            hex(6..8, true),
            hex(8..10, false),
            hex(10..16, false)
        )
    }

    pub async fn make_container(&self, dn: &str) {
        self.put(dn, &[("objectClass", &["top", "organizationalUnit"])]).await;
    }

    /// Everything below and the container itself.
    pub async fn delete_tree(&self, dn: &str) {
        if self.read(dn, &["objectClass"]).await.is_none() {
            return;
        }
        let found = self.search(dn, Scope::Subtree, "(objectClass=*)", &["objectClass"]).await;
        let mut names: Vec<String> = found.into_iter().map(|entry| entry.dn).collect();
        names.sort_by_key(|dn| std::cmp::Reverse(dn.split(',').count()));
        for dn in names {
            self.delete(&dn).await;
        }
    }

    /// A mailbox, as Exchange makes it.
    pub async fn put_mailbox(&self, dn: &str, name: &str, domain: &str, extra: &[(&str, &[&str])]) {
        let address = format!("{name}@{domain}");
        let (primary, legacy) = (format!("SMTP:{address}"), format!("/o=Corp/ou=Tests/cn=Recipients/cn={name}"));
        let proxies = [primary.as_str()];
        let mut all: Vec<(&str, &[&str])> = vec![
            ("objectClass", &["top", "person", "organizationalPerson", "user"]),
            ("mailNickname", std::slice::from_ref(&name)),
            ("displayName", std::slice::from_ref(&name)),
            ("proxyAddresses", &proxies),
            ("msExchRecipientTypeDetails", &["1"]),
            ("msExchRecipientDisplayType", &["1073741824"]),
        ];
        let (mail, sam, legacy) = ([address.as_str()], [name], [legacy.as_str()]);
        all.extend([("mail", &mail[..]), ("sAMAccountName", &sam[..]), ("legacyExchangeDN", &legacy[..])]);
        all.retain(|(own, _)| !extra.iter().any(|(name, _)| name == own));
        all.extend_from_slice(extra);
        self.put(dn, &all).await;
    }

    /// Adds copies of objects, so many under way at the same time.
    pub async fn add_all(&self, objects: Vec<SearchEntry>, at_once: usize) {
        const MADE_BY_SERVER: &[&str] = &[
            "distinguishedName",
            "instanceType",
            "whenCreated",
            "whenChanged",
            "uSNCreated",
            "uSNChanged",
            "name",
            "objectGUID",
            "objectCategory",
            "dSCorePropagationData",
        ];
        let adds = objects.into_iter().map(|object| async move {
            let kept = object.attrs.into_iter().filter(|(name, _)| !MADE_BY_SERVER.contains(&name.as_str()));
            let values = kept.map(|(name, values)| (name, values.into_iter().collect::<HashSet<_>>())).collect();
            let result = self.ldap.clone().add(&object.dn, values).await.unwrap();
            assert_eq!(result.rc, 0, "{}", result.text);
        });
        let mut adds = futures::StreamExt::buffer_unordered(futures::stream::iter(adds), at_once);
        while futures::StreamExt::next(&mut adds).await.is_some() {}
    }
}

/// LDAP_SERVER_SD_FLAGS_OID: the part of a descriptor that says who may do what.
#[allow(dead_code, reason = "the tests of the cluster use it")]
fn rights_alone() -> RawControl {
    RawControl { ctype: "1.2.840.113556.1.4.801".to_owned(), crit: true, val: Some(vec![0x30, 3, 2, 1, 4]) }
}

#[allow(dead_code, reason = "the tests of the cluster use it")]
impl Administrator {
    /// The first value of an attribute that may be no text.
    pub async fn bytes(&self, dn: &str, attribute: &str) -> Vec<u8> {
        let found = self.read(dn, &[attribute]).await.expect("the object is there");
        let text =
            || found.attrs.get(attribute).and_then(|values| values.first()).map(|value| value.clone().into_bytes());
        let bytes = found.bin_attrs.get(attribute).and_then(|values| values.first()).cloned();
        bytes.or_else(text).expect("the attribute has a value")
    }

    /// Who may do what with the object: its security descriptor, without owners and audits.
    pub async fn rights(&self, dn: &str) -> Vec<u8> {
        let mut ldap = self.ldap.clone();
        ldap.with_controls(rights_alone());
        let (found, _) = ldap
            .search(dn, Scope::Base, "(objectClass=*)", vec!["nTSecurityDescriptor"])
            .await
            .unwrap()
            .success()
            .unwrap();
        let entry = SearchEntry::construct(found.into_iter().next().expect("the object is there"));
        entry.bin_attrs["nTSecurityDescriptor"][0].clone()
    }

    pub async fn set_rights(&self, dn: &str, descriptor: &[u8]) {
        let mut ldap = self.ldap.clone();
        ldap.with_controls(rights_alone());
        let change = Mod::Replace(b"nTSecurityDescriptor".to_vec(), HashSet::from([descriptor.to_vec()]));
        let result = ldap.modify(dn, vec![change]).await.unwrap();
        assert_eq!(result.rc, 0, "the rights of {dn} cannot be changed: {}", result.text);
    }
}
