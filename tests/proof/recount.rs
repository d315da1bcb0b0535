//! Counting everything anew, from the items of the tables and the bytes of the files,
//! by code that shares nothing with what counted it first.

use std::collections::{BTreeMap, HashSet};
use std::process::Command;
use std::sync::atomic::Ordering;

use fincoach_local::engine::{Credentials, Endpoints};
use fincoach_local::environment::clients_at;
use learning_core::dataset::settings::Settings;
use learning_core::dataset::{Counts, Dataset};
use learning_core::store::{Clients, Objects, Versions};
use learning_core::usecase::Observe;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::process::{Place, Program};
use crate::senders::Load;

#[derive(Debug, Default)]
pub struct Recount {
    /// The ids of all stored events.
    pub events: HashSet<Uuid>,
    /// Versions whose files are there, whole, and made of all events up to their epoch.
    pub versions: u64,
    pub withdrawn: u64,
    /// Counts that the program's own reconciler held to what is stored.
    pub compared: u64,
}

impl Recount {
    /// Every event that was sent is stored, once, and nothing else.
    pub fn assert_is(&self, load: &Load) {
        assert_eq!(self.events.len() as u32, load.events, "stored events");
        assert!((0..load.events).all(|number| self.events.contains(&Load::id(number))), "every event is stored");
    }
}

/// Clients of the engines of a running program.
fn clients(place: &Place) -> Clients {
    let port = place.port.load(Ordering::SeqCst);
    let url = |after: u16| format!("http://127.0.0.1:{}", port + after);
    let nowhere = "http://127.0.0.1:1".to_owned();
    let credentials = Credentials::existing(&place.data).unwrap();
    let at = Endpoints {
        dynamodb: url(2),
        dynamodb_credentials: credentials.clone(),
        s3: url(1),
        bus: nowhere,
        credentials,
    };
    clients_at(&at, &Settings::default())
}

/// How a chapter ends once the program is at rest: everything is counted anew, the program is killed,
/// its own reconciler must agree, and nothing may have panicked.
pub async fn audit(place: &Place, program: Program) -> Recount {
    let found = recount(&clients(place)).await;
    program.kill();
    let compared = reconcile(place);
    assert_eq!(place.said("panicked"), Vec::<String>::new());
    Recount { compared, ..found }
}

/// Holds what the program keeps to what is stored, while it is at rest.
pub async fn recount(clients: &Clients) -> Recount {
    let mut found = Recount::default();
    let mut stamped = BTreeMap::<(String, u64), u64>::new();
    // Without a limit, the embedded engine reads the rest of the table for every page.
    let scan = clients.dynamodb.scan().table_name(&clients.resources.events_table).consistent_read(true).limit(3_000);
    let mut pages = scan.into_paginator().send();
    while let Some(page) = pages.next().await {
        for item in page.unwrap().items() {
            let Ok(id) = Uuid::parse_str(item["event_id"].as_s().unwrap()) else { continue };
            assert!(found.events.insert(id), "{id} is stored twice");
            for (name, epoch) in item {
                if let Some(dataset) = name.strip_prefix("epoch_") {
                    let epoch = epoch.as_n().unwrap().parse().unwrap();
                    *stamped.entry((dataset.to_owned(), epoch)).or_default() += 1;
                }
            }
        }
    }
    let up_to = |dataset: Dataset, epoch: u64| -> u64 {
        let range = (dataset.name().to_owned(), 0)..=(dataset.name().to_owned(), epoch);
        stamped.range(range).map(|(_, events)| events).sum()
    };
    for overview in Observe::new(clients, &Settings::default()).all().await.unwrap() {
        let dataset = overview.head.dataset;
        assert!(overview.head.preparation.is_none(), "{dataset} is at rest");
        let kept = (overview.head.stored() + overview.open).events;
        assert_eq!(kept, up_to(dataset, u64::MAX), "the events of {dataset}");
        let versions = Versions::new(clients).page(dataset, 10_000, None).await.unwrap().items;
        let closed: Counts = versions.iter().map(|version| version.new).sum();
        assert_eq!(closed, overview.head.closed, "the versions of {dataset} closed what its head says");
        for version in versions {
            if version.withdrawn.is_some() {
                found.withdrawn += 1;
                continue;
            }
            let stored = up_to(dataset, version.epoch.0.into());
            assert_eq!(version.input.events, stored, "the input of {dataset} {}", version.version);
            files_are_whole(clients, &version.manifest).await;
            found.versions += 1;
        }
    }
    found
}

/// Every file of a version is there, with the size and checksum that its manifest states.
async fn files_are_whole(clients: &Clients, manifest_key: &str) {
    let objects = Objects::new(clients);
    let manifest: Value = serde_json::from_slice(&objects.get(manifest_key).await.unwrap().unwrap()).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let key = manifest_key.replace("manifest.json", file["path"].as_str().unwrap());
        let bytes = objects.get(&key).await.unwrap().unwrap();
        assert_eq!(bytes.len() as u64, file["bytes"], "{key}");
        assert_eq!(hex::encode(Sha256::digest(&bytes)), file["sha256"].as_str().unwrap(), "{key}");
    }
}

/// What the program's own reconciler finds, once nobody uses the folder any more: how many counts it compared.
fn reconcile(place: &Place) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fincoach-local"));
    command.args(["reconcile", "--format", "json", "--data-dir"]).arg(&place.data);
    let output = command.envs(place.settings.iter().map(|(name, value)| (*name, value))).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str::<Vec<Value>>(&text).unwrap().len() as u64
}

/// Looks for texts in every file below the place: tables, objects, logs. Answers how many bytes were read.
pub fn assert_found_nowhere(place: &Place, secrets: &[&str]) -> u64 {
    let finders: Vec<_> = secrets.iter().map(memchr::memmem::Finder::new).collect();
    let mut folders = vec![place.data.clone()];
    let mut files = vec![place.log.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut read = 0;
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for (secret, finder) in secrets.iter().zip(&finders) {
            assert!(finder.find(&bytes).is_none(), "{secret} is in {}", file.display());
        }
        read += bytes.len() as u64;
    }
    read
}
