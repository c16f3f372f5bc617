//! A domain controller on loopback that behaves as the real one where Samba does not.

use super::filter::{matches, text};
use ldap3::asn1::{PL, StructureTag, TagClass, parse_tag, write};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const BASE: &str = "DC=corp,DC=example";
const CONFIGURATION: &str = "CN=Configuration,DC=corp,DC=example";
const SETTINGS: &str = "CN=NTDS Settings,CN=DC1";
const PAGED: &str = "1.2.840.113556.1.4.319";
const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";

#[derive(Debug, Clone, Default)]
pub struct Object {
    pub dn: String,
    pub guid: [u8; 16],
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl Object {
    pub fn texts(&self, name: &str) -> &[String] {
        let found = self.attributes.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    /// Every byte the same number, so that the text form has no order to get wrong.
    pub fn guid_text(&self) -> String {
        let hex = hex::encode(self.guid);
        let b = |range: std::ops::Range<usize>| {
            let mut bytes = self.guid[range].to_vec();
            bytes.reverse();
            hex::encode(bytes)
        };
        format!("{}-{}-{}-{}-{}", b(0..4), b(4..6), b(6..8), &hex[16..20], &hex[20..])
    }
}

/// What happens to the next request of its kind, instead of what should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This result code.
    Code(u8),
    /// The connection breaks after so many entries of a search.
    BreakAfter(usize),
    /// The request is carried out, and the connection breaks before the answer.
    BreakUnanswered,
}

pub struct State {
    pub objects: Vec<Object>,
    pub invocation_id: [u8; 16],
    pub usn: u64,
    pub shows_deleted: bool,
    pub search_faults: VecDeque<Fault>,
    pub write_faults: VecDeque<Fault>,
    /// Pages and single answers to searches below the base.
    pub searches: usize,
    pub adds: usize,
}

#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    pub url: String,
    listener: Arc<tokio::task::AbortHandle>,
}

impl Fake {
    pub async fn start(invocation: u8) -> Self {
        Self::start_at(invocation, "127.0.0.1:0").await
    }

    pub async fn start_at(invocation: u8, address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("ldap://127.0.0.1:{}", listener.local_addr().unwrap().port());
        Self::serve(listener, url, invocation)
    }

