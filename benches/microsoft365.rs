//! Microsoft 365 against our own sandbox: how much of the permitted rate a push uses and how often it is told to slow
//! down, and how much slower a pull is than the bare download of the same pages.
//!
//! `GALSYNC_BENCH_CONTACTS` and `GALSYNC_BENCH_RATE` (cmdlets a second that the tenant permits) change the size,
//! `GALSYNC_BENCH_TOGETHER` how many cmdlets go into one request.

mod common;
#[path = "../tests/directory_support/mod.rs"]
mod directory_support;

use common::{Row, report, seconds};
use directory_support::connector;
use directory_support::contact::{Origin, change, contact_for};
use directory_support::microsoft365::{self, CLIENT, READ, SECRET, TENANT, WRITE, app, secrets};
use futures::TryStreamExt;
use galsync::directory::microsoft365::{Microsoft365Source, Microsoft365Target};
use galsync::directory::{ChangeResult, Source, Target};
use galsync::model::connector::{Connector, Microsoft365, ReadScope, System};
use galsync::model::mapping::Mapping;
use galsync::model::{Attribute, Change, ChangeKind, OwnerId, SyncId};
use galsync::sandbox::{Handle, Sandbox};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const BURST: f64 = 20.0;
const LEAST_SHARE: f64 = 0.95;
const MOST_REFUSED: f64 = 0.01;
const LEAST_PULL: f64 = 0.8;
const ROUNDS: usize = 5;

fn number(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let contacts = number("GALSYNC_BENCH_CONTACTS", 20_000.0) as usize;
    let rate = number("GALSYNC_BENCH_RATE", 50.0);
    let mut rows = runtime.block_on(pull(contacts));
    eprintln!("{}: {}; the push takes a while", rows[0].what, rows[0].measured);
    rows.extend(runtime.block_on(push(contacts, rate)));
    if contacts == 20_000 && rate == 50.0 && number("GALSYNC_BENCH_TOGETHER", 1.0) == 1.0 {
        return report("microsoft365", &rows);
    }
    // Another size is no figure for the page.
    for Row { what, measured, .. } in rows {
        println!("{what}: {measured}");
    }
}

async fn sandbox(people: usize, exchange: &str) -> Handle {
    let more = format!("exchange: {exchange}");
    let config = microsoft365::config(people, &[app(CLIENT, READ, WRITE)], &more);
    Sandbox::start(&config).await.expect("a free port")
}

fn settings(sandbox: &Handle) -> (Microsoft365, Connector) {
    let settings = Microsoft365 {
        cmdlets_per_request: number("GALSYNC_BENCH_TOGETHER", 1.0) as u32,
        ..microsoft365::settings(&sandbox.base_url)
    };
    let connector = connector("contoso", System::Microsoft365(settings.clone()));
    (settings, connector)
}

async fn push(contacts: usize, rate: f64) -> Vec<Row> {
    let limits = format!(
        "{{cmdletsPerSecond: {rate:.1}, burst: {BURST}, maxConcurrentRequests: 5, latency: 20ms, readAfterWriteLag: 1s, lagEvery: 500}}"
    );
    let sandbox = sandbox(2, &limits).await;
    let (settings, connector) = settings(&sandbox);
    let (owner, sync) = (OwnerId::new("bench").expect("an owner"), SyncId::new("bench").expect("an id"));
    let target = Microsoft365Target::new(&settings, &connector, secrets(), owner, sync, Mapping::default());
    let target = target.expect("right settings");
    let start = Instant::now();
    let mut done = 0;
    let all: Vec<usize> = (0..contacts).collect();
    for batch in all.chunks(target.capabilities().await.expect("known without asking").batch) {
        let changes: Vec<Change> = batch.iter().map(|number| create(&target, *number)).collect();
        let outcomes = target.apply(&changes).await.expect("the sandbox takes contacts");
        done += outcomes.iter().filter(|outcome| outcome.result == ChangeResult::Done).count();
    }
    let time = start.elapsed();
    assert_eq!(done, contacts, "every contact is made");
    let made: BTreeSet<String> =
        sandbox.microsoft365.objects(TENANT).iter().map(|object| object.primary().to_owned()).collect();
    assert!(made.len() >= contacts, "none is doubled or lost");
    let answered: BTreeMap<bool, u64> = {
        let hosted = sandbox.microsoft365.tenant(TENANT).expect("the tenant");
        let counts = hosted.lock().cmdlets_answered.clone();
        counts.into_iter().fold(BTreeMap::new(), |mut sums, ((_, status), count)| {
            *sums.entry(status == 429).or_default() += count;
            sums
        })
    };
    let (accepted, refused) = (answered.get(&false).copied().unwrap_or(0), refused(&sandbox, &answered));
    let share = accepted as f64 / (time.as_secs_f64() * rate + BURST);
    let refused_share = refused as f64 / (accepted + refused) as f64;
    vec![
        Row {
            what: format!("push of {contacts} contacts, {rate} cmdlets a second permitted: share of it"),
            measured: format!("{:.1} % ({accepted} cmdlets in {})", share * 100.0, seconds(time)),
            mark: format!("≥ {:.0} %", LEAST_SHARE * 100.0),
            holds: share >= LEAST_SHARE,
        },
        Row {
            what: "the same: calls answered 429".to_owned(),
            measured: format!("{:.3} % ({refused})", refused_share * 100.0),
            mark: format!("< {:.0} %", MOST_REFUSED * 100.0),
            holds: refused_share < MOST_REFUSED,
        },
    ]
}