    fn serve(listener: TcpListener, url: String, invocation: u8) -> Self {
        let state = State {
            objects: Vec::new(),
            invocation_id: [invocation; 16],
            usn: 1_000,
            shows_deleted: true,
            search_faults: VecDeque::new(),
            write_faults: VecDeque::new(),
            searches: 0,
            adds: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { state, url, listener: Arc::new(task.abort_handle()) }
    }

    /// Nobody can connect any more.
    pub fn stop(&self) {
        self.listener.abort();
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    pub fn put(&mut self, dn: &str, attributes: &[(&str, &[&str])]) -> String {
        self.usn += 1;
        let number = self.usn;
        let mut guid = [0; 16];
        guid[..8].copy_from_slice(&number.to_be_bytes());
        let own = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let mut object = Object { dn: dn.into(), guid, attributes: BTreeMap::new() };
        object.attributes = attributes.iter().map(|(name, values)| ((*name).to_owned(), own(values))).collect();
        object.attributes.insert("uSNChanged".into(), vec![number.to_string()]);
        object.attributes.insert("uSNCreated".into(), vec![number.to_string()]);
        object.attributes.insert("distinguishedName".into(), vec![dn.to_owned()]);
        let text = object.guid_text();
        self.objects.push(object);
        text
    }

    pub fn put_mailbox(&mut self, name: &str) -> String {
        let dn = format!("CN={name},OU=People,{BASE}");
        let (mail, primary) = (format!("{name}@corp.example"), format!("SMTP:{name}@corp.example"));
        let attributes: &[(&str, &[&str])] = &[
            ("objectClass", &["top", "person", "organizationalPerson", "user"]),
            ("objectCategory", &["person"]),
            ("mailNickname", &[name]),
            ("mail", &[&mail]),
            ("proxyAddresses", &[&primary]),
            ("msExchRecipientTypeDetails", &["1"]),
            ("displayName", &[name]),
        ];
        self.put(&dn, attributes)
    }

    fn find(&self, dn: &str) -> Option<&Object> {
        let guid = dn.strip_prefix("<GUID=").map(|rest| rest.trim_end_matches('>'));
        self.objects.iter().find(|object| match guid {
            Some(guid) => object.guid_text() == guid,
            None => object.dn.eq_ignore_ascii_case(dn),
        })
    }
}

fn primitive(class: TagClass, id: u64, bytes: impl Into<Vec<u8>>) -> StructureTag {
    StructureTag { class, id, payload: PL::P(bytes.into()) }
}

fn constructed(class: TagClass, id: u64, parts: Vec<StructureTag>) -> StructureTag {
    StructureTag { class, id, payload: PL::C(parts) }
}

fn octets(bytes: impl Into<Vec<u8>>) -> StructureTag {
    primitive(TagClass::Universal, 4, bytes)
}

fn sequence(parts: Vec<StructureTag>) -> StructureTag {
    constructed(TagClass::Universal, 16, parts)
}

fn result(id: u64, code: u8) -> StructureTag {
    let parts = vec![primitive(TagClass::Universal, 10, [code]), octets(""), octets("")];
    constructed(TagClass::Application, id, parts)
}

fn parts(tag: &StructureTag) -> &[StructureTag] {
    match &tag.payload {
        PL::C(parts) => parts,
        PL::P(_) => &[],
    }
}

fn encoded(tag: StructureTag) -> Vec<u8> {
    let mut bytes = bytes::BytesMut::new();
    write::encode_into(&mut bytes, tag).unwrap();
    bytes.to_vec()
}

fn message(id: &StructureTag, operation: StructureTag, controls: Option<StructureTag>) -> Vec<u8> {
    encoded(sequence([Some(id.clone()), Some(operation), controls].into_iter().flatten().collect()))
}

/// `None` = the connection breaks after these bytes.
type Answer = (Vec<u8>, bool);

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut buffer = Vec::new();
    loop {
        while let Ok((rest, request)) = parse_tag(&buffer) {
            let used = buffer.len() - rest.len();
            buffer.drain(..used);
            let (bytes, goes_on) = answer(&request, &mut state.lock().unwrap());
            if stream.write_all(&bytes).await.is_err() || !goes_on {
                return;
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn answer(request: &StructureTag, state: &mut State) -> Answer {
    let [id, operation, rest @ ..] = parts(request) else { panic!("no LDAP message") };
    let simple = |code: u8| (message(id, result(operation.id + 1, code), None), true);
    match operation.id {
        0 => simple(0),
        2 => (Vec::new(), false),
        3 => search(id, operation, rest.first(), state),
        6 | 8 | 10 => {
            let fault = state.write_faults.pop_front();
            if let Some(Fault::Code(code)) = fault {
                return simple(code);
            }
            let (bytes, _) = simple(change(operation, state));
            match fault {
                Some(_) => (Vec::new(), false),
                None => (bytes, true),
            }
        }
        other => panic!("the fake does not know the operation {other}"),
    }
}

fn change(operation: &StructureTag, state: &mut State) -> u8 {
    match operation.id {
        8 => {
            let [dn, attributes] = parts(operation) else { panic!("no add") };
            if state.find(&text(dn)).is_some() {
                return 68;
            }
            state.adds += 1;
            let own = |attribute: &StructureTag| {
                let [name, values] = parts(attribute) else { panic!("no attribute") };
                (text(name), parts(values).iter().map(text).collect::<Vec<_>>())
            };
            let values: Vec<(String, Vec<String>)> = parts(attributes).iter().map(own).collect();
            state.put(&text(dn), &[]);
            state.objects.last_mut().unwrap().attributes.extend(values);
            0
        }
        10 => {
            let Some(guid) = state.find(&text(operation)).map(|object| object.guid) else { return 32 };
            state.objects.retain(|object| object.guid != guid);
            0
        }
        other => panic!("the fake does not know the change {other}"),
    }
}

fn control<'a>(controls: Option<&'a StructureTag>, oid: &str) -> Option<&'a StructureTag> {
    controls.map_or(&[][..], parts).iter().find(|control| text(&parts(control)[0]) == oid)
}

fn search(id: &StructureTag, operation: &StructureTag, controls: Option<&StructureTag>, state: &mut State) -> Answer {
    let [base, scope, _, _, _, _, filter, attributes] = parts(operation) else { panic!("no search") };
    let (base, subtree) = (text(base), matches!(&scope.payload, PL::P(bytes) if bytes[..] == [2]));
    let wanted: Vec<String> = parts(attributes).iter().map(text).collect();
    let extended = control(controls, EXTENDED_DN).is_some();
    if !subtree {
        return match fixed(&base, state).or_else(|| state.find(&base).cloned()) {
            Some(object) => {
                let entry = message(id, entry(&object, &wanted, extended, state), None);
                ([entry, message(id, result(5, 0), None)].concat(), true)
            }
            None => (message(id, result(5, 32), None), true),
        };
    }
    state.searches += 1;
    let fault = state.search_faults.pop_front();
    if let Some(Fault::Code(code)) = fault {
        return (message(id, result(5, code), None), true);
    }
    let below = |object: &&Object| object.dn.to_lowercase().ends_with(&base.to_lowercase());
    let found: Vec<&Object> = state.objects.iter().filter(below).filter(|object| matches(filter, object)).collect();
    let paged = control(controls, PAGED).map(|control| {
        let PL::P(value) = &parts(control).last().unwrap().payload else { panic!("no value") };
        let (_, value) = parse_tag(value).unwrap();
        let [size, cookie] = parts(&value) else { panic!("no page") };
        let PL::P(size) = &size.payload else { panic!("no size") };
        let size = size.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (size.min(1_000), text(cookie).parse::<usize>().unwrap_or(0))
    });
    let (size, start) = paged.unwrap_or((1_000, 0));
    let page: Vec<Vec<u8>> = found
        .iter()
        .skip(start)
        .take(size)
        .map(|object| message(id, entry(object, &wanted, extended, state), None))
        .collect();
    if let Some(Fault::BreakAfter(count)) = fault {
        return (page[..count.min(page.len())].concat(), false);
    }
    let more = start + size < found.len();
    let last = match paged {
        None => message(id, result(5, if more { 4 } else { 0 }), None),
        Some(_) => {
            let cookie = if more { (start + size).to_string() } else { String::new() };
            let value = encoded(sequence(vec![primitive(TagClass::Universal, 2, [0]), octets(cookie)]));
            let control = sequence(vec![octets(PAGED), octets(value)]);
            message(id, result(5, 0), Some(constructed(TagClass::Context, 0, vec![control])))
        }
    };
    ([page.concat(), last].concat(), true)
}

/// Objects that every controller has.
fn fixed(base: &str, state: &State) -> Option<Object> {
    let of = |attributes: &[(&str, &str)], guid: [u8; 16]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
        Object { dn: base.to_owned(), guid, attributes: attributes.iter().map(own).collect() }
    };
    let usn = state.usn.to_string();
    match base {
        "" => {
            let mut root = of(
                &[
                    ("defaultNamingContext", BASE),
                    ("configurationNamingContext", CONFIGURATION),
                    ("dsServiceName", SETTINGS),
                    ("highestCommittedUSN", &usn),
                ],
                [0; 16],
            );
            root.attributes.insert("namingContexts".into(), vec![BASE.into(), CONFIGURATION.into()]);
            Some(root)
        }
        CONFIGURATION => Some(of(&[], [7; 16])),
        SETTINGS => Some(of(&[], state.invocation_id)),
        _ if base.starts_with("<WKGUID=") && state.shows_deleted => Some(of(&[], [8; 16])),
        _ => None,
    }
}

fn entry(object: &Object, wanted: &[String], extended: bool, state: &State) -> StructureTag {
    let mut attributes: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    for name in wanted {
        let (plain, start) = match name.split_once(";range=") {
            Some((plain, range)) => (plain, range.split('-').next().unwrap().parse().unwrap()),
            None => (name.as_str(), 0),
        };
        if plain.eq_ignore_ascii_case("objectGUID") || plain.eq_ignore_ascii_case("invocationId") {
            attributes.push((plain.to_owned(), vec![object.guid.to_vec()]));
            continue;
        }
        let all = object.texts(plain);
        let name_of = |dn: &String| match state.find(dn).filter(|_| extended) {
            Some(other) => format!("<GUID={}>;{dn}", other.guid_text()).into_bytes(),
            None => dn.clone().into_bytes(),
        };
        let values: Vec<Vec<u8>> = all.iter().skip(start).take(1_500).map(name_of).collect();
        if all.len() > 1_500 {
            let last = if start + 1_500 < all.len() { (start + 1_499).to_string() } else { "*".into() };
            if start == 0 {
                attributes.push((plain.to_owned(), Vec::new()));
            }
            attributes.push((format!("{plain};range={start}-{last}"), values));
        } else if !values.is_empty() {
            attributes.push((plain.to_owned(), values));
        }
    }
    let attribute = |(name, values): (String, Vec<Vec<u8>>)| {
        let values = values.into_iter().map(octets).collect();
        sequence(vec![octets(name), constructed(TagClass::Universal, 17, values)])
    };
    let dn = if extended { format!("<GUID={}>;{}", object.guid_text(), object.dn) } else { object.dn.clone() };
    let parts = vec![octets(dn), sequence(attributes.into_iter().map(attribute).collect())];
    constructed(TagClass::Application, 4, parts)
}