/// For the rate, and for the places, which are refused before a cmdlet is looked at.
fn refused(sandbox: &Handle, answered: &BTreeMap<bool, u64>) -> u64 {
    let table = sandbox.state.counters.table();
    let all: u64 = table.iter().filter(|line| line.service == "exchange" && line.status == 429).map(|l| l.count).sum();
    all.max(answered.get(&true).copied().unwrap_or(0))
}

fn create(target: &Microsoft365Target, number: usize) -> Change {
    let origin = Origin { owner: "bench", sync: "bench", target: TENANT, domain: "fabrikam.example" };
    let mut contact = contact_for(target, &origin, &format!("person{number}"));
    contact.attributes.insert(Attribute::GivenName, "Person".to_owned());
    contact.attributes.insert(Attribute::Surname, format!("Number {number}"));
    change(ChangeKind::Create, None, Some(&contact))
}

async fn pull(people: usize) -> Vec<Row> {
    let sandbox = sandbox(people, "{}").await;
    let scope = ReadScope {
        attributes: Attribute::ALL.iter().copied().filter(|attribute| attribute.crosses_by_default()).collect(),
        groups: BTreeSet::new(),
    };
    let (mut pulls, mut downloads, mut entries) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let (settings, connector) = settings(&sandbox);
        let source = Microsoft365Source::new(&settings, &connector, secrets(), scope.clone()).expect("right settings");
        let start = Instant::now();
        entries = source.read(None).try_fold(0, |count, _| async move { Ok(count + 1) }).await.expect("it can be read");
        pulls.push(start.elapsed());
        downloads.push(download(&sandbox.base_url).await);
    }
    pulls.sort_unstable();
    downloads.sort_unstable();
    let (pull, download) = (pulls[ROUNDS / 2], downloads[ROUNDS / 2]);
    let share = download.as_secs_f64() / pull.as_secs_f64();
    vec![Row {
        what: format!("pull of {entries} entries: rate, of that of the bare download of the same pages"),
        measured: format!("{:.0} % ({}, bare {})", share * 100.0, seconds(pull), seconds(download)),
        mark: format!("≥ {:.0} %", LEAST_PULL * 100.0),
        holds: share >= LEAST_PULL,
    }]
}

/// The same pages one after the other, each parsed as far as its next link.
async fn download(base: &str) -> Duration {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let start = Instant::now();
    let graph = token(&http, base, "https://graph.microsoft.com/.default").await;
    let exchange = token(&http, base, "https://outlook.office365.com/.default").await;
    let details = "Guid,RequireSenderAuthenticationEnabled,AcceptMessagesOnlyFromSendersOrMembers";
    for (cmdlet, select) in [
        ("Get-DistributionGroup", details),
        ("Get-UnifiedGroup", details),
        ("Get-DynamicDistributionGroup", details),
        (
            "Get-Recipient",
            "City,Company,CountryOrRegion,CustomAttribute15,Department,DisplayName,EmailAddresses,\
             ExternalDirectoryObjectId,ExternalEmailAddress,FirstName,Guid,HiddenFromAddressListsEnabled,LastName,\
             LegacyExchangeDN,Office,Phone,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,Title,WhenChangedUTC",
        ),
    ] {
        let body = json!({"CmdletInput": {"CmdletName": cmdlet, "Parameters": {"ResultSize": "Unlimited"}}});
        let mut next = Some(format!("{base}/adminapi/beta/{TENANT}/InvokeCommand?$select={select}"));
        while let Some(url) = next {
            let request = http.post(url).bearer_auth(&exchange).header("prefer", "odata.maxpagesize=1000").json(&body);
            next = page(request.header("x-anchormailbox", format!("APP:x@{TENANT}"))).await;
        }
    }
    for path in [
        "users/delta?$select=id,accountEnabled,onPremisesImmutableId",
        "groups/delta?$select=id,mailEnabled,visibility",
        "contacts/delta?$select=id,mail",
    ] {
        let mut next = Some(format!("{base}/v1.0/{path}"));
        while let Some(url) = next {
            next = page(http.get(url).bearer_auth(&graph).header("prefer", "odata.maxpagesize=999")).await;
        }
    }
    start.elapsed()
}

async fn page(request: reqwest::RequestBuilder) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Page {
        #[serde(rename = "@odata.nextLink")]
        next: Option<String>,
    }
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    let body = answer.bytes().await.expect("a body");
    serde_json::from_slice::<Page>(&body).expect("a page").next
}

async fn token(http: &reqwest::Client, base: &str, scope: &str) -> String {
    let form = format!("grant_type=client_credentials&client_id={CLIENT}&client_secret={SECRET}&scope={scope}")
        .replace(' ', "+");
    let request = http.post(format!("{base}/{TENANT}/oauth2/v2.0/token"));
    let answer = request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await;
    let body: Value = answer.expect("an answer").json().await.expect("a token");
    body["access_token"].as_str().expect("a token").to_owned()
}
